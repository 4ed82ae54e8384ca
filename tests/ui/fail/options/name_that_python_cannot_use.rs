use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// return 1
    /// ```
    #[task(name = "read-out")]
    async fn read(&self) -> Result<u16>;
}

fn main() {}
