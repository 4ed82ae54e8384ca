#![allow(unused_imports)]

use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// return 1
    /// ```
    #[task]
    fn read(&self) -> impl Iterator;
}

fn main() {}
