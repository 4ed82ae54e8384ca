use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// if 1:
    ///     return
    /// print("off")
    /// ```
    #[teardown]
    async fn off(&self) -> Result<()>;
}

fn main() {}
