use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// pass
    /// ```
    #[setup(idempotent)]
    async fn read(&self) -> Result<()>;
}

fn main() {}
