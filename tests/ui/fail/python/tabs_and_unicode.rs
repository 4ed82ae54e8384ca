use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// name = "größe" +
    /// return 1
    /// ```
    #[task]
    async fn read(&self) -> Result<u16>;
}

fn main() {}
