use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// return "a"
    /// ```
    #[task]
    async fn read(&self) -> Result<&str>;
}

fn main() {}
