//! What to do about an error.

use std::borrow::Cow;

use super::events::EventLoss;
use super::file::FileError;
use super::phase::Phase;
use super::thread::ThreadError;
use super::{Error, ErrorKind};

/// The hint where something on the board may have read what was meant for the agent.
const READS: &str = "`sys.stdin` is the connection to the host: pass a body what it needs as arguments, and let \
     no thread read it";
/// The same after a Ctrl-C: most boards discard their unread input when they receive one.
pub(crate) const MAY_READ: &str = "raise the method's `timeout_ms` if its body needs that long; a body cannot read \
                                   input from `sys.stdin`, which is the connection to the host";
/// The hint where a call never reached the agent.
pub(crate) const NOT_THROUGH: &str =
    "the call did not get through: the line is bad, or something on the board reads `sys.stdin`";

impl Error {
    /// What the user can do about the error, if anything.
    pub fn hint(&self) -> Option<Cow<'static, str>> {
        if self.0.hint.is_some() {
            return self.0.hint.clone();
        }
        let hint = match self.kind() {
            ErrorKind::Transport(error) => return error.hint(),
            ErrorKind::Value(error) => return error.hint(),
            ErrorKind::Setup { cause, .. } => return cause.hint(),
            ErrorKind::Timeout { .. }
                if matches!(self.phase(), Some(Phase::Open | Phase::Enter | Phase::Interrupt)) =>
            {
                "is this the board's port, is MicroPython on the board, and is no other program using it?"
            }
            ErrorKind::Timeout { .. } if self.phase() == Some(Phase::Execute) => {
                "raise the method's `timeout_ms` if its body needs that long"
            }
            ErrorKind::Protocol { .. } if self.phase() == Some(Phase::Enter) => {
                "is MicroPython or CircuitPython on the board? Reset it, or switch it off and on, if it was in use"
            }
            // The reset may be just what the body intended. So do not advise to repeat the call.
            ErrorKind::Reset => {
                "`sys.exit()` and `machine.reset()` in a body do this; a reconnection policy connects again by itself"
            }
            ErrorKind::FateUnknown(_) => {
                "mark the task `idempotent` and set a reconnection policy to have it tried again"
            }
            ErrorKind::Disconnected(_) => {
                "`Device::reset` connects again, and a reconnection policy does so by itself"
            }
            ErrorKind::TooLong { .. } => {
                "raise `DeviceBuilder::answer_limit`, or have the method yield its result piece by piece"
            }
            ErrorKind::LineRead => READS,
            ErrorKind::EventsLost {
                why: EventLoss::Backlog,
                ..
            } => "take the events faster, or raise `DeviceBuilder::event_backlog`",
            ErrorKind::RuntimeGone => {
                "connect the device in a tokio runtime that lives for as long as the device is used"
            }
            ErrorKind::NoRuntime => {
                "connect in a function that is called from `#[tokio::main] async fn main`, or from within \
                 `Runtime::block_on`"
            }
            ErrorKind::NamespaceTaken { .. } => "set another one with `#[device(namespace = …)]`",
            ErrorKind::ModuleTaken { .. } => {
                "have both traits bring the same file, or give one of the modules another name"
            }
            ErrorKind::Python(exception) if exception.is("ImportError") => {
                "a module that is not in the firmware comes from the board's files, or from a folder that the trait \
                 brings: `#[device(modules = …)]`"
            }
            ErrorKind::ObjectGone => "call the task again that gave it: a reset leaves nothing on the board",
            ErrorKind::NotAttached { .. } => "attach it first: `XxxDevice::attach(&device)`",
            ErrorKind::Thread(ThreadError::StillRunning { .. }) => {
                "a thread ends at its next stop point, and nothing but a reset ends it before"
            }
            ErrorKind::Python(exception) if exception.is("NameError") => {
                "a name comes from a setup that has run, or from the same body; a function that assigns a global has a \
                 line `global name` above"
            }
            ErrorKind::Python(exception) if exception.is_memory_error() => {
                "the board's memory is full: send and return less at once, keep less in globals, or start afresh \
                 with `Device::reset`"
            }
            ErrorKind::Unresponsive { stuck, .. } => stuck.hint(),
            ErrorKind::File(FileError::NoSpace { .. }) => {
                "a new file is written beside the old one and then takes its place: remove what is not needed, perhaps the old one"
            }
            ErrorKind::NotWritten { .. } => {
                "write it again; the incomplete file is removed when the board is next used for files"
            }
            _ => return None,
        };
        Some(hint.into())
    }
}
