//! The one error of the whole runtime: what went wrong, on which device, in which phase, in which method.

mod unresponsive;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::exception::DeviceException;
use crate::printable::{Printable, PrintableLines};
use crate::python::ValueError;
use crate::transport::TransportError;

pub use unresponsive::{BoardState, Stuck};
pub(crate) use unresponsive::{Purpose, Tried};

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong between a call and its result.
///
/// [`kind`](Error::kind) says what happened and is meant to be matched on; `Display` is one line that
/// names the device, the method and the phase; [`hint`](Error::hint) says what to do about it, where
/// something can be done; [`source`](std::error::Error::source) leads to the cause.
///
/// `Debug` is written for people too, since it is what a program prints whose `main` returns the error:
/// the message, its causes and the hint. `{:#?}` shows the fields.
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    device: Option<Arc<str>>,
    method: Option<Cow<'static, str>>,
    phase: Option<Phase>,
    /// What is known to help, where it is not the kind that tells.
    hint: Option<Cow<'static, str>>,
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The port could not be opened, or it failed or vanished while it was in use.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The board sent something that the protocol does not allow at this point.
    #[error("{}; the board sent {}", Printable(.what), Received(.received))]
    Protocol {
        /// What was expected and did not come.
        what: Cow<'static, str>,
        /// The last bytes that the board had sent.
        received: Vec<u8>,
    },
    /// A deadline passed.
    #[error("no answer within {after:?}; the board had sent {}", Received(.received))]
    Timeout {
        /// How long was waited.
        after: Duration,
        /// The last bytes that the board had sent.
        received: Vec<u8>,
    },
    /// The Python code raised an exception.
    #[error(transparent)]
    Python(Box<DeviceException>),
    /// An argument could not be expressed in Python, or a result is not what the method says.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// The board was reset while the call was on its way, so whether it ran is not known. A body that raises
    /// `SystemExit`, as `sys.exit()` and `machine.soft_reset()` do, resets its board itself.
    #[error("the board was reset")]
    Reset,
    /// The connection was lost after the call had been sent, so whether it ran is not known.
    #[error("the connection was lost after the call was sent; whether it ran is not known")]
    FateUnknown(#[source] Option<Box<Error>>),
    /// The connection was lost, or the board was reset, before the call was sent, and it was not connected again.
    #[error("the device is not connected any more; the call was not sent")]
    Disconnected(#[source] Option<Arc<Error>>),
    /// The call was interrupted with Ctrl-C before it had a result.
    #[error("the call was interrupted")]
    Interrupted,
    /// The board could not be brought to its prompt, however it was told: it goes on running what it runs, can run
    /// nothing any more, or its line is dead.
    #[error("{stuck}")]
    Unresponsive {
        /// What is known of it.
        stuck: Stuck,
        /// Why it was to stop: a deadline that passed, say.
        source: Option<Box<Error>>,
    },
    /// The board or its firmware has not got what the call needs.
    #[error("{} is not supported by {}", Printable(.feature), Printable(.firmware))]
    Unsupported {
        /// What is missing.
        feature: Cow<'static, str>,
        /// The firmware that lacks it, as the board names it.
        firmware: Cow<'static, str>,
    },
    /// The call has run, and its answer is longer than the host takes.
    #[error("the answer is longer than {limit} bytes")]
    TooLong {
        /// How long it may be: what [`answer_limit`](crate::DeviceBuilder::answer_limit) sets.
        limit: usize,
    },
    /// The device was closed. A call that was under way then was interrupted, so whether it ran is not known.
    #[error("the device is closed")]
    Closed,
    /// The runtime in which the device was connected has ended, and with it what worked for the device.
    #[error("the runtime that the device was connected in has ended")]
    RuntimeGone,
    /// A critical setup failed; the teardowns have run.
    #[error("setup failed")]
    Setup {
        /// The setup's own error.
        #[source]
        cause: Box<Error>,
        /// What failed in the teardowns that ran because of it.
        teardown: Vec<Error>,
    },
    /// Some of the clean-up failed; all of it was tried.
    #[error("the clean-up failed: {}", Joined(.0))]
    Teardown(Vec<Error>),
    /// A thread could not be started, or it did not stop in time.
    #[error("{}", Printable(.0))]
    Thread(Cow<'static, str>),
    /// A thread ended with the board's last reset, or went out of reach.
    #[error("the thread is lost")]
    ThreadLost(#[source] Arc<Error>),
    /// The program asks for something that makes no sense: a bad option or a misuse of the API.
    #[error("{}", Printable(.0))]
    Usage(Cow<'static, str>),
}

/// The stage of a conversation with the board, each with a deadline of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Opening the port.
    Open,
    /// Interrupting what runs on the board.
    Interrupt,
    /// Entering the raw REPL.
    Enter,
    /// Sending source code.
    Paste,
    /// Waiting for the board to compile it.
    Compile,
    /// Waiting for running code to end.
    Execute,
    /// Putting a method on the board.
    Deploy,
    /// Bringing line and board back to a known state after a fault.
    Resync,
    /// Resetting the board.
    Reset,
    /// Closing the port.
    Close,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "opening the port",
            Self::Interrupt => "interrupting the board",
            Self::Enter => "entering the raw REPL",
            Self::Paste => "sending the code",
            Self::Compile => "waiting for the board to compile the code",
            Self::Execute => "running the code",
            Self::Deploy => "deploying the method",
            Self::Resync => "resynchronising with the board",
            Self::Reset => "resetting the board",
            Self::Close => "closing the port",
        })
    }
}

impl Error {
    /// What went wrong.
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// What went wrong, by value.
    pub fn into_kind(self) -> ErrorKind {
        self.0.kind
    }

    /// The device: the address it was connected by, or the name it was given.
    pub fn device(&self) -> Option<&str> {
        self.0.device.as_deref()
    }

    /// The method, as `Trait.method`.
    pub fn method(&self) -> Option<&str> {
        self.0.method.as_deref()
    }

    /// The phase in which it went wrong.
    pub fn phase(&self) -> Option<Phase> {
        self.0.phase
    }

    /// The exception that the Python code raised, if that is what happened.
    pub fn exception(&self) -> Option<&DeviceException> {
        match self.kind() {
            ErrorKind::Python(exception) => Some(exception),
            _ => None,
        }
    }

    /// The exception that the Python code raised, to add to what is known of it.
    pub(crate) fn exception_mut(&mut self) -> Option<&mut DeviceException> {
        match &mut self.0.kind {
            ErrorKind::Python(exception) => Some(exception),
            _ => None,
        }
    }

    /// The same error, said to be of this phase instead of the one that is known.
    #[must_use]
    pub(crate) fn in_phase_after_all(mut self, phase: Phase) -> Self {
        self.0.phase = Some(phase);
        self
    }

    /// What failed in the teardowns that ran because of this error, to add to it.
    pub(crate) fn teardown_mut(&mut self) -> Option<&mut Vec<Error>> {
        match &mut self.0.kind {
            ErrorKind::Setup { teardown, .. } => Some(teardown),
            _ => None,
        }
    }

    /// Whether the same call may succeed if it is made again, and is known not to have run.
    pub fn is_retryable(&self) -> bool {
        match self.kind() {
            ErrorKind::Transport(error) => error.is_retryable(),
            ErrorKind::Timeout { .. } => self.0.phase != Some(Phase::Execute),
            ErrorKind::Protocol { .. } => {
                matches!(self.0.phase, Some(Phase::Open | Phase::Enter | Phase::Resync))
            }
            ErrorKind::Unresponsive { .. } => self.0.phase == Some(Phase::Enter),
            _ => false,
        }
    }

    /// What the reader can do about it, where something can be done.
    pub fn hint(&self) -> Option<Cow<'static, str>> {
        if self.0.hint.is_some() {
            return self.0.hint.clone();
        }
        let hint = match self.kind() {
            ErrorKind::Transport(error) => return error.hint(),
            ErrorKind::Value(error) => return error.hint(),
            ErrorKind::Timeout { .. }
                if matches!(self.0.phase, Some(Phase::Open | Phase::Enter | Phase::Interrupt)) =>
            {
                "is this the board's port, is MicroPython on the board, and is no other program using it?"
            }
            ErrorKind::Timeout { .. } if self.0.phase == Some(Phase::Execute) => {
                "raise the method's `timeout_ms` if its body needs that long"
            }
            ErrorKind::Protocol { .. } if self.0.phase == Some(Phase::Enter) => {
                "is MicroPython or CircuitPython on the board? Unplug it and plug it in again if it was in use"
            }
            // It may be just what the body was to do, which makes trying it again the wrong advice.
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
            ErrorKind::RuntimeGone => {
                "connect the device in a tokio runtime that lives for as long as the device is used"
            }
            ErrorKind::Python(exception) if exception.is("NameError") => {
                "a name comes from a setup that has run, or from the same body; a function that assigns a global has a \
                 line `global name` above"
            }
            ErrorKind::Python(exception) if exception.is("MemoryError") => {
                "the board's memory is full: send and return less at once, keep less in globals, or start afresh \
                 with `Device::reset`"
            }
            ErrorKind::Unresponsive { stuck, .. } => stuck.hint(),
            _ => return None,
        };
        Some(hint.into())
    }

    /// The same error, with what is known to help against it.
    #[must_use]
    pub(crate) fn with_hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// The same error, said to be of this device. What is known already is kept.
    #[must_use]
    pub fn on_device(mut self, device: &Arc<str>) -> Self {
        self.0.device.get_or_insert_with(|| Arc::clone(device));
        self
    }

    /// The same error, said to be of this method. What is known already is kept.
    #[must_use]
    pub fn in_method(mut self, method: impl Into<Cow<'static, str>>) -> Self {
        if self.0.method.is_none() {
            self.0.method = Some(method.into());
        }
        self
    }

    /// The same error, said to be of this phase. What is known already is kept.
    #[must_use]
    pub fn in_phase(mut self, phase: Phase) -> Self {
        self.0.phase.get_or_insert(phase);
        self
    }
}

impl From<DeviceException> for ErrorKind {
    fn from(exception: DeviceException) -> Self {
        Self::Python(Box::new(exception))
    }
}

impl<K: Into<ErrorKind>> From<K> for Error {
    fn from(kind: K) -> Self {
        Self(Box::new(Inner {
            kind: kind.into(),
            device: None,
            method: None,
            phase: None,
            hint: None,
        }))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Printable(&*self.0).fmt(f)
    }
}

impl fmt::Display for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            device,
            method,
            phase,
            hint: _,
        } = self;
        // Inside of another error of the same device that one has named it already.
        if let Some(device) = device
            && !f.alternate()
        {
            write!(f, "{device}: ")?;
        }
        if let Some(method) = method {
            write!(f, "{method}: ")?;
        }
        write!(f, "{kind}")?;
        match (phase, kind) {
            // An exception or a value speaks for itself: that the code was running adds nothing.
            (Some(Phase::Execute), ErrorKind::Python(_) | ErrorKind::Value(_)) | (None, _) => Ok(()),
            (Some(phase), _) => write!(f, " (while {phase})"),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            return fmt::Debug::fmt(&self.0, f);
        }
        write!(f, "{self}")?;
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            write!(f, "\n  because: {}", Printable(error))?;
            cause = error.source();
        }
        match self.hint() {
            Some(hint) => write!(f, "\n  hint: {}", PrintableLines(hint)),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.0.kind)
    }
}

/// Received bytes as a message can show them: the last of them, printable.
struct Received<'a>(&'a [u8]);

impl fmt::Display for Received<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 120;
        if self.0.is_empty() {
            return f.write_str("nothing");
        }
        let cut = self.0.len().saturating_sub(SHOWN);
        if cut > 0 {
            f.write_str("…")?;
        }
        write!(f, "\"{}\"", self.0[cut..].escape_ascii())
    }
}

/// Several errors in one line.
struct Joined<'a>(&'a [Error]);

impl fmt::Display for Joined<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, error) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{error:#}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_is_one_line_with_device_method_and_phase() {
        let error = Error::from(ErrorKind::Timeout {
            after: Duration::from_secs(2),
            received: b"\x00boot".to_vec(),
        })
        .on_device(&Arc::from("/dev/ttyACM0"))
        .in_method("Lamp.switch")
        .in_phase(Phase::Execute);
        assert_eq!(
            error.to_string(),
            r#"/dev/ttyACM0: Lamp.switch: no answer within 2s; the board had sent "\x00boot" (while running the code)"#
        );
    }

    #[test]
    fn debug_shows_causes_and_hint_as_a_failing_main_prints_them() {
        let cause = Error::from(DeviceException::new("OSError", "[Errno 2] ENOENT"));
        let error = Error::from(ErrorKind::Setup {
            cause: Box::new(cause),
            teardown: Vec::new(),
        });
        assert_eq!(
            format!("{error:?}"),
            "setup failed\n  because: OSError: [Errno 2] ENOENT"
        );
        let stuck = Stuck {
            board: BoardState::Silent,
            purpose: Purpose::EndCall,
            tried: Tried::Interrupts,
        };
        let error = Error::from(ErrorKind::Unresponsive { stuck, source: None });
        assert!(format!("{error:?}").contains("\n  hint: reset the board"));
    }

    #[test]
    fn nothing_that_a_message_is_made_of_reaches_the_terminal_as_a_control_character() {
        let wild = "\x1b[2J\r\nfake\u{9b}31m\u{202e}";
        let escaped = r"\x1b[2J\r\nfake\u{9b}31m\u{202e}";
        let kinds: [ErrorKind; 6] = [
            ErrorKind::Protocol {
                what: wild.into(),
                received: wild.into(),
            },
            ErrorKind::Unsupported {
                feature: "this".into(),
                firmware: wild.into(),
            },
            ErrorKind::Thread(wild.into()),
            ErrorKind::Usage(wild.into()),
            DeviceException::new(wild, wild).into(),
            TransportError::Vanished(wild.into()).into(),
        ];
        for kind in kinds {
            assert!(kind.to_string().contains(escaped), "{kind:?}");
            let cause = Error::from(kind).on_device(&Arc::from(wild)).in_method(wild);
            let error = Error::from(ErrorKind::FateUnknown(Some(Box::new(cause))));
            for text in [format!("{error:?}"), format!("{error:#?}")] {
                assert!(!text.contains(['\x1b', '\r', '\u{9b}', '\u{202e}']), "{text:?}");
            }
            assert_eq!(format!("{error:?}").lines().count(), 3, "{error:?}");
        }
    }

    #[test]
    fn what_is_known_of_an_error_is_not_overwritten() {
        let error = Error::from(ErrorKind::Closed)
            .in_method("A.inner")
            .in_method("B.outer");
        assert_eq!(error.method(), Some("A.inner"));
    }

    #[test]
    fn a_call_that_may_have_run_is_not_retryable() {
        for kind in [
            ErrorKind::Reset,
            ErrorKind::FateUnknown(None),
            ErrorKind::Interrupted,
            ErrorKind::Closed,
        ] {
            assert!(!Error::from(kind).is_retryable());
        }
        let timeout = || {
            Error::from(ErrorKind::Timeout {
                after: Duration::ZERO,
                received: Vec::new(),
            })
        };
        assert!(!timeout().in_phase(Phase::Execute).is_retryable());
        assert!(timeout().in_phase(Phase::Enter).is_retryable());
    }
}
