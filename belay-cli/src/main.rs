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
    // What still reads from the terminal must not keep the command from ending.
    runtime.shutdown_background();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.tell(),
    }
}

/// Does what was asked for, and leaves the board as it should be left, whatever becomes of it.
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

/// Has what the library tells by `tracing` written to standard error, the more the more often `-v` was given.
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
        // Most of what is done is a span, which says nothing otherwise.
        .with_span_events(FmtSpan::CLOSE)
        .with_writer(std::io::stderr)
        .with_ansi(screen::colours())
        .init();
}
