//! What a session tells of its own accord.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::thread::ThreadInfo;
use crate::error::Error;
use crate::exception::DeviceException;
use crate::polled::Polled;

/// How many events wait for a listener that does not keep up.
const BACKLOG: usize = 256;

/// Something that happened to a session without having been asked for.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum SessionEvent {
    /// The board was reset: what was deployed and what ran on it is gone.
    Reset,
    /// The connection was lost.
    Lost,
    /// The session is connected again, in this epoch.
    Reconnected {
        /// The epoch, which is another one if the board was reset meanwhile.
        epoch: u64,
    },
    /// The session could not be connected again.
    Faulted(Arc<Error>),
    /// A setup failed that is not critical.
    SetupFailed(Arc<Error>),
    /// A thread ended, or raised and is started again.
    Thread {
        /// The thread as it is now.
        thread: ThreadInfo,
        /// The exception that it raised, with its traceback led back to the Rust source.
        exception: Option<Arc<DeviceException>>,
    },
    /// So many events are not told because the listener did not keep up.
    Missed(u64),
}

/// What happens to a session, from when this was [asked for](super::Session::events) until the device is closed.
#[derive(Debug)]
#[must_use = "a stream does nothing until it is polled"]
pub struct SessionEvents {
    events: Polled<broadcast::Receiver<SessionEvent>, Result<SessionEvent, RecvError>>,
}

impl SessionEvents {
    fn new(receiver: broadcast::Receiver<SessionEvent>) -> Self {
        let events = Polled::new(receiver, |mut receiver| {
            Box::pin(async move {
                let event = receiver.recv().await;
                (receiver, event)
            })
        });
        Self { events }
    }

    /// The next event; nothing once the device is closed.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<SessionEvent> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl Stream for SessionEvents {
    type Item = SessionEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<SessionEvent>> {
        Poll::Ready(match ready!(self.events.poll(cx)) {
            Ok(event) => Some(event),
            Err(RecvError::Lagged(missed)) => Some(SessionEvent::Missed(missed)),
            Err(RecvError::Closed) => None,
        })
    }
}

/// Where events are told, until there are no more.
#[derive(Debug)]
pub(super) struct EventHub(Mutex<Option<broadcast::Sender<SessionEvent>>>);

impl EventHub {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Some(broadcast::Sender::new(BACKLOG))))
    }

    fn sender(&self) -> MutexGuard<'_, Option<broadcast::Sender<SessionEvent>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn subscribe(&self) -> SessionEvents {
        let ended = || broadcast::channel(1).1;
        let sender = self.sender();
        SessionEvents::new(sender.as_ref().map_or_else(ended, broadcast::Sender::subscribe))
    }

    pub(super) fn send(&self, event: SessionEvent) {
        if let Some(sender) = &*self.sender() {
            // Nobody may be listening, which is no error.
            let _ = sender.send(event);
        }
    }

    /// Tells those who listen that there is no more to come.
    pub(super) fn end(&self) {
        *self.sender() = None;
    }
}
