use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// pass
    /// ```
    #[thread(timeout_ms = 2_000)]
    async fn read(&self) -> Result<ThreadHandle>;
}

fn main() {}
