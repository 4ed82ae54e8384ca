#![allow(unused_imports)]

use belay::prelude::*;

trait Board {
    /// ```python
    /// led.on()
    /// ```
    #[belay::setup]
    fn on(&self);
}

fn main() {}
