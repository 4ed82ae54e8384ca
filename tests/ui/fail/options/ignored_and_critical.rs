use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// pass
    /// ```
    #[setup(critical, ignore_errors)]
    async fn read(&self) -> Result<()>;
}

fn main() {}
