#![deny(warnings)]

use belay::prelude::*;

#[belay::device]
pub trait Board {
    /// ```python
    /// from machine import ADC
    /// sensor = ADC(4)
    /// ```
    #[setup]
    async fn open(&self) -> Result<()>;

    /// ```python
    /// return senser.read_u16()
    /// ```
    #[task]
    async fn read(&self) -> Result<u16>;
}

fn main() {}
