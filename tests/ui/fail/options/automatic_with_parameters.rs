use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// led = pin
    /// ```
    #[setup(auto)]
    async fn open(&self, pin: u8) -> Result<()>;
}

fn main() {}
