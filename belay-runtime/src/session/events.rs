//! What a session tells of its own accord, and what its board prints.

use std::sync::Arc;

use tokio::sync::watch;

use super::{Live, Session, SessionState, ThreadInfo};
use crate::error::Error;
use crate::exception::DeviceException;
use crate::link::{Output, OutputSubscription};

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
}

/// What a board prints, across reconnections.
#[derive(Debug)]
pub struct OutputStream {
    lives: watch::Receiver<Arc<Live>>,
    state: watch::Receiver<SessionState>,
    current: OutputSubscription,
}

impl OutputStream {
    pub(super) fn new(session: &Session) -> Self {
        let mut lives = session.inner.live.subscribe();
        let current = lives.borrow_and_update().link.output();
        Self {
            lives,
            state: session.watch_state(),
            current,
        }
    }

    /// The next piece of output; nothing once the device is closed.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Output> {
        loop {
            if let Some(piece) = self.current.next().await {
                return Some(piece);
            }
            tokio::select! {
                changed = self.lives.changed() => changed.ok()?,
                _ = self.state.wait_for(|state| *state == SessionState::Closed) => return None,
            }
            self.current = self.lives.borrow_and_update().link.output();
        }
    }
}
