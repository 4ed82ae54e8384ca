//! The states of a session, and the count of running calls that distinguishes ready from busy.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use tokio::sync::watch;

use crate::polled::Polled;

/// What a session is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SessionState {
    /// The first connection is being made.
    Connecting,
    /// Connected, and nothing is running.
    Ready,
    /// Connected, and at least one call is running.
    Busy,
    /// The connection was lost or the board was reset, and the session is trying to reconnect.
    Recovering,
    /// The connection was lost or the board was reset, and the session does not try to reconnect: calls fail.
    Faulted,
    /// Closed for good.
    Closed,
}

impl SessionState {
    /// Whether calls can be sent to the board.
    pub fn is_connected(self) -> bool {
        matches!(self, Self::Ready | Self::Busy)
    }
}

/// The state of a session, and each change of it until it is [closed](SessionState::Closed).
///
/// Changes in quick succession are merged: the stream always delivers the latest state.
#[derive(Debug)]
#[must_use = "a stream does nothing until it is polled"]
pub struct SessionStates {
    changes: Polled<Changes, Option<SessionState>>,
    ended: bool,
}

#[derive(Debug)]
struct Changes {
    receiver: watch::Receiver<SessionState>,
    /// Whether the initial state has been delivered.
    begun: bool,
}

impl SessionStates {
    pub(super) fn new(receiver: watch::Receiver<SessionState>) -> Self {
        let begun = false;
        let changes = Polled::new(Changes { receiver, begun }, |mut changes| {
            Box::pin(async move {
                let lives = !changes.begun || changes.receiver.changed().await.is_ok();
                changes.begun = true;
                let state = lives.then(|| *changes.receiver.borrow_and_update());
                (changes, state)
            })
        });
        Self {
            changes,
            ended: false,
        }
    }

    /// The current state the first time, and then each new state; nothing once the stream has delivered
    /// [`SessionState::Closed`].
    ///
    /// # Cancel safety
    ///
    /// No state is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<SessionState> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl Stream for SessionStates {
    type Item = SessionState;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<SessionState>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let state = ready!(self.changes.poll(cx));
        self.ended = state.is_none_or(|state| state == SessionState::Closed);
        Poll::Ready(state)
    }
}

/// The state, and a channel that announces every change.
#[derive(Debug)]
pub(super) struct StateMachine {
    state: watch::Sender<SessionState>,
    calls: Mutex<usize>,
}

impl StateMachine {
    pub(super) fn new() -> Self {
        Self {
            state: watch::Sender::new(SessionState::Connecting),
            calls: Mutex::new(0),
        }
    }

    pub(super) fn get(&self) -> SessionState {
        *self.state.borrow()
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<SessionState> {
        self.state.subscribe()
    }

    /// Changes the state to `next` if `allowed` accepts the current state, and returns whether it did.
    /// [`SessionState::Closed`] is final.
    pub(super) fn go(&self, next: SessionState, allowed: impl FnOnce(SessionState) -> bool) -> bool {
        // Hold the lock, so that a call which begins or ends meanwhile acts either before or after the change.
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let next = if next == SessionState::Ready && *calls > 0 {
            SessionState::Busy
        } else {
            next
        };
        self.state.send_if_modified(|state| {
            let goes = *state != SessionState::Closed && *state != next && allowed(*state);
            if goes {
                *state = next;
            }
            goes
        })
    }

    /// Counts a call as running for as long as the guard lives.
    pub(super) fn call(self: &Arc<Self>) -> CallGuard {
        self.count(|calls| *calls += 1);
        CallGuard {
            machine: Arc::clone(self),
        }
    }

    fn count(&self, change: impl FnOnce(&mut usize)) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let before = *calls;
        change(&mut calls);
        let (from, to) = match (before, *calls) {
            (0, _) => (SessionState::Ready, SessionState::Busy),
            (_, 0) => (SessionState::Busy, SessionState::Ready),
            _ => return,
        };
        self.state.send_if_modified(|state| {
            let goes = *state == from;
            if goes {
                *state = to;
            }
            goes
        });
    }
}

/// A call that is running.
pub(super) struct CallGuard {
    machine: Arc<StateMachine>,
}

impl Drop for CallGuard {
    fn drop(&mut self) {
        self.machine.count(|calls| *calls -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn busy_is_when_calls_run_and_ready_when_none_does() {
        let machine = Arc::new(StateMachine::new());
        assert_eq!(machine.get(), SessionState::Connecting);
        assert!(machine.go(SessionState::Ready, |_| true));
        let first = machine.call();
        let second = machine.call();
        assert_eq!(machine.get(), SessionState::Busy);
        drop(first);
        assert_eq!(machine.get(), SessionState::Busy);
        drop(second);
        assert_eq!(machine.get(), SessionState::Ready);
    }

    #[test]
    fn a_call_that_outlives_a_fault_leaves_the_fault_alone() {
        let machine = Arc::new(StateMachine::new());
        machine.go(SessionState::Ready, |_| true);
        let call = machine.call();
        machine.go(SessionState::Recovering, |_| true);
        machine.go(SessionState::Ready, |_| true);
        assert_eq!(machine.get(), SessionState::Busy, "the call is still counted");
        machine.go(SessionState::Faulted, |_| true);
        drop(call);
        assert_eq!(machine.get(), SessionState::Faulted);
    }

    #[test]
    fn nothing_leads_out_of_closed() {
        let machine = Arc::new(StateMachine::new());
        machine.go(SessionState::Closed, |_| true);
        assert!(!machine.go(SessionState::Ready, |_| true));
        let _call = machine.call();
        assert_eq!(machine.get(), SessionState::Closed);
    }
}
