//! Polling a receiver whose receiving function is an `async fn`.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A receiver, and the future of its next item.
pub(crate) struct Polled<R, T> {
    receive: fn(R) -> Receiving<R, T>,
    state: State<R, T>,
}

/// Resolves to the receiver and what it received.
pub(crate) type Receiving<R, T> = Pin<Box<dyn Future<Output = (R, T)> + Send + Sync>>;

enum State<R, T> {
    Idle(R),
    Receiving(Receiving<R, T>),
    /// Only while the state changes from one to the other.
    Between,
}

impl<R: Unpin, T> Polled<R, T> {
    pub(crate) fn new(receiver: R, receive: fn(R) -> Receiving<R, T>) -> Self {
        let state = State::Idle(receiver);
        Self { receive, state }
    }

    /// Polls for the next item. Nothing is lost when the caller stops polling.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<T> {
        let mut receiving = match std::mem::replace(&mut self.state, State::Between) {
            State::Idle(receiver) => (self.receive)(receiver),
            State::Receiving(receiving) => receiving,
            // The state is left like this only if the receiver's future panicked.
            State::Between => return Poll::Pending,
        };
        let Poll::Ready((receiver, item)) = receiving.as_mut().poll(cx) else {
            self.state = State::Receiving(receiving);
            return Poll::Pending;
        };
        self.state = State::Idle(receiver);
        Poll::Ready(item)
    }
}

impl<R, T> fmt::Debug for Polled<R, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Polled").finish_non_exhaustive()
    }
}
