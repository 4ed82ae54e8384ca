//! Events of a session: resets, lost connections and the like.

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

/// How many events are queued for a subscriber that does not keep up.
const BACKLOG: usize = 256;

/// Something that happened to a session of its own accord.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum SessionEvent {
    /// The board was reset: everything that was deployed or running on it is gone.
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
    /// A setup that is not critical failed.
    SetupFailed(Arc<Error>),
    /// A thread ended, or raised an exception and is started again.
    Thread {
        /// The thread as it is now.
        thread: ThreadInfo,
        /// The exception that it raised, with its traceback mapped to the Rust source.
        exception: Option<Arc<DeviceException>>,
    },
    /// This many events were dropped because the subscriber did not keep up.
    Missed(u64),
}

/// The events of a session, from the [subscription](super::Session::events) until the device is closed.
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
    /// No event is lost when the future is dropped.
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

/// Sends events to all subscribers, until it is ended.
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
            // There may be no subscribers, which is no error.
            let _ = sender.send(event);
        }
    }

    /// Ends the streams of all subscribers.
    pub(super) fn end(&self) {
        *self.sender() = None;
    }
}
