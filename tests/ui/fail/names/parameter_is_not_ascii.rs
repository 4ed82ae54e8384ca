use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// return größe
    /// ```
    #[task]
    async fn read(&self, größe: u8) -> Result<u16>;
}

fn main() {}
