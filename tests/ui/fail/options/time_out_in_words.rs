use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// return 1
    /// ```
    #[task(timeout_ms = "2 s")]
    async fn read(&self) -> Result<u16>;
}

fn main() {}
