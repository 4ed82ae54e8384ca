use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// return 1
    /// ```
    #[task]
    async fn größe(&self) -> Result<u16>;

    /// ```python
    /// pass
    /// ```
    #[thread]
    async fn zählen(&self) -> Result<ThreadHandle>;
}

fn main() {}
