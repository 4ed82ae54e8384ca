use belay::prelude::*;

#[belay::device]
pub trait Board {
    /// ```python
    /// def later():
    ///     await pause(5)
    /// x = f"{a b}"
    /// print(“hello”)
    /// if x:
    ///     return
    /// print('it's')
    /// ```
    #[task]
    async fn read(&self) -> Result<()>;
}

fn main() {}
