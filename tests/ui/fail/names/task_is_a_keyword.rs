use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// return 1
    /// ```
    #[task]
    async fn lambda(&self) -> Result<u16>;
}

fn main() {}
