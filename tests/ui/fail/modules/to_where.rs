use belay::prelude::*;

#[belay::device(modules(dir = "modules/clean", to = "../lib"))]
pub trait Board {
    /// ```python
    /// return 1
    /// ```
    #[task]
    async fn one(&self) -> Result<u8>;
}

fn main() {}
