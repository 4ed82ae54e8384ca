//! What comes by an `async fn` of a receiver, for a stream that is polled.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A receiver, and what it is waiting for.
pub(crate) struct Polled<R, T> {
    receive: fn(R) -> Receiving<R, T>,
    state: State<R, T>,
}

/// Gives the receiver back with what it received.
pub(crate) type Receiving<R, T> = Pin<Box<dyn Future<Output = (R, T)> + Send + Sync>>;

enum State<R, T> {
    Idle(R),
    Receiving(Receiving<R, T>),
    /// Only for as long as it takes to go from one to the other.
    Between,
}

impl<R: Unpin, T> Polled<R, T> {
    pub(crate) fn new(receiver: R, receive: fn(R) -> Receiving<R, T>) -> Self {
        let state = State::Idle(receiver);
        Self { receive, state }
    }

    /// What is received next. Whoever stops polling loses nothing.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<T> {
        let mut receiving = match std::mem::replace(&mut self.state, State::Between) {
            State::Idle(receiver) => (self.receive)(receiver),
            State::Receiving(receiving) => receiving,
            // Only a panic of the receiver's leaves it so.
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
