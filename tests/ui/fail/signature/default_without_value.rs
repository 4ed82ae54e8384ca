use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// print(level)
    /// ```
    #[task]
    async fn set(&self, #[default] level: Option<u8>) -> Result<()>;
}

fn main() {}
