use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// return 1
    /// ```
    #[task(name = "get")]
    async fn read(&self) -> Result<u16>;

    /// ```python
    /// return 2
    /// ```
    #[task]
    async fn get(&self) -> Result<u16>;
}

fn main() {}
