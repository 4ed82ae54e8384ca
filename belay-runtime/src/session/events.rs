//! What a session tells of its own accord.

use std::sync::Arc;

use super::ThreadInfo;
use crate::error::Error;
use crate::exception::DeviceException;

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
