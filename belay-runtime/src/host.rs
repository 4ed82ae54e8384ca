//! What runs on the host and is called by bodies on the board.

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

/// Why a host function has given its body no value, where that was not an error of its own.
///
/// On the board it is the message of the `HostError`; where the body does not catch that, it is the
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
        /// How long it may take.
        after: Duration,
    },
    /// The stream that a body reads is over: it has given an error, or its call has ended.
    #[error("the stream is over")]
    Over,
    /// What the body has called it with is not what its parameters say.
    #[error("the host function cannot be called with this: {0}")]
    Arguments(#[source] ValueError),
    /// What it returned cannot be expressed in Python.
    #[error("what the host function returned is no value for Python: {0}")]
    Returned(#[source] ValueError),
    /// This program has no such function: a thread that an earlier program has left on the board asks for it.
    #[error("this program has no host function of that name")]
    Unknown,
}

/// The arguments that a body has called a host function with.
#[derive(Debug, Clone)]
pub struct Words {
    repr: Vec<u8>,
    exact: bool,
}

impl Words {
    /// The arguments that the `repr` of this tuple has, whose floats may have all their bits.
    pub(crate) fn new(repr: Vec<u8>, exact: bool) -> Self {
        Self { repr, exact }
    }

    /// The arguments, as a tuple.
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

/// The host functions of a trait, by their names: what the generated code makes of whatever implements them.
pub trait HostFunctions: Send + Sync {
    /// Answers a call with the value, as the one argument.
    fn answer(
        self: Arc<Self>,
        function: &str,
        words: Words,
    ) -> BoxFuture<'static, Result<Arguments, HostFailure>>;
}

/// A trait whose host functions an `H` implements.
#[diagnostic::on_unimplemented(
    message = "`{H}` does not implement the host functions of `{Self}`",
    label = "this has to implement the trait of the host functions",
    note = "`#[host]` methods are in a trait of their own, whose name ends in `Host`: implement that for `{H}`"
)]
pub trait HostedBy<H> {
    /// The functions of this value.
    fn host_functions(host: H) -> Arc<dyn HostFunctions>;
}

/// What a host function returns: a `Result` of a value that can be expressed in Python.
#[diagnostic::on_unimplemented(
    message = "a host function cannot return `{Self}`",
    label = "this has to be a `Result<T, E>`",
    note = "`T` is anything that implements `serde::Serialize`; `E` is any error that is `Send` and `Sync`, or `Box<dyn std::error::Error + Send + Sync>`"
)]
pub trait HostOutput {
    /// The value as the one argument, or why there is none.
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

/// The answer of a host function that there is not.
pub fn no_host_function() -> BoxFuture<'static, Result<Arguments, HostFailure>> {
    Box::pin(async { Err(HostFunctionError::Unknown.into()) })
}

impl From<HostFunctionError> for HostFailure {
    fn from(error: HostFunctionError) -> Self {
        Self::new(error)
    }
}

/// What answers `input()`.
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

/// The host functions that were given for a trait.
#[derive(Clone)]
pub(crate) struct Host(pub(crate) Arc<dyn HostFunctions>);

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Host")
    }
}
