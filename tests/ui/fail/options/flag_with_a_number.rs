use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// return 1
    /// ```
    #[task(exclusive = 1)]
    async fn read(&self) -> Result<u16>;
}

fn main() {}
