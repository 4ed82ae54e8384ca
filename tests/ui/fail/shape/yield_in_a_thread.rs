use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// while True:
    ///     yield 5
    /// ```
    #[thread]
    async fn blink(&self) -> Result<ThreadHandle>;
}

fn main() {}
