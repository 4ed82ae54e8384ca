use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// led = 5
    /// return led
    /// ```
    #[setup]
    async fn open(&self) -> Result<()>;
}

fn main() {}
