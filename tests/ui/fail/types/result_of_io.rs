use belay::prelude::*;
use std::io;

#[belay::device]
trait Board {
    /// ```python
    /// return 1
    /// ```
    #[task]
    async fn read(&self) -> io::Result<u8>;

    /// ```python
    /// led = 1
    /// ```
    #[setup]
    async fn open(&self) -> std::io::Result<()>;

    /// ```python
    /// while True:
    ///     pass
    /// ```
    #[thread]
    async fn blink(&self) -> io::Result<ThreadHandle>;
}

fn main() {}
