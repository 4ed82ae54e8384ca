use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// return 1
    /// ```
    #[task("fast")]
    async fn read(&self) -> Result<u16>;
}

fn main() {}
