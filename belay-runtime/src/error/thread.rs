//! Errors of threads on the board.

use std::fmt;
use std::time::Duration;

use crate::exception::DeviceException;
use crate::printable::Printable;

/// Why a thread on the board could not be started or stopped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ThreadError {
    /// A thread of this name is running, and its method is not `multiple`.
    #[error("the thread `{}` is running already", Printable(.name))]
    AlreadyRunning {
        /// The thread's name.
        name: String,
    },
    /// The board cannot run another thread besides those that are running.
    #[error(
        "the board can run no further thread beside those that run, so `{}` was not started (it says {exception})",
        Printable(.name)
    )]
    NoSlot {
        /// The name of the thread that was not started.
        name: String,
        /// The exception that the board raised.
        exception: Box<DeviceException>,
    },
    /// Threads were asked to stop, and did not end in time.
    #[error("{} did not stop within {within:?}", Named(.names))]
    StillRunning {
        /// Their names, where known.
        names: Vec<String>,
        /// How long the host waited.
        within: Duration,
    },
    /// An exclusive task did not run, because threads did not reach a stop point in time.
    #[error("the task needs the board for itself, and {} reached no stop point within {within:?}", Named(.names))]
    NotPaused {
        /// Their names.
        names: Vec<String>,
        /// How long the host waited.
        within: Duration,
    },
    /// Neither the host nor the board knows a thread with this number.
    #[error("the thread is not known any more")]
    NotKnown {
        /// Its number.
        id: u32,
    },
}

/// The names of threads, as a message shows them.
struct Named<'a>(&'a [String]);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => return f.write_str("the threads"),
            [_] => f.write_str("the thread ")?,
            _ => f.write_str("the threads ")?,
        }
        for (at, name) in self.0.iter().enumerate() {
            let comma = if at > 0 { ", " } else { "" };
            write!(f, "{comma}`{}`", Printable(name))?;
        }
        Ok(())
    }
}
