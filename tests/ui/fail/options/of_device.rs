use belay::prelude::*;

#[belay::device(name = "board", globals = "led")]
trait Board {
    /// ```python
    /// return 1
    /// ```
    #[task]
    async fn read(&self) -> Result<u16>;
}

fn main() {}
