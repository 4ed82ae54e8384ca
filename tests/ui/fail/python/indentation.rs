use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// if True:
    /// return 1
    /// ```
    #[task]
    async fn read(&self) -> Result<u16>;
}

fn main() {}
