#![deny(warnings)]

use belay::prelude::*;

#[belay::device]
pub trait Board {
    /// ```python
    /// count = 0
    /// ```
    #[setup]
    async fn open(&self) -> Result<()>;

    /// ```python
    /// count += 1
    /// ```
    #[task]
    async fn step(&self) -> Result<()>;

    /// ```python
    /// count = 0
    /// ```
    #[task]
    #[allow(deprecated)]
    async fn reset(&self) -> Result<()>;
}

fn main() {}
