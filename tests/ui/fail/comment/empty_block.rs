use belay::prelude::*;

#[belay::device]
trait Board {
    /// Reads.
    ///
    /// ```python
    /// ```
    #[task]
    async fn read(&self) -> Result<u16>;
}

fn main() {}
