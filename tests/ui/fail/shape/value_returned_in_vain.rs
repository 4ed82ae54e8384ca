use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// led = 5
    /// return led + 1
    /// ```
    #[task]
    async fn on(&self) -> Result<()>;
}

fn main() {}
