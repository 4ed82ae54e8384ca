use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// pass
    /// ```
    #[thread(auto_restart = "often")]
    async fn read(&self) -> Result<ThreadHandle>;
}

fn main() {}
