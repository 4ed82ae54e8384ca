use belay::prelude::*;

#[belay::device(modules(dir = "modules/clean", mpy = true))]
pub trait InMemory {
    /// ```python
    /// return 1
    /// ```
    #[task]
    async fn one(&self) -> Result<u8>;
}

#[belay::device(modules(dir = "modules/clean", to = "/lib", mpy = "yes"))]
pub trait Undecided {
    /// ```python
    /// return 1
    /// ```
    #[task]
    async fn one(&self) -> Result<u8>;
}

fn main() {}
