//! `belay sim`

use belay_sim::{Board, Builder, Report};
use clap::ValueEnum;

use crate::failure::Failure;
use crate::screen::{faint, line, note};

/// Puts a simulated board on a port, for as long as this runs
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  belay sim unix\n\n\
    It is real MicroPython. The first one of a kind is built, which takes a minute.")]
pub(crate) struct Arguments {
    /// Which one
    #[arg(value_enum, default_value_t = Kind::Unix)]
    board: Kind,
    /// The size of its heap in kilobytes; boards in QEMU have no choice
    #[arg(long, default_value_t = 512)]
    heap_kb: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Fast, with threads, asyncio and a file system
    Unix,
    /// The same, with floats of 32 bits
    UnixSingle,
    /// MicroPython with CircuitPython's differences; it is not CircuitPython
    CircuitpythonLike,
    /// A Cortex-M3 in QEMU: a small heap, no Ctrl-C, no time, no threads, no files
    Mps2,
    /// A micro:bit in QEMU with an old MicroPython: a tiny heap
    Microbit,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let builder: Builder = match arguments.board {
        Kind::Unix => Board::unix(),
        Kind::UnixSingle => Board::unix_single(),
        Kind::CircuitpythonLike => Board::circuitpython_like(),
        Kind::Mps2 => Board::mps2(),
        Kind::Microbit => Board::microbit(),
    };
    let starting = builder.heap_kb(arguments.heap_kb).report(Report::Auto).start();
    let board = starting
        .await
        .map_err(|error| Failure::failed(error.to_string()))?;
    line!("{}", board.port())?;
    let port = board.port();
    note(&faint(&format!(
        "(a board is at {port} until Ctrl-C; `export BELAY_PORT={port}`)\n"
    )));
    std::future::pending().await
}
