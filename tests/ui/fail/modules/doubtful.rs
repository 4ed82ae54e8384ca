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
    /// from parts import *
    /// ```
    #[setup]
    async fn open(&self) -> Result<()>;

    /// ```python
    /// return Weel(Wheel())
    /// ```
    #[task]
    async fn turn(&self) -> Result<u8>;
}

fn main() {}
