use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// pass
    /// ```
    #[thread]
    async fn blink(&self) -> Result<()>;
}

fn main() {}
