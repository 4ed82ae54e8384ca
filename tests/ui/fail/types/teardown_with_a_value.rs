use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// pass
    /// ```
    #[teardown]
    async fn open(&self) -> Result<u16>;
}

fn main() {}
