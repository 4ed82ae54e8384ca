use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// return 1
    /// ```
    #[task(timeout_ms = 0, retries = 3)]
    async fn read(&self) -> Result<u16>;

    /// ```python
    /// led.of(
    /// ```
    #[task(cache = 5)]
    async fn off(&mut self);
}

fn main() {}
