#![allow(unused_imports)]

use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// pass
    /// ```
    #[task]
    async fn on(&self);
}

fn main() {}
