//! The session: one board from connecting to closing, with everything that the executors share.

use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind, Phase, Result};
use crate::method::MethodSpec;
use crate::python;

/// A session with a board. Clones are the same session.
#[derive(Debug, Clone)]
pub struct Session {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    name: Arc<str>,
}

/// What a call returned: the board's `repr` of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returned(Vec<u8>);

impl Returned {
    /// A result whose `repr` on the board would be this.
    pub fn new(repr: impl Into<Vec<u8>>) -> Self {
        Self(repr.into())
    }

    /// The `repr`.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The value.
    ///
    /// # Errors
    ///
    /// When it is not a `T`.
    pub fn to<T: DeserializeOwned>(&self) -> Result<T> {
        python::from_repr(&self.0).map_err(Error::from)
    }

    pub(crate) fn to_result_of<T: DeserializeOwned>(&self, method: &'static MethodSpec) -> Result<T> {
        self.to()
            .map_err(|error| error.in_method(method.path).in_phase(Phase::Execute))
    }
}

impl Session {
    pub(crate) fn new(name: Arc<str>) -> Self {
        Self {
            inner: Arc::new(Inner { name }),
        }
    }

    /// The device's name: the address that it was connected by, or the name that it was given.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// Whether a call would be taken now: the session is ready, busy or about to be ready again.
    pub fn can_execute(&self) -> bool {
        false
    }

    #[expect(clippy::unused_async, reason = "not written yet")]
    pub(crate) async fn execute(&self, _code: &str) -> Result<String> {
        Err(unwritten())
    }

    #[expect(clippy::unused_async, reason = "not written yet")]
    pub(crate) async fn evaluate(&self, _expression: &str) -> Result<Returned> {
        Err(unwritten())
    }
}

pub(crate) fn unwritten() -> Error {
    ErrorKind::Usage("not written yet".into()).into()
}
