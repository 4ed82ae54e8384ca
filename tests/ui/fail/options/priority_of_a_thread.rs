use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// while True:
    ///     pass
    /// ```
    #[thread(priority = 5)]
    async fn blink(&self) -> Result<ThreadHandle>;
}

fn main() {}
