use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// # later
    /// ```
    #[task]
    async fn read(&self) -> Result<u16>;
}

fn main() {}
