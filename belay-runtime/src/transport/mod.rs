//! The ways to a board: serial ports, child processes, TCP, and whatever a user brings.

use std::borrow::Cow;

/// Why a port could not be opened, or failed while it was in use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// Reading from or writing to the port failed.
    #[error("the port failed")]
    Io(#[from] std::io::Error),
    /// The port went away: it was unplugged, or the other side closed it.
    #[error("the port is gone")]
    Vanished,
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
}
