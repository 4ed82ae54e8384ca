#![deny(warnings)]

use belay::prelude::*;

#[belay::device]
pub trait Board {
    /// ```python
    /// return 5
    /// ```
    #[task]
    async fn read(&self, pin: u8) -> Result<u16>;
}

fn main() {}
