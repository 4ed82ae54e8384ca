use std::pin::Pin;

use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// return sum(items or [])
    /// ```
    #[task]
    async fn total(&self, items: Option<impl Stream<Item = u32>>) -> Result<u32>;

    /// ```python
    /// return sum(items)
    /// ```
    #[task]
    async fn boxed(&self, items: Pin<Box<dyn Stream<Item = u32> + Send>>) -> Result<u32>;
}

fn main() {}
