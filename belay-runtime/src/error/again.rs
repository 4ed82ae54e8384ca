//! Whether a call may be made again after an error.

use super::file::Left;
use super::phase::Phase;
use super::thread::ThreadError;
use super::{Error, ErrorKind};
use crate::exception::Fate;

/// What is to be thought of making a call again that ended with an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    /// It has not run, and what was in its way may be gone: the executors make it again themselves.
    Now,
    /// It has not run either, but its time is over or something has to happen first, of which only its caller knows.
    Later,
    /// It may have run: it is made again if it may run twice.
    IfIdempotent,
    /// It has run, or would fail in the same way.
    Never,
}

impl Again {
    /// Whether an executor makes the call again by itself.
    pub(crate) fn now(self, idempotent: bool) -> bool {
        match self {
            Self::Now => true,
            Self::IfIdempotent => idempotent,
            Self::Later | Self::Never => false,
        }
    }
}

impl Error {
    /// Whether the same call may succeed if it is made again, and is known not to have run.
    ///
    /// An executor has done that already, as often as it makes sense, where the connection ended before the call was
    /// sent, and where the board did not begin it for lack of memory or of the function. What is left is up to the
    /// caller. A task that is marked `idempotent` is made again, too, where its fate is not known.
    pub fn is_retryable(&self) -> bool {
        matches!(self.again(), Again::Now | Again::Later)
    }

    /// Whether the call that ended with this may be made again, and by whom.
    pub(crate) fn again(&self) -> Again {
        let later_if = |harmless: bool| if harmless { Again::Later } else { Again::Never };
        match self.kind() {
            ErrorKind::Disconnected(_) => Again::Now,
            ErrorKind::Python(exception) => match exception.fate {
                Fate::Missing => Again::Now,
                Fate::NotBegun if exception.is_memory_error() => Again::Now,
                Fate::Begun if exception.is_memory_error() => Again::IfIdempotent,
                Fate::NotBegun | Fate::Begun => Again::Never,
            },
            ErrorKind::Reset | ErrorKind::FateUnknown(_) => Again::IfIdempotent,
            ErrorKind::Busy { .. } => Again::Later,
            // A call whose port fails ends with one of those above; this is of a port that is opened.
            ErrorKind::Transport(error) => later_if(error.is_retryable()),
            ErrorKind::Timeout { .. } => later_if(!matches!(self.phase(), None | Some(Phase::Execute))),
            ErrorKind::Protocol { .. } => later_if(matches!(
                self.phase(),
                Some(Phase::Open | Phase::Enter | Phase::Resync)
            )),
            ErrorKind::Unresponsive { .. } => later_if(self.phase() == Some(Phase::Enter)),
            ErrorKind::Thread(error) => match error {
                ThreadError::AlreadyRunning { .. }
                | ThreadError::NoSlot { .. }
                | ThreadError::NotPaused { .. } => Again::Later,
                ThreadError::StillRunning { .. } | ThreadError::NotKnown { .. } => Again::Never,
            },
            // Writing a file a second time does no harm, but whether the first one did it, only its caller can look.
            ErrorKind::NotWritten { left, cause, .. } => {
                later_if(*left == Left::Old && cause.again() != Again::Never)
            }
            ErrorKind::Value(_)
            | ErrorKind::File(_)
            | ErrorKind::Interrupted
            | ErrorKind::Unsupported { .. }
            | ErrorKind::LineRead
            | ErrorKind::TooLong { .. }
            | ErrorKind::Closed
            | ErrorKind::RuntimeGone
            | ErrorKind::NoRuntime
            | ErrorKind::Reentered
            | ErrorKind::Setup { .. }
            | ErrorKind::Teardown(_)
            | ErrorKind::HostAction(_)
            | ErrorKind::ThreadLost(_)
            | ErrorKind::EventsLost { .. }
            | ErrorKind::NotHeard(_)
            | ErrorKind::NotAttached { .. }
            | ErrorKind::NamespaceTaken { .. }
            | ErrorKind::ModuleTaken { .. }
            | ErrorKind::ObjectGone
            | ErrorKind::ObjectElsewhere
            | ErrorKind::NoSuchName { .. }
            | ErrorKind::NotOneLine => Again::Never,
        }
    }
}
