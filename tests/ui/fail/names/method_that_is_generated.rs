use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// print(1)
    /// ```
    #[task]
    async fn close(&self) -> Result<()>;
}

fn main() {}
