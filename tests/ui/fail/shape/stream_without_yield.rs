use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// return [1, 2]
    /// ```
    #[task]
    fn read(&self) -> impl Stream<Item = Result<u16>>;
}

fn main() {}
