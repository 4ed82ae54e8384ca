use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// return 5
    /// ```
    #[thread]
    async fn blink(&self) -> Result<ThreadHandle>;
}

fn main() {}
