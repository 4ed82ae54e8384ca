#![deny(warnings)]

use belay::prelude::*;

#[belay::device(modules = "modules/good")]
pub trait Board {
    /// ```python
    /// import drivr
    /// import numpy
    /// from driver import Drivr
    /// from parts import wheel, Wheel, hub
    /// from parts.wheel import _SPOKES
    /// import parts.weel
    /// from . import driver
    /// ```
    #[setup]
    async fn open(&self) -> Result<()>;
}

fn main() {}
