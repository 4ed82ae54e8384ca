//! The commands for people and CI: `cargo xtask --help`.

mod book;
mod ci;
mod coverage;
#[cfg(test)]
mod documents;
mod fuzz;
#[path = "../../belay-sim/src/packages.rs"]
mod packages;
mod plant;
mod prepare;
mod run;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::prepare::Boards;

/// Prepares the machine and runs Belay's demonstration, tests and tools.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Calls a board and shows what it answers: a simulated one, or the one at the port you name.
    Demo {
        /// The port of a real board.
        #[arg(long)]
        port: Option<String>,
        /// More arguments for the quickstart.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        more: Vec<String>,
    },
    /// Runs every test of the workspace, documentation included, on real MicroPython.
    Test {
        /// Runs them by cargo-nextest, which has to be installed: many of all programs at once, which takes less than half as
        /// long and needs a machine that does nothing else.
        #[arg(long)]
        nextest: bool,
        /// More arguments for `cargo test`, or for `cargo nextest run`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        more: Vec<String>,
    },
    /// Runs every test on instrumented crates and says how many lines of each crate they run through.
    Coverage {
        /// More arguments for `cargo test`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        more: Vec<String>,
    },
    /// Checks what has to hold before a version is published: features, the oldest toolchain, packages and the like.
    Ci {
        /// Only these checks.
        only: Vec<String>,
    },
    /// Builds the guide, which is in `docs/`, with `mdbook`.
    Book,
    /// Installs what the simulated boards need and builds them.
    Boards,
    /// Calls a board over a faulty cable, thousands of times.
    Faults(Tool),
    /// Simulates a host, a line and a board in virtual time, a million times if need be.
    Simulate(Tool),
    /// Uses boards in every way for a long time, and watches what the host takes for it.
    Soak(Tool),
    /// Sends every kind of value to a board and back.
    Roundtrip(Tool),
    /// Measures how fast calls are.
    Bench(Tool),
    /// Holds the Python parser against MicroPython's own compiler.
    Syntax(Tool),
    /// Fuzzes every target for a while, on the nightly toolchain.
    Fuzz {
        /// How long each target runs, in seconds.
        #[arg(long, default_value_t = 60)]
        seconds: u64,
        /// Only this target.
        #[arg(long)]
        target: Option<String>,
    },
}

/// Arguments that are handed to a tool as they are.
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
struct Tool {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Success, or a message for the user.
type Outcome = Result<(), String>;

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Demo { port, more } => demo(port, more),
        Command::Test { nextest, more } => test::run(nextest, &more),
        Command::Coverage { more } => coverage::run(&more),
        Command::Ci { only } => ci::run(&only),
        Command::Book => book::build(),
        Command::Boards => prepare::boards(Boards::All),
        Command::Faults(tool) => run::tool("faults", &tool.arguments),
        Command::Simulate(tool) => run::simulate(&tool.arguments),
        Command::Soak(tool) => run::tool("soak", &tool.arguments),
        Command::Roundtrip(tool) => run::tool("roundtrip", &tool.arguments),
        Command::Bench(tool) => run::bench(&tool.arguments),
        Command::Syntax(tool) => run::tool("syntax", &tool.arguments),
        Command::Fuzz { seconds, target } => fuzz::run(seconds, target.as_deref()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            if !message.is_empty() {
                eprintln!("xtask: {message}");
            }
            ExitCode::FAILURE
        }
    }
}

fn demo(port: Option<String>, more: Vec<String>) -> Outcome {
    let mut arguments = more;
    if let Some(port) = port {
        arguments.splice(0..0, ["--port".to_owned(), port]).for_each(drop);
    } else {
        prepare::boards(Boards::Unix)?;
        println!(
            "Running examples/quickstart.rs on a simulated board: MicroPython on this computer, behind a port of its own."
        );
    }
    let example = ["--package", "belay-examples", "--example", "quickstart", "--"];
    let mut quickstart = run::cargo_run(&example, "examples/quickstart");
    run::passing_on(quickstart.args(arguments))
}
