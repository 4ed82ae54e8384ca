use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// let x = 5;
    /// return x
    /// ```
    #[task]
    async fn read(&self) -> Result<u16>;
}

fn main() {}
