use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// level = 0
    /// ```
    #[setup]
    async fn open(&self) -> Result<()>;

    /// ```python
    /// return level
    /// ```
    #[task]
    async fn set(&self, level: u16) -> Result<u16>;
}

fn main() {}
