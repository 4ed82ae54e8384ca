use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// pass
    /// ```
    #[setup(order = "first")]
    async fn read(&self) -> Result<()>;
}

fn main() {}
