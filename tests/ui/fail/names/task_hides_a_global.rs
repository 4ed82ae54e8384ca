use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// from machine import ADC
    /// adc = ADC(4)
    /// ```
    #[setup]
    async fn open(&self) -> Result<()>;

    /// ```python
    /// return 1
    /// ```
    #[task]
    async fn adc(&self) -> Result<u16>;
}

fn main() {}
