use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// import sys
    /// ```
    #[setup]
    async fn open(&self) -> Result<()>;

    /// ```python
    /// text = sys.stdin.buffer.read(1)
    /// return text
    /// ```
    #[task]
    async fn key(&self) -> Result<String>;

    /// ```python
    /// from sys import stdin as keys
    /// for line in keys:
    ///     print(line)
    /// ```
    #[thread]
    async fn echo(&self) -> Result<ThreadHandle>;
}

fn main() {}
