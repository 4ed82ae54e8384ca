//! File operations whose progress can be observed.

use std::collections::VecDeque;
use std::fmt;
use std::future::IntoFuture;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::boxed::BoxFuture;
use crate::error::Result;

/// The progress of a file operation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// The file, as its path on the board.
    pub path: Arc<str>,
    /// What is being done with the file.
    pub step: Step,
    /// How many bytes of the whole operation have been transferred.
    pub done: u64,
    /// How many bytes the whole operation transfers.
    pub total: u64,
}

/// What is being done with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Step {
    /// A part of it has been read.
    Read,
    /// A part of it has been written.
    Write,
    /// It is complete, and is at its path.
    Written,
    /// It was removed.
    Removed,
}

/// A read, write or synchronisation that has not begun yet.
///
/// Awaiting it runs it and returns the result. [`events`](Self::events) runs it, too, and reports its progress on the
/// way.
///
/// # Cancel safety
///
/// When the future or the stream is dropped, the file that was being written is given up: its path has either its
/// previous contents or already the whole new file, and nothing else is left on the board.
///
/// ```no_run
/// # use futures_util::StreamExt as _;
/// # async fn example(device: belay_runtime::Device, image: Vec<u8>) -> belay_runtime::Result<()> {
/// # use belay_runtime as belay;
/// use belay::TransferEvent;
///
/// let mut writing = device.files().write("/image.bin", image).events();
/// while let Some(event) = writing.next().await {
///     if let TransferEvent::Progress(progress) = event? {
///         println!("{} of {} bytes", progress.done, progress.total);
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is done until it is awaited"]
pub struct Transfer<T> {
    work: Box<dyn FnOnce(Reporter) -> BoxFuture<'static, Result<T>> + Send>,
}

impl<T> Transfer<T> {
    pub(super) fn new<F>(work: impl FnOnce(Reporter) -> F + Send + 'static) -> Self
    where
        F: Future<Output = Result<T>> + Send + 'static,
    {
        Self {
            work: Box::new(|reporter| Box::pin(work(reporter))),
        }
    }

    /// Runs it and reports its progress. The last item is the result or the error.
    pub fn events(self) -> TransferEvents<T> {
        let reporter = Reporter(Some(Arc::default()));
        TransferEvents {
            work: Some((self.work)(reporter.clone())),
            reporter,
            outcome: None,
        }
    }
}

impl<T: 'static> IntoFuture for Transfer<T> {
    type Output = Result<T>;
    type IntoFuture = BoxFuture<'static, Result<T>>;

    fn into_future(self) -> Self::IntoFuture {
        (self.work)(Reporter(None))
    }
}

impl<T> fmt::Debug for Transfer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transfer").finish_non_exhaustive()
    }
}

/// An item of a [`Transfer`]'s events.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransferEvent<T> {
    /// The progress so far.
    Progress(Progress),
    /// The operation is done, with this result.
    Done(T),
}

/// The events of a [`Transfer`].
#[must_use = "a stream does nothing until it is polled"]
pub struct TransferEvents<T> {
    work: Option<BoxFuture<'static, Result<T>>>,
    reporter: Reporter,
    outcome: Option<Result<T>>,
}

impl<T> TransferEvents<T> {
    /// The next event; nothing after the last one.
    ///
    /// # Cancel safety
    ///
    /// No event is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Result<TransferEvent<T>>>
    where
        T: Unpin,
    {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl<T: Unpin> Stream for TransferEvents<T> {
    type Item = Result<TransferEvent<T>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        // Deliver the queued progress first, so that the queue never holds more than what one poll of the work adds.
        if let Some(progress) = self.reporter.take() {
            return Poll::Ready(Some(Ok(TransferEvent::Progress(progress))));
        }
        if let Some(work) = &mut self.work
            && let Poll::Ready(outcome) = work.as_mut().poll(cx)
        {
            self.work = None;
            self.outcome = Some(outcome);
        }
        if let Some(progress) = self.reporter.take() {
            return Poll::Ready(Some(Ok(TransferEvent::Progress(progress))));
        }
        match self.outcome.take() {
            Some(outcome) => Poll::Ready(Some(outcome.map(TransferEvent::Done))),
            None if self.work.is_some() => Poll::Pending,
            None => Poll::Ready(None),
        }
    }
}

impl<T> fmt::Debug for TransferEvents<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransferEvents").finish_non_exhaustive()
    }
}

/// Where an operation reports its progress, if anyone observes it.
#[derive(Debug, Clone)]
pub(super) struct Reporter(Option<Arc<Mutex<VecDeque<Progress>>>>);

impl Reporter {
    pub(super) fn tell(&self, progress: Progress) {
        if let Some(queue) = &self.0 {
            queue
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push_back(progress);
        }
    }

    fn take(&self) -> Option<Progress> {
        let queue = self.0.as_ref()?;
        queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

/// Counts the bytes of one operation, which may be about many files.
#[derive(Debug)]
pub(super) struct Meter {
    reporter: Reporter,
    done: u64,
    total: u64,
}

impl Meter {
    pub(super) fn new(reporter: Reporter, total: u64) -> Self {
        Self {
            reporter,
            done: 0,
            total,
        }
    }

    /// Counts this many more bytes of this file as transferred.
    pub(super) fn add(&mut self, path: &Arc<str>, step: Step, bytes: usize) {
        self.done += bytes as u64;
        self.tell(path, step);
    }

    pub(super) fn tell(&self, path: &Arc<str>, step: Step) {
        self.reporter.tell(Progress {
            path: Arc::clone(path),
            step,
            done: self.done,
            total: self.total,
        });
    }
}
