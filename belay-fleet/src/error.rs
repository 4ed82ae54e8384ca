//! What can go wrong.

use belay::transport::TransportError;

/// Why a board elsewhere cannot be had or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FleetError {
    /// Zenoh could not do something.
    #[error("the network failed: {0}")]
    Network(String),
    /// A name has characters that it cannot have.
    #[error("`{0}` is no name of a host or a board: letters, digits, `-`, `_` and `.` make one")]
    Name(String),
    /// The server has such a board already.
    #[error("there is a board `{0}` already")]
    Twice(String),
    /// Nobody answers for the board.
    #[error("no server answers for `{0}`: is it announced, and is its machine to be reached?")]
    NoAnswer(String),
    /// Somebody else has the board.
    #[error("`{board}` is held by {by:?}")]
    Held {
        /// The board.
        board: String,
        /// The name that its holder gave.
        by: String,
    },
    /// The server cannot open the board's port.
    #[error("the server cannot open `{board}`: {why}")]
    Port {
        /// The board.
        board: String,
        /// What it says.
        why: String,
    },
    /// What was answered has no meaning.
    #[error("`{0}` answers what has no meaning: is its server of another version?")]
    Malformed(String),
}

impl FleetError {
    pub(crate) fn network(error: impl std::fmt::Display) -> Self {
        Self::Network(error.to_string())
    }
}

/// All of these may be over when the board is opened again.
impl From<FleetError> for TransportError {
    fn from(error: FleetError) -> Self {
        Self::Io(std::io::Error::other(error))
    }
}
