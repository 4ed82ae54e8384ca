#![allow(unused_imports)]

use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// pass
    /// ```
    #[setup]
    fn open(&self) -> impl Stream<Item = Result<u16>>;
}

fn main() {}
