use belay::prelude::*;

struct Level;

#[belay::device]
trait Board {
    /// ```python
    /// print(level)
    /// ```
    #[task]
    async fn set(&self, level: Level) -> Result<()>;
}

fn main() {}
