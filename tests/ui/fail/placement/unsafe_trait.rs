use belay::prelude::*;

#[belay::device]
unsafe trait Board {
    /// ```python
    /// return 1
    /// ```
    #[task]
    async fn read(&self) -> Result<u16>;
}

fn main() {}
