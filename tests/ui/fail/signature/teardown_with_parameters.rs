use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// print(pin)
    /// ```
    #[teardown]
    async fn off(&self, pin: u8) -> Result<()>;
}

fn main() {}
