use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// adc = 5
    /// adc += 1
    /// ```
    #[task]
    async fn read(&self) -> Result<u16>;
}

fn main() {}
