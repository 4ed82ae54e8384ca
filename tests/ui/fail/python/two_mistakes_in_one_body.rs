use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// a = 1 +
    /// b = 2
    /// c = )
    /// return b
    /// ```
    #[task]
    async fn read(&self) -> Result<u16>;
}

fn main() {}
