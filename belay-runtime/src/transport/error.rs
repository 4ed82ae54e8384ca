//! What can go wrong with a port, and what to do about it.

use std::borrow::Cow;
use std::io;

use super::address::AddressError;

/// Why a port could not be opened, or failed while it was in use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// A text is no address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// Reading from or writing to the port failed.
    #[error("the port failed")]
    Io(#[source] io::Error),
    /// The port went away: it was unplugged, or the other side closed it.
    #[error("the port is gone: {0}")]
    Vanished(Cow<'static, str>),
}

impl TransportError {
    /// Whether opening the port again may help.
    pub fn is_retryable(&self) -> bool {
        true
    }

    /// What to do about it, where something can be done.
    pub fn hint(&self) -> Option<Cow<'static, str>> {
        None
    }

    /// The error that reading or writing a transport gives when the port is gone.
    pub(super) fn vanished(why: impl Into<Cow<'static, str>>) -> io::Error {
        io::Error::new(io::ErrorKind::UnexpectedEof, Self::Vanished(why.into()))
    }
}

/// Tells a port that is gone from one that failed.
impl From<io::Error> for TransportError {
    fn from(error: io::Error) -> Self {
        error.downcast::<Self>().unwrap_or_else(Self::Io)
    }
}
