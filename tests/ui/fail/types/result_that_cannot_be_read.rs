use belay::prelude::*;

struct Reading;

#[belay::device]
trait Board {
    /// ```python
    /// return 1
    /// ```
    #[task]
    async fn read(&self) -> Result<Reading>;
}

fn main() {}
