//! Host functions: functions on the host that bodies on the board call.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::boxed::BoxFuture;
use crate::exception::HostFailure;
use crate::python::{self, Arguments, ValueError};

/// Why a host function returned no value to the body, other than an error of its own.
///
/// On the board this is the message of the `HostError`. If the body does not catch that, it is the
/// [`source`](std::error::Error::source) of the error that the call ends with.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum HostFunctionError {
    /// It panicked.
    #[error("the host function panicked: {0}")]
    Panicked(String),
    /// It took longer than its `timeout_ms`, or the device's time-out where it has none of its own.
    #[error("the host function took longer than {after:?}")]
    TimedOut {
        /// The time limit.
        after: Duration,
    },
    /// The stream that a body reads is over: it ended with an error, or the call that it was passed to has ended.
    #[error("the stream is over")]
    Over,
    /// The body called it with arguments that do not match its parameters.
    #[error("the host function cannot be called with this: {0}")]
    Arguments(#[source] ValueError),
    /// What it returned cannot be expressed in Python.
    #[error("what the host function returned cannot be expressed in Python: {0}")]
    Returned(#[source] ValueError),
    /// This program has no such function: a thread that an earlier program left on the board calls it.
    #[error("this program has no host function of that name")]
    Unknown,
}

/// The arguments with which a body called a host function.
#[derive(Debug, Clone)]
pub struct Words {
    repr: Vec<u8>,
    exact: bool,
}

impl Words {
    /// Takes the `repr` of the tuple of arguments; `exact` is whether its floats have all their bits.
    pub(crate) fn new(repr: Vec<u8>, exact: bool) -> Self {
        Self { repr, exact }
    }

    /// Reads the arguments as a tuple.
    ///
    /// # Errors
    ///
    /// When they are not a `T`.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, HostFailure> {
        let read = if self.exact {
            python::from_exact_repr(&self.repr)
        } else {
            python::from_repr(&self.repr)
        };
        read.map_err(|error| HostFunctionError::Arguments(error).into())
    }
}

/// The host functions of a trait, called by name: implemented by the generated code for whatever implements the
/// functions.
pub trait HostFunctions: Send + Sync {
    /// Calls a function. The answer is its result, as a single argument.
    fn answer(
        self: Arc<Self>,
        function: &str,
        words: Words,
    ) -> BoxFuture<'static, Result<Arguments, HostFailure>>;
}

/// A trait of a board whose host functions an `H` can provide.
#[diagnostic::on_unimplemented(
    message = "`{H}` does not implement the host functions of `{Self}`",
    label = "this has to implement the trait of the host functions",
    note = "`#[host]` methods are in a trait of their own, whose name ends in `Host`: implement that for `{H}`"
)]
pub trait HostedBy<H> {
    /// The host functions that this value provides.
    fn host_functions(host: H) -> Arc<dyn HostFunctions>;
}

/// What a host function returns: a `Result` of a value that can be expressed in Python.
#[diagnostic::on_unimplemented(
    message = "a host function cannot return `{Self}`",
    label = "this has to be a `Result<T, E>`",
    note = "`T` is anything that implements `serde::Serialize`; `E` is any error that is `Send` and `Sync`, or `Box<dyn std::error::Error + Send + Sync>`"
)]
pub trait HostOutput {
    /// Converts the result to a single argument, or to the failure that the body gets instead.
    #[doc(hidden)]
    fn into_answer(self) -> Result<Arguments, HostFailure>;
}

impl<T: Serialize, E: Into<Box<dyn StdError + Send + Sync>>> HostOutput for Result<T, E> {
    fn into_answer(self) -> Result<Arguments, HostFailure> {
        let value = self.map_err(HostFailure::new)?;
        let arguments = Arguments::new().with("the value", &value);
        match arguments.literals() {
            Ok(_) => Ok(arguments),
            Err(error) => Err(HostFunctionError::Returned(error).into()),
        }
    }
}

/// The answer to a call of a host function that does not exist.
pub fn no_host_function() -> BoxFuture<'static, Result<Arguments, HostFailure>> {
    Box::pin(async { Err(HostFunctionError::Unknown.into()) })
}

impl From<HostFunctionError> for HostFailure {
    fn from(error: HostFunctionError) -> Self {
        Self::new(error)
    }
}

/// The function that answers `input()`.
#[derive(Clone)]
pub(crate) struct Input(Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<String>> + Send + Sync>);

impl Input {
    pub(crate) fn new<F>(answer: impl Fn(String) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = io::Result<String>> + Send + 'static,
    {
        Self(Arc::new(move |prompt| Box::pin(answer(prompt))))
    }

    pub(crate) fn answer(&self, prompt: String) -> BoxFuture<'static, io::Result<String>> {
        (self.0)(prompt)
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Input")
    }
}

/// The implementation of a trait's host functions.
#[derive(Clone)]
pub(crate) struct Host(pub(crate) Arc<dyn HostFunctions>);

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Host")
    }
}
