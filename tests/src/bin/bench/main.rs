//! Measures how fast calls are: `cargo xtask bench --help`.

mod board;
mod cost;
mod events;
mod files;
mod host;
mod peers;
mod report;
mod scripted;

use std::process::ExitCode;

use belay_tests::tool::{BoardKind, Runtime};
use clap::Parser;

/// Measures how fast calls are, beside the bare line and the peers.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench")]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
struct Arguments {
    /// Measures the host's own time instead, against a board that answers at once.
    #[arg(long)]
    host: bool,
    /// The simulated board.
    #[arg(long, value_enum, default_value_t = BoardKind::Unix)]
    board: BoardKind,
    /// The port of a real board, instead of a simulated one.
    #[arg(long, conflicts_with = "board")]
    port: Option<String>,
    /// How many times everything is measured in turn; the table shows the medians.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Counts what things cost instead: instructions on the `unix` board, bytes and turns on its line.
    #[arg(long, conflicts_with_all = ["host", "board", "port"])]
    cost: bool,
    /// Keeps those counts in the table that a test holds the bytes and turns against.
    #[arg(long, requires = "cost")]
    keep: bool,
    /// Measures files instead: written, read and brought up to date, at full speed and over a line of 115,200 baud.
    #[arg(long, conflicts_with_all = ["host", "board", "port", "cost", "calls"])]
    files: bool,
    /// Hears events instead, for so many seconds.
    #[arg(long, value_name = "SECONDS", conflicts_with_all = ["host", "board", "port", "cost", "calls", "files"])]
    events: Option<u32>,
    /// How many microseconds there are between two events.
    #[arg(long, default_value_t = 100, requires = "events", value_parser = clap::value_parser!(u32).range(1..))]
    period_us: u32,
    /// One JSON object a line instead of a table.
    #[arg(long)]
    json: bool,
    /// How many calls are timed; the rarer things are done less often [default: 300, with --host 20000].
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    calls: Option<u32>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = if arguments.cost {
        cost::measure(arguments.json, arguments.keep)
    } else if arguments.host {
        host::measure(arguments.calls.unwrap_or(20_000))
            .map(|rows| host::print(&rows, arguments.json))
            .map_err(|error| format!("{error:?}"))
    } else if arguments.files {
        Runtime::CurrentThread.run(files::measure(arguments.rounds, arguments.json))
    } else if let Some(seconds) = arguments.events {
        Runtime::CurrentThread.run(events::measure(seconds, arguments.period_us))
    } else {
        board(arguments)
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn board(arguments: Arguments) -> Result<(), String> {
    Runtime::CurrentThread.run(board::measure(board::Options {
        board: arguments.board,
        port: arguments.port,
        rounds: arguments.rounds,
        calls: arguments.calls.unwrap_or(300),
        json: arguments.json,
    }))
}
