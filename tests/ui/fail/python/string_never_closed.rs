use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// return "abc
    /// ```
    #[task]
    async fn read(&self) -> Result<u16>;
}

fn main() {}
