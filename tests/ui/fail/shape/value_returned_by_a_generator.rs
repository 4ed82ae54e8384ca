use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// yield 1
    /// return 2
    /// ```
    #[task]
    fn read(&self) -> impl Stream<Item = Result<u16>>;
}

fn main() {}
