//! What a call gave, before it is known as what.

use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::link::Payload;
use crate::python;

/// What a call returned, or what a generator yielded: a Python value that is not read yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returned(Payload);

impl Returned {
    /// A value whose `repr` on the board would be this.
    pub fn new(repr: impl Into<Vec<u8>>) -> Self {
        Self(Payload::Repr(repr.into()))
    }

    /// Its `repr`, or the bytes themselves where the value is a `bytes`, which large ones are sent as.
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Payload::Repr(bytes) | Payload::Bytes(bytes) => bytes,
        }
    }

    /// The value.
    ///
    /// # Errors
    ///
    /// When it is not a `T`.
    pub fn to<T: DeserializeOwned>(&self) -> Result<T> {
        match &self.0 {
            Payload::Repr(repr) => python::from_repr(repr).map_err(Error::from),
            Payload::Bytes(bytes) => {
                let repr = format!("b'{}'", bytes.escape_ascii());
                python::from_repr(repr.as_bytes()).map_err(Error::from)
            }
        }
    }
}

impl From<Payload> for Returned {
    fn from(payload: Payload) -> Self {
        Self(payload)
    }
}
