//! What can go wrong.

use std::time::Duration;

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
    /// A board's tags are too many or too long.
    #[error("the tags of `{0}` are more than two kilobytes")]
    Tags(String),
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
    /// The board of a group has no device at the moment.
    #[error("`{board}` is away: {why}")]
    Away {
        /// The board.
        board: String,
        /// Why.
        why: String,
    },
    /// A call took longer on a board than the group gives it.
    #[error("`{board}` has not done it within {within:?}")]
    Late {
        /// The board.
        board: String,
        /// How long it had.
        within: Duration,
    },
    /// A call failed on a board.
    #[error(transparent)]
    Device(Box<belay::Error>),
    /// What was answered has no meaning.
    #[error("`{0}` sent a reply that cannot be understood: is its server of another version?")]
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
        let port = match &error {
            FleetError::NoAnswer(board)
            | FleetError::Malformed(board)
            | FleetError::Held { board, .. }
            | FleetError::Port { board, .. } => format!("zenoh:{board}"),
            _ => return Self::Io(std::io::Error::other(error)),
        };
        let source = std::io::Error::other(error);
        Self::Open { port, source }
    }
}
