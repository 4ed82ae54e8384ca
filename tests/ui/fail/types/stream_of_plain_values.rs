use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// yield 1
    /// ```
    #[task]
    fn read(&self) -> impl Stream<Item = u16>;
}

fn main() {}
