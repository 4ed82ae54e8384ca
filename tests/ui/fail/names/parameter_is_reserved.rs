use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// return __stop
    /// ```
    #[task]
    async fn read(&self, __stop: u8) -> Result<u16>;
}

fn main() {}
