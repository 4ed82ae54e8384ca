use belay::prelude::*;
use belay::python::Bytes;
use std::borrow::Cow;

#[belay::device]
trait Board {
    /// ```python
    /// return b"1"
    /// ```
    #[task]
    async fn read(&self) -> Result<Bytes<'_>>;

    /// ```python
    /// return "1"
    /// ```
    #[task]
    async fn text(&self) -> Result<Cow<'_, str>>;
}

fn main() {}
