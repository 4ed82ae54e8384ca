use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// led(r, g)
    /// ```
    #[task]
    async fn set(&self, (r, g): (u8, u8)) -> Result<()>;
}

fn main() {}
