use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// return 1
    /// ```
    #[task(timout_ms = 2_000)]
    async fn read(&self) -> Result<u16>;
}

fn main() {}
