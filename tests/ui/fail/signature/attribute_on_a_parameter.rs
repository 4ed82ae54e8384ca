use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// print(level)
    /// ```
    #[task]
    async fn set(&self, #[cfg(unix)] level: u8) -> Result<()>;
}

fn main() {}
