//! Streams of the host that bodies on the board read, one batch of items at a time.

use std::error::Error as StdError;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures_core::Stream;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use serde::Serialize;
use tokio::sync::watch;

use crate::agent::feeds;
use crate::boxed::BoxFuture;
use crate::exception::HostFailure;
use crate::host::HostFunctionError;
use crate::python::{Arguments, Feed};

/// The largest number of items in a batch.
const CREDIT: usize = 64;

/// Marks streams whose items are values.
#[derive(Debug)]
pub enum Plain {}

/// Marks streams whose items are `Result`s of values.
#[derive(Debug)]
pub enum Fallible {}

/// An item of a stream that a body reads: a value that can be expressed in Python, or a `Result` of one. `Kind` is
/// which of the two.
#[diagnostic::on_unimplemented(
    message = "a body cannot read a stream of `{Self}`",
    label = "the items of a stream have to be values for Python",
    note = "an item is anything that implements `serde::Serialize`, or a `Result` of that",
    note = "its error is any that is `Send` and `Sync`, or `Box<dyn std::error::Error + Send + Sync>`"
)]
pub trait StreamItem<Kind> {
    /// Converts the item to a single argument, or to the failure that the body gets instead.
    #[doc(hidden)]
    fn into_item(self) -> Result<Arguments, HostFailure>;
}

impl<T: Serialize> StreamItem<Plain> for T {
    fn into_item(self) -> Result<Arguments, HostFailure> {
        let item = Arguments::new().with("the item", &self);
        match item.literals() {
            Ok(_) => Ok(item),
            Err(error) => Err(HostFunctionError::Returned(error).into()),
        }
    }
}

impl<T: Serialize, E: Into<Box<dyn StdError + Send + Sync>>> StreamItem<Fallible> for Result<T, E> {
    fn into_item(self) -> Result<Arguments, HostFailure> {
        self.map_err(HostFailure::new)?.into_item()
    }
}

/// Adds a stream to arguments. The stream is dropped when the last clone of the arguments is.
pub fn with_stream<S, Kind: 'static>(arguments: Arguments, stream: S) -> Arguments
where
    S: Stream<Item: StreamItem<Kind>> + Send + 'static,
{
    static NUMBERS: AtomicU64 = AtomicU64::new(1);
    let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
    let items = stream.map(StreamItem::into_item);
    let source = Source {
        number,
        items: Mutex::new(Some(Items {
            rest: Box::pin(items),
            failure: None,
        })),
        closed: watch::Sender::new(false),
    };
    arguments.with_feed(Arc::new(source), feeds::iterator(number))
}

/// Adds an iterator to arguments.
pub fn with_iterator<I, Kind: 'static>(arguments: Arguments, items: I) -> Arguments
where
    I: IntoIterator<Item: StreamItem<Kind>, IntoIter: Send + 'static>,
{
    with_stream(arguments, stream::iter(items))
}

/// A stream that a body reads.
struct Source<S> {
    number: u64,
    /// The items that have not been read yet; nothing while a batch is being collected, and once the stream is over.
    items: Mutex<Option<Items<S>>>,
    closed: watch::Sender<bool>,
}

/// The rest of a stream.
struct Items<S> {
    rest: Pin<Box<S>>,
    /// The error that followed the items of the last batch.
    failure: Option<HostFailure>,
}

impl<S> Source<S> {
    fn is_closed(&self) -> bool {
        *self.closed.borrow()
    }

    fn set(&self, items: Option<Items<S>>) -> Option<Items<S>> {
        let mut place = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *place, items)
    }
}

impl<S> Feed for Source<S>
where
    S: Stream<Item = Result<Arguments, HostFailure>> + Send + 'static,
{
    fn number(&self) -> u64 {
        self.number
    }

    fn batch(self: Arc<Self>, room: usize) -> BoxFuture<'static, Result<Arguments, HostFailure>> {
        Box::pin(async move {
            let mut items = self.set(None).ok_or(HostFunctionError::Over)?;
            let mut closed = self.closed.subscribe();
            let (more, batch) = tokio::select! {
                biased;
                _ = closed.wait_for(|closed| *closed) => return Err(HostFunctionError::Over.into()),
                batch = items.batch(room) => batch?,
            };
            if more {
                self.set(Some(items));
                // If it was closed meanwhile, `close` found nothing to drop.
                if self.is_closed() {
                    self.set(None);
                }
            }
            Ok(Arguments::new().with("more", &more).with_all(&batch))
        })
    }

    fn close(&self) {
        self.closed.send_replace(true);
        drop(self.set(None));
    }
}

impl<S: Stream<Item = Result<Arguments, HostFailure>>> Items<S> {
    /// Waits for the next item, and collects those that are ready behind it. The flag is whether there may be more.
    async fn batch(&mut self, room: usize) -> Result<(bool, Arguments), HostFailure> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        let mut batch = Arguments::new();
        let mut size = 0;
        while batch.count() < CREDIT && size < room {
            let next = if batch.count() == 0 {
                self.rest.next().await
            } else {
                match self.rest.next().now_or_never() {
                    Some(next) => next,
                    None => break,
                }
            };
            match next {
                None => return Ok((false, batch)),
                Some(Ok(item)) => {
                    size += item.size();
                    batch = batch.with_all(&item);
                }
                Some(Err(failure)) if batch.count() == 0 => return Err(failure),
                Some(Err(failure)) => {
                    self.failure = Some(failure);
                    break;
                }
            }
        }
        Ok((true, batch))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, thiserror::Error)]
    #[error("no more")]
    struct Broken;

    fn feed<S, Kind: 'static>(stream: S) -> Arc<dyn Feed>
    where
        S: Stream<Item: StreamItem<Kind>> + Send + 'static,
    {
        let arguments = with_stream(Arguments::new(), stream);
        let feed = Arc::clone(arguments.feeds()[0].feed());
        // Dropping the arguments would close the stream.
        std::mem::forget(arguments);
        feed
    }

    async fn next(feed: &Arc<dyn Feed>, room: usize) -> Result<String, HostFailure> {
        let batch = Arc::clone(feed).batch(room).await?;
        Ok(batch.literals().unwrap().to_owned())
    }

    #[tokio::test]
    async fn a_batch_has_what_is_there_once_there_is_something() {
        let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
        let feed = feed(stream::poll_fn(move |cx| receiver.poll_recv(cx)));
        sender.send(1).unwrap();
        sender.send(2).unwrap();
        assert_eq!(next(&feed, 100).await.unwrap(), "True,1,2");
        let waiting = next(&feed, 100);
        let later = async {
            tokio::task::yield_now().await;
            sender.send(3)
        };
        let (batch, sent) = tokio::join!(waiting, later);
        sent.unwrap();
        assert_eq!(batch.unwrap(), "True,3");
        drop(sender);
        assert_eq!(next(&feed, 100).await.unwrap(), "False");
        assert!(next(&feed, 100).await.is_err(), "it is over");
    }

    #[tokio::test]
    async fn a_batch_is_bounded_and_one_item_always_fits() {
        let feed = feed(stream::iter(vec!["x".repeat(10); 200]));
        assert_eq!(next(&feed, 1).await.unwrap(), "True,str(b'xxxxxxxxxx','utf8')");
        let whole = next(&feed, 1_000_000).await.unwrap();
        assert_eq!(whole.matches("utf8").count(), CREDIT);
    }

    #[tokio::test]
    async fn an_error_comes_behind_the_items_before_it() {
        let feed = feed::<_, Fallible>(stream::iter([Ok(1), Err(Broken), Ok(2)]));
        assert_eq!(next(&feed, 100).await.unwrap(), "True,1");
        let failure = next(&feed, 100).await.unwrap_err();
        assert_eq!(failure.to_string(), "no more");
        assert!(next(&feed, 100).await.is_err(), "the error was its end");
    }

    #[tokio::test]
    async fn what_is_closed_is_dropped_and_what_waits_for_it_told() {
        let guard = Arc::new(());
        let inside = Arc::clone(&guard);
        let arguments = with_stream::<_, Plain>(
            Arguments::new(),
            stream::poll_fn(move |_| {
                assert_eq!(Arc::strong_count(&inside), 2);
                std::task::Poll::<Option<u8>>::Pending
            }),
        );
        let feed = Arc::clone(arguments.feeds()[0].feed());
        let waiting = tokio::spawn(async move { next(&feed, 1).await });
        tokio::task::yield_now().await;
        assert_eq!(Arc::strong_count(&guard), 2);
        drop(arguments);
        assert!(waiting.await.unwrap().is_err());
        assert_eq!(Arc::strong_count(&guard), 1);
    }
}
