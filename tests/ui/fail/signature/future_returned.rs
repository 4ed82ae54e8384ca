#![allow(unused_imports)]

use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// return 1
    /// ```
    #[task]
    fn read(&self) -> impl Future<Output = Result<u16>>;
}

fn main() {}
