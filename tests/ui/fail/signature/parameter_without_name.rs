use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// pass
    /// ```
    #[task]
    async fn set(&self, _: u8) -> Result<()>;
}

fn main() {}
