#![deny(warnings)]

use belay::prelude::*;

#[belay::device(modules(dir = "modules/clean"), globals(display))]
pub trait Board {
    /// ```python
    /// import driver
    /// import display
    /// from parts import Wheel, wheel
    /// import utime, machine, ssd1306
    /// try:
    ///     import nowhere
    /// except ImportError:
    ///     import elsewhere as nowhere
    /// if driver.numpy:
    ///     from digitalio import DigitalInOut
    /// ```
    #[setup]
    async fn open(&self) -> Result<()>;
}

fn main() {}
