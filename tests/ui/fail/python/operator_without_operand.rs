use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// volts = 3.3 * / 65535
    /// return volts
    /// ```
    #[task]
    async fn read(&self) -> Result<u16>;
}

fn main() {}
