#![allow(unused_imports)]

use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// pass
    /// ```
    #[thread]
    fn blink(&self) -> impl Stream<Item = Result<u16>>;
}

fn main() {}
