//! Real MicroPython on a pseudo-terminal: simulated boards for belay and for any serial program.
//!
//! A [`Board`] is a MicroPython that runs as a process of its own, behind a port which any serial program can
//! open like that of a real board. Between the two lies a [cable](Cable) that can be made faulty.
//!
//! ```no_run
//! # async fn example() -> Result<(), belay_sim::Error> {
//! let board = belay_sim::Board::unix().start().await?;
//! println!("a board is at {}", board.port());
//! # Ok(())
//! # }
//! ```
//!
//! The board stops when the [`Board`] is dropped, and when the process that holds it ends in any way. Linux
//! only: it relies on how Linux reports who has a port open.

//!
//! # Where MicroPython comes from
//!
//! The `unix` board comes from the first of these that is available:
//!
//! 1. the program that the `BELAY_MICROPYTHON` variable names, a build of this crate's board or a stock
//!    MicroPython of version 1.27 or newer;
//! 2. a board that was built before, in the [directory of boards](boards_dir), which the `BELAY_BOARDS_DIR`
//!    variable changes;
//! 3. a `micropython` of version 1.27 or newer on the `PATH`;
//! 4. a build from Debian's source package, which takes about half a minute, once: that of forky (1.26), or, if it
//!    cannot be downloaded, that of trixie (1.25, which prints doubles with too few digits).
//!
//! The `circuitpython-like` and `webrepl` boards are always this crate's own builds, as is the `unix` board with single floats.
//!
//! Nothing is installed: if the build needs a program that is missing, it ends in an [`Error::Missing`] that
//! says which package has it.

mod apt;
mod board;
mod build;
mod cable;
mod error;
mod fault;
mod line;
mod packages;
mod port;
mod process;
mod program;
mod progress;
mod pump;
mod source;
mod tools;

pub use board::{Board, Builder};
pub use build::{
    boards_dir, ensure_circuitpython_like, ensure_mps2, ensure_mpy_cross, ensure_source, ensure_unix,
    ensure_webrepl,
};
pub use cable::Cable;
pub use error::Error;
pub use fault::{Direction, Fault, NOISE, Rates};
pub use progress::Report;
