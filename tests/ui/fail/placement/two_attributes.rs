use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// led.on()
    /// ```
    #[task]
    #[thread]
    async fn blink(&self) -> Result<()>;
}

fn main() {}
