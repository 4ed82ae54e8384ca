//! What every example needs: a board to talk to.

use clap::Parser;

/// The guide's chapter on fleets, so that its code is compiled: this has what it needs, and is not published without it.
#[cfg(all(doctest, feature = "fleet"))]
#[doc = include_str!("../../docs/src/fleets.md")]
mod fleets {}

/// A result with any error, for an example's `main`.
pub type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

#[derive(Parser)]
#[command(about = "An example of belay. Without --port it runs on a simulated board.")]
struct Arguments {
    /// The board's address: a port such as /dev/ttyACM0 or COM3, `auto`, `usb:VID:PID`, `tcp://host:port`
    #[arg(long)]
    port: Option<String>,
}

/// The board that an example uses: the user's own, or a simulated one that is stopped when this is dropped.
#[derive(Debug)]
pub enum ExampleBoard {
    /// The one that `--port` names.
    Own(String),
    /// A simulated one: real MicroPython on a pseudo-terminal.
    Simulated(belay_sim::Board),
}

impl ExampleBoard {
    /// The board that the command line asks for.
    ///
    /// # Errors
    ///
    /// When the simulated board cannot be built or started.
    pub async fn from_command_line() -> Result<Self> {
        Self::from_command_line_or(belay_sim::Board::unix()).await
    }

    /// The board that the command line asks for, or this simulated one.
    ///
    /// # Errors
    ///
    /// When the simulated board cannot be built or started.
    pub async fn from_command_line_or(simulated: belay_sim::Builder) -> Result<Self> {
        match Arguments::parse().port {
            Some(port) => Ok(Self::Own(port)),
            None => Ok(Self::Simulated(simulated.start().await?)),
        }
    }

    /// One more simulated board.
    ///
    /// # Errors
    ///
    /// When it cannot be built or started.
    pub async fn simulated() -> Result<Self> {
        Ok(Self::Simulated(belay_sim::Board::unix().start().await?))
    }

    /// The address to connect to.
    pub fn port(&self) -> &str {
        match self {
            Self::Own(port) => port,
            Self::Simulated(board) => board.port(),
        }
    }
}
