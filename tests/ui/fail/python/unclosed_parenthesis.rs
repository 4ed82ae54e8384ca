use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// value = int(3
    /// return value
    /// ```
    #[task]
    async fn read(&self) -> Result<u16>;
}

fn main() {}
