//! Measures how fast calls are: `cargo xtask bench --help`.

mod host;
mod scripted;

use std::process::ExitCode;

use clap::Parser;

/// Measures how fast calls are.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench")]
struct Arguments {
    /// Measures the host's own time, against a board that answers at once.
    #[arg(long)]
    host: bool,
    /// One JSON object a line instead of a table.
    #[arg(long)]
    json: bool,
    /// How many calls are timed; the rarer things are done less often.
    #[arg(long, default_value_t = 20_000)]
    calls: u32,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match host::measure(arguments.calls) {
        Ok(rows) => {
            host::print(&rows, arguments.json);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error:?}");
            ExitCode::FAILURE
        }
    }
}
