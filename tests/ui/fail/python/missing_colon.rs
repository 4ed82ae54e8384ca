use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// for i in range(3)
    ///     print(i)
    /// return 1
    /// ```
    #[task]
    async fn read(&self) -> Result<u16>;
}

fn main() {}
