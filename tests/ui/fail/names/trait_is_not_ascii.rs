use belay::prelude::*;

#[belay::device]
trait Größe {
    /// ```python
    /// return 1
    /// ```
    #[task]
    async fn read(&self) -> Result<u16>;
}

fn main() {}
