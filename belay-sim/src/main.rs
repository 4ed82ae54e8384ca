//! A simulated board on a port, until Ctrl-C.

use std::process::ExitCode;

use belay_sim::{Board, Error, Report};
use clap::{Parser, Subcommand};

/// Puts a simulated board on a port that any serial program can open.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// A fast board with threads, asyncio and a file system.
    Unix {
        /// The size of its heap in kilobytes.
        #[arg(long, default_value_t = 512)]
        heap_kb: u32,
    },
    /// Builds the boards that have to be built, without starting one.
    Build,
}

fn main() -> ExitCode {
    match run(&Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("belay-sim: {error}");
            if let Some(cause) = std::error::Error::source(&error) {
                eprintln!("  because: {cause}");
            }
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command) -> Result<(), Error> {
    match command {
        Command::Unix { heap_kb } => keep(&Board::unix().heap_kb(*heap_kb).start_blocking()?),
        Command::Build => {
            println!("{}", belay_sim::ensure_unix(Report::Auto)?.display());
            Ok(())
        }
    }
}

/// Keeps a board until the program is interrupted; the kernel then ends the board's process.
fn keep(board: &Board) -> Result<(), Error> {
    println!("{}", board.port());
    eprintln!(
        "The board runs until you press Ctrl-C here. To talk to it: mpremote connect {}",
        board.port()
    );
    loop {
        std::thread::park();
    }
}
