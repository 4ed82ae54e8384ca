#![deny(warnings)]

use belay::prelude::*;

#[belay::device]
pub trait Board {
    /// ```python
    /// import mashine
    /// import display
    /// ```
    #[setup]
    async fn open(&self) -> Result<()>;
}

fn main() {}
