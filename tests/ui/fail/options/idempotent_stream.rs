use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// yield 1
    /// ```
    #[task(idempotent)]
    fn read(&self) -> impl Stream<Item = Result<u16>>;
}

fn main() {}
