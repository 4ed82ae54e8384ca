use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// while True:
    ///     yield 1
    /// ```
    #[task]
    async fn read(&self) -> Result<u16>;
}

fn main() {}
