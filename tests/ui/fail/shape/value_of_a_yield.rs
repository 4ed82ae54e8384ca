use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// total = 0
    /// while True:
    ///     total += (yield total)
    /// ```
    #[task]
    fn totals(&self) -> impl Stream<Item = Result<u32>>;

    /// ```python
    /// while True:
    ///     print((yield))
    /// ```
    #[task]
    fn echo(&self) -> impl Stream<Item = Result<()>>;

    /// ```python
    /// gain = 1
    /// while gain:
    ///     gain = yield gain
    /// ```
    #[task]
    fn gains(&self) -> impl Stream<Item = Result<u32>>;
}

fn main() {}
