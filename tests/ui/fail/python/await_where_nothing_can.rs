use belay::prelude::*;

#[belay::device]
trait Waiter {
    /// ```python
    /// import asyncio
    /// await asyncio.sleep(1)
    /// ```
    #[setup]
    async fn prepare(&self) -> Result<()>;

    /// ```python
    /// async with lock:
    ///     pin.off()
    /// ```
    #[teardown]
    async fn end(&self) -> Result<()>;

    /// ```python
    /// while True:
    ///     await asyncio.sleep(1)
    ///     yield 1
    /// ```
    #[task]
    fn each(&self) -> impl Stream<Item = Result<u8>>;
}

fn main() {}
