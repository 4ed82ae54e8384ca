use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// return 1
    /// ```
    #[task]
    const fn read(&self) -> Result<u16>;
}

fn main() {}
