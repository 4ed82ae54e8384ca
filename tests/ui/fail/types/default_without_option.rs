use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// print(level)
    /// ```
    #[task]
    async fn set(&self, #[default = 5] level: u8) -> Result<()>;
}

fn main() {}
