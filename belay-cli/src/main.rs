//! `belay`, the command: a MicroPython board from the terminal.

mod bench;
mod board;
mod commands;
mod drawing;
#[cfg(feature = "fleet")]
mod elsewhere;
mod failure;
mod file_name;
mod json;
mod progress;
mod screen;
mod sitting;

use std::process::ExitCode;

use clap::Parser as _;
use tracing_subscriber::fmt::format::FmtSpan;

use bench::Bench;
use commands::Cli;
use failure::Failure;

fn main() -> ExitCode {
    let cli = Cli::parse();
    log(cli.global.verbose);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return Failure::from(error).tell(),
    };
    let outcome = runtime.block_on(Box::pin(run(cli)));
    // A thread that is still reading from the terminal must not delay the exit.
    runtime.shutdown_background();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.tell(),
    }
}

/// Runs the command. Whatever its outcome, the board is left in order.
async fn run(cli: Cli) -> Result<(), Failure> {
    #[cfg(feature = "fleet")]
    elsewhere::provide();
    let mut bench = Bench::new(cli.global);
    let outcome = bench::unless_told_to_end(commands::run(cli.command, &mut bench)).await;
    let closed = bench::unless_told_to_end(bench::unless_interrupted(bench.release())).await;
    #[cfg(feature = "fleet")]
    elsewhere::leave().await;
    outcome.and(closed)
}

/// Writes the library's `tracing` events to standard error; each `-v` shows more of them.
fn log(verbose: u8) {
    let level = match verbose {
        0 => return,
        1 => "belay=info,belay_runtime=info",
        2 => "belay=debug,belay_runtime=debug",
        _ => "belay=trace,belay_runtime=trace",
    };
    let filter = tracing_subscriber::EnvFilter::new(level);
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        // Most operations are spans, which are shown only when they close.
        .with_span_events(FmtSpan::CLOSE)
        .with_writer(std::io::stderr)
        .with_ansi(screen::colours())
        .init();
}
