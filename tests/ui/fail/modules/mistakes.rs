use belay::prelude::*;

#[belay::device(modules = "modules/wrong")]
pub trait Board {
    /// ```python
    /// return 1
    /// ```
    #[task]
    async fn one(&self) -> Result<u8>;
}

fn main() {}
