use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// pass
    /// ```
    #[thread(stop = "never")]
    async fn read(&self) -> Result<ThreadHandle>;
}

fn main() {}
