//! Every form of a parameter that is a stream, behind aliases and with errors of every kind.

use belay::prelude::*;

pub type Reading = std::result::Result<u32, std::io::Error>;

#[belay::device]
pub trait Board {
    /// ```python
    /// return sum(items) + sum(more) + sum(rest)
    /// ```
    #[task]
    async fn total(
        &self,
        items: impl Stream<Item = u32> + Send + Unpin,
        more: impl Iterator<Item = u32>,
        rest: impl IntoIterator<Item = u32>,
    ) -> Result<u32>;

    /// ```python
    /// return sum(readings) + sum(words) + sum(own)
    /// ```
    #[task]
    async fn fallible(
        &self,
        readings: impl Stream<Item = Reading>,
        words: impl Stream<Item = Result<u32, String>>,
        own: impl Stream<Item = Result<u32>>,
    ) -> Result<u32>;

    /// ```python
    /// for item in items:
    ///     yield item
    /// ```
    #[task]
    fn same(&self, items: impl Stream<Item = (u8, &'static str)>) -> impl Stream<Item = Result<(u8, String)>>;
}

/// What does as a board.
struct Double;

impl Board for Double {
    async fn total(
        &self,
        _: impl Stream<Item = u32> + Send + Unpin + 'static,
        more: impl Iterator<Item = u32> + Send + 'static,
        _: impl IntoIterator<Item = u32, IntoIter: Send + 'static> + Send + 'static,
    ) -> Result<u32> {
        Ok(more.sum())
    }

    async fn fallible(
        &self,
        _: impl Stream<Item = Reading> + Send + 'static,
        _: impl Stream<Item = Result<u32, String>> + Send + 'static,
        _: impl Stream<Item = Result<u32>> + Send + 'static,
    ) -> Result<u32> {
        Ok(0)
    }

    fn same(
        &self,
        items: impl Stream<Item = (u8, &'static str)> + Send + 'static,
    ) -> impl Stream<Item = Result<(u8, String)>> + Send {
        futures_util::StreamExt::map(items, |(number, text)| Ok((number, text.to_owned())))
    }
}

fn main() {
    let _ = Double;
}
