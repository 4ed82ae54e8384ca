//! Whether a call may be repeated after an error.

use super::file::Left;
use super::phase::Phase;
use super::thread::ThreadError;
use super::{Error, ErrorKind};
use crate::exception::Fate;

/// Whether a call that ended with an error may be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    /// The call has not run, and the obstacle may be gone: the executors repeat the call by themselves.
    Now,
    /// The call has not run either, but its time is over, or something has to change first that only the caller knows.
    Later,
    /// The call may have run: it is repeated only if it is marked `idempotent`.
    IfIdempotent,
    /// The call has run, or would fail in the same way again.
    Never,
}

impl Again {
    /// Whether an executor repeats the call by itself.
    pub(crate) fn now(self, idempotent: bool) -> bool {
        match self {
            Self::Now => true,
            Self::IfIdempotent => idempotent,
            Self::Later | Self::Never => false,
        }
    }
}

impl Error {
    /// Whether the call is known not to have run, and may succeed if it is made again.
    ///
    /// An executor has repeated the call already, as often as that makes sense, where the connection ended before the
    /// call was sent, and where the board did not begin it for lack of memory or of the function. Whether to go on
    /// trying is up to the caller. A task that is marked `idempotent` is also repeated where it is not known whether it
    /// ran.
    pub fn is_retryable(&self) -> bool {
        matches!(self.again(), Again::Now | Again::Later)
    }

    /// Whether the call that ended with this error may be repeated, and by whom.
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
            // A call whose port fails ends with one of the kinds above. This one comes from opening a port.
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
            // Writing a file a second time does no harm, but only the caller can check whether the first attempt wrote
            // it.
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
