use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// return 1
    /// ```
    #[task(implementation = "micropython")]
    async fn read(&self) -> Result<u16>;

    /// ```python
    /// return 2
    /// ```
    #[task(implementation = "circuitpython")]
    async fn read(&self) -> Result<u16>;
}

fn main() {}
