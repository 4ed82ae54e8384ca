//! The runtime's one error type: what went wrong, on which device, in which phase, in which method.

mod action;
mod again;
mod events;
mod file;
mod hint;
mod phase;
mod received;
#[cfg(test)]
mod tests;
mod thread;
mod unresponsive;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::exception::DeviceException;
use crate::printable::{Printable, PrintableLines};
use crate::python::ValueError;
use crate::transport::TransportError;

use events::Events;
use received::Received;

pub use action::ActionError;
pub use events::EventLoss;
pub use file::{FileError, Left, NameProblem};
pub(crate) use hint::{MAY_READ, NOT_THROUGH};
pub use phase::Phase;
pub use thread::ThreadError;
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
///
/// ```no_run
/// # async fn example(device: belay_runtime::Device) -> belay_runtime::Result<()> {
/// # use belay_runtime as belay;
/// use belay::ErrorKind;
///
/// match device.execute_as::<f64>("1 / divisor").await {
///     Ok(value) => println!("{value}"),
///     Err(error) if error.exception().is_some_and(|e| e.is("ZeroDivisionError")) => println!("none"),
///     Err(error) => match error.kind() {
///         ErrorKind::Timeout { after, .. } => println!("no answer within {after:?}"),
///         // Its message, and what to do.
///         _ => return Err(error),
///     },
/// }
/// # Ok(())
/// # }
/// ```
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    device: Option<Arc<str>>,
    method: Option<Cow<'static, str>>,
    phase: Option<Phase>,
    /// A hint that depends on more than the kind of the error.
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
        /// The last bytes that the board sent.
        received: Vec<u8>,
    },
    /// A deadline passed.
    #[error("no answer within {after:?}; the board had sent {}", Received(.received))]
    Timeout {
        /// How long the host waited.
        after: Duration,
        /// The last bytes that the board sent.
        received: Vec<u8>,
    },
    /// The Python code raised an exception.
    #[error(transparent)]
    Python(Box<DeviceException>),
    /// An argument cannot be expressed in Python, or a result does not have the type that the method's signature says.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// The board was reset while the call was in flight, so whether the call ran is not known. A body that raises
    /// `SystemExit`, as `sys.exit()` and `machine.soft_reset()` do, resets its board itself.
    #[error("the board was reset")]
    Reset,
    /// The connection was lost after the call had been sent, so whether the call ran is not known.
    #[error("the connection was lost after the call was sent; whether it ran is not known")]
    FateUnknown(#[source] Option<Box<Error>>),
    /// The connection was lost, or the board was reset, before the call was sent, and the device was not reconnected.
    #[error("the device is not connected any more; the call was not sent")]
    Disconnected(#[source] Option<Arc<Error>>),
    /// The call was interrupted with Ctrl-C before it had a result.
    #[error("the call was interrupted")]
    Interrupted,
    /// The board could not be brought to its prompt by any means: it does not stop what it runs, can run nothing any
    /// more, or its line is dead.
    #[error("{stuck}")]
    Unresponsive {
        /// What is known of the board.
        stuck: Stuck,
        /// Why the board was to stop: a deadline that passed, for example.
        source: Option<Box<Error>>,
    },
    /// The board or its firmware lacks what the call needs.
    #[error("{} is not supported by {}", Printable(.feature), Printable(.firmware))]
    Unsupported {
        /// What is missing.
        feature: Cow<'static, str>,
        /// The firmware that lacks it, as the board names it.
        firmware: Cow<'static, str>,
    },
    /// A body or a thread on the board read, from `sys.stdin`, what the host had sent to the agent: the next call, or a
    /// check whether the board still answers.
    #[error(
        "what the host sent was read by the body or a thread, from `sys.stdin`, or the line was cut meanwhile"
    )]
    LineRead,
    /// The call has run, but its answer is longer than the host accepts.
    #[error("the answer is longer than {limit} bytes")]
    TooLong {
        /// The limit in bytes, which [`answer_limit`](crate::DeviceBuilder::answer_limit) sets.
        limit: usize,
    },
    /// The device was closed. A call that was in flight then was interrupted, so whether it ran is not known.
    #[error("the device is closed")]
    Closed,
    /// The tokio runtime in which the device was connected has ended, and with it the tasks that served the device.
    #[error("the runtime that the device was connected in has ended")]
    RuntimeGone,
    /// A critical setup failed; the teardowns have run.
    #[error("setup failed")]
    Setup {
        /// The setup's own error.
        #[source]
        cause: Box<Error>,
        /// The failures of the teardowns that ran because of it.
        teardown: Vec<Error>,
    },
    /// Some of the clean-up failed; all of it was tried.
    #[error("the clean-up failed: {}", Joined(.0))]
    Teardown(Vec<Error>),
    /// A thread could not be started, or it did not stop in time.
    #[error(transparent)]
    Thread(#[from] ThreadError),
    /// Something could not be done with a file or a folder of the board.
    #[error(transparent)]
    File(#[from] FileError),
    /// The writing of a file on the board was cut short.
    #[error("`{}` was not written: {left}", Printable(.path))]
    NotWritten {
        /// Its path.
        path: String,
        /// What is at the path now.
        left: Left,
        /// What cut it short.
        #[source]
        cause: Box<Error>,
    },
    /// Events are lost; later ones are still delivered.
    #[error("{}: {why}", Events(.lost))]
    EventsLost {
        /// How many, where that is known.
        lost: Option<u64>,
        /// Why they were lost.
        why: EventLoss,
    },
    /// The board could not be told to send the events of a subscription.
    #[error("the subscription to the events failed")]
    NotHeard(#[source] Arc<Error>),
    /// A thread ended with the board's last reset, or the board went out of reach.
    #[error("the thread is lost")]
    ThreadLost(#[source] Arc<Error>),
    /// Exclusive calls kept the device for as long as this call may take; this call was not sent.
    #[error("exclusive calls kept the device busy for {waited:?}; this call was not sent")]
    Busy {
        /// How long it waited.
        waited: Duration,
    },
    /// The trait of a method is not attached to the device.
    #[error("the trait of `{}` is not attached to this device", Printable(.method))]
    NotAttached {
        /// The method, as `Trait.method`.
        method: Cow<'static, str>,
    },
    /// Another trait on the device uses the namespace already.
    #[error(
        "the trait `{}` has the namespace `{}`, which the trait `{}` has already",
        Printable(.wanted_by), Printable(.namespace), Printable(.taken_by)
    )]
    NamespaceTaken {
        /// The namespace.
        namespace: Cow<'static, str>,
        /// The trait that uses it.
        taken_by: Cow<'static, str>,
        /// The trait that was to be attached.
        wanted_by: Cow<'static, str>,
    },
    /// Another trait on the device brings a module of the same name with different contents.
    #[error(
        "the trait `{}` brings a module `{}`, and the trait `{}` has brought another one of that name",
        Printable(.wanted_by), Printable(.module), Printable(.taken_by)
    )]
    ModuleTaken {
        /// The module.
        module: Cow<'static, str>,
        /// The trait that brought it.
        taken_by: Cow<'static, str>,
        /// The trait that was to be attached.
        wanted_by: Cow<'static, str>,
    },
    /// The object was on the board before its last reset, which no object survives; the call was not sent.
    #[error("the object was on the board before its last reset, and is gone")]
    ObjectGone,
    /// The object is on another board, or belongs to another connection of this program to the same board; the call was
    /// not sent.
    #[error("the object is on another device, and cannot be used on this one")]
    ObjectElsewhere,
    /// The name is not a valid name of an attribute or a method; the call was not sent.
    #[error("`{}` is not a valid name of an attribute", Printable(.name))]
    NoSuchName {
        /// The name.
        name: String,
    },
    /// An action that a program has registered for the closing of a device did not finish.
    #[error(transparent)]
    HostAction(#[from] ActionError),
    /// A host function called the device that is waiting for that host function.
    #[error("a host function cannot call the device that waits for it; this call was not sent")]
    Reentered,
    /// There is no tokio runtime where a device was to be connected.
    #[error("a device needs a tokio runtime, and there is none here")]
    NoRuntime,
    /// An expression for the board is not one line of printable ASCII.
    #[error("an expression must be one line of printable ASCII")]
    NotOneLine,
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

    /// The name of the device: the one that it was given, or else the address that it was connected by.
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

    /// Whether this error means that the connection has ended.
    pub(crate) fn ends_connection(&self) -> bool {
        match self.kind() {
            ErrorKind::Reset | ErrorKind::Transport(_) | ErrorKind::Disconnected(_) => true,
            // The answer to one call can be lost while the connection lives on.
            ErrorKind::FateUnknown(cause) => cause.as_deref().is_none_or(Self::ends_connection),
            _ => false,
        }
    }

    /// Whether the board had no memory left for the code.
    pub(crate) fn is_memory_error(&self) -> bool {
        self.exception().is_some_and(DeviceException::is_memory_error)
    }

    /// The exception that the Python code raised, so that more can be added to it.
    pub(crate) fn exception_mut(&mut self) -> Option<&mut DeviceException> {
        match &mut self.0.kind {
            ErrorKind::Python(exception) => Some(exception),
            _ => None,
        }
    }

    /// The same error with this phase, which replaces one that is set.
    #[must_use]
    pub(crate) fn in_phase_after_all(mut self, phase: Phase) -> Self {
        self.0.phase = Some(phase);
        self
    }

    /// The failures of the teardowns that ran because of this error, so that more can be added.
    pub(crate) fn teardown_mut(&mut self) -> Option<&mut Vec<Error>> {
        match &mut self.0.kind {
            ErrorKind::Setup { teardown, .. } => Some(teardown),
            _ => None,
        }
    }

    /// The same error with this hint.
    #[must_use]
    pub(crate) fn with_hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// The same error with this device, unless it has one already.
    #[must_use]
    pub fn on_device(mut self, device: &Arc<str>) -> Self {
        self.0.device.get_or_insert_with(|| Arc::clone(device));
        self
    }

    /// The same error with this method, unless it has one already.
    #[must_use]
    pub fn in_method(mut self, method: impl Into<Cow<'static, str>>) -> Self {
        if self.0.method.is_none() {
            self.0.method = Some(method.into());
        }
        self
    }

    /// The same error with this phase, unless it has one already.
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
        // Inside another error of the same device (`#`), that error has named the device already. An empty name is not
        // shown.
        if let Some(device) = device
            && !device.is_empty()
            && !f.alternate()
        {
            write!(f, "{device}: ")?;
        }
        if let Some(method) = method {
            write!(f, "{method}: ")?;
        }
        write!(f, "{kind}")?;
        match (phase, kind) {
            // An exception or a wrong value is clear by itself: that the code was running adds nothing.
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

/// Several errors on one line.
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
