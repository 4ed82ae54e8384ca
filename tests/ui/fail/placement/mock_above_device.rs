use belay::prelude::*;

#[mockall::automock]
#[belay::device]
trait Board {
    /// ```python
    /// return 1
    /// ```
    #[task]
    async fn read(&self) -> Result<u8>;

    /// ```python
    /// yield 1
    /// ```
    #[task]
    fn numbers(&self) -> impl Stream<Item = Result<u8>>;
}

fn main() {}
