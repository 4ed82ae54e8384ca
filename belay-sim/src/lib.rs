//! Real MicroPython on a pseudo-terminal: simulated boards for belay and for any serial program.
//!
//! A [`Board`] is a MicroPython that runs as a process of its own behind a port which any serial
//! program opens like that of a board on the desk. Between the two lies a [cable](Cable) that can be
//! told to misbehave.
//!
//! ```no_run
//! # async fn example() -> Result<(), belay_sim::Error> {
//! let board = belay_sim::Board::unix().start().await?;
//! println!("a board is at {}", board.port());
//! # Ok(())
//! # }
//! ```
//!
//! The board stops when the [`Board`] is dropped, and when the process that holds it dies, however
//! that happens. Linux only: it relies on how Linux tells who has a port open.

mod apt;
mod board;
mod build;
mod cable;
mod error;
mod fault;
mod line;
mod port;
mod process;
mod pump;
mod source;

pub use board::{Board, Builder};
pub use build::{Report, boards_dir, ensure_mps2, ensure_source, ensure_unix};
pub use cable::Cable;
pub use error::Error;
pub use fault::{Direction, Fault, Rates};
