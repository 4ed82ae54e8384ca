use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// print("hello")
    /// ```
    #[task]
    async fn print(&self) -> Result<()>;
}

fn main() {}
