use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// return 1
    /// ```
    #[task(exclusive, timeout_ms = 5, exclusive)]
    async fn read(&self) -> Result<u16>;
}

fn main() {}
