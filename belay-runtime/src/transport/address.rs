//! Where a board is, in one line of text.

use std::fmt;
use std::str::FromStr;

use super::serial::SerialTransport;
use super::{Transport, TransportError};

/// Where a board is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address {
    path: String,
}

impl Address {
    /// Opens it.
    ///
    /// # Errors
    ///
    /// When the port cannot be opened.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes what it had opened.
    pub async fn open(&self) -> Result<Box<dyn Transport>, TransportError> {
        Ok(Box::new(SerialTransport::open(&self.path).await?))
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.is_empty() {
            return Err(AddressError("the address is empty".to_owned()));
        }
        Ok(Self {
            path: text.to_owned(),
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)
    }
}

/// Why a text is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct AddressError(String);
