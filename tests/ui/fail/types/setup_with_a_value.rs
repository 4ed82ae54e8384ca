use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// pass
    /// ```
    #[setup]
    async fn open(&self) -> Result<u16>;
}

fn main() {}
