use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// return 1
    /// ```
    #[task]
    async fn device(&self) -> Result<u8>;
}

fn main() {}
