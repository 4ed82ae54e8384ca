//! The phases of a conversation.

use std::fmt;

/// The stage of a conversation with the board, each with a deadline of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Opening the port.
    Open,
    /// Interrupting what runs on the board.
    Interrupt,
    /// Entering the raw REPL.
    Enter,
    /// Sending source code.
    Paste,
    /// Waiting for the board to compile it.
    Compile,
    /// Waiting for running code to end.
    Execute,
    /// Putting a method on the board.
    Deploy,
    /// Bringing line and board back to a known state after a fault.
    Resync,
    /// Resetting the board.
    Reset,
    /// Closing the port.
    Close,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "opening the port",
            Self::Interrupt => "interrupting the board",
            Self::Enter => "entering the raw REPL",
            Self::Paste => "sending the code",
            Self::Compile => "waiting for the board to compile the code",
            Self::Execute => "running the code",
            Self::Deploy => "deploying the method",
            Self::Resync => "resynchronising with the board",
            Self::Reset => "resetting the board",
            Self::Close => "closing the port",
        })
    }
}
