//! Everything that a device can do, from many tasks at once, for a long time: every result is checked, and the host
//! must not use more resources at the end than at the beginning.
//!
//! Of several boards the first one stays connected for the whole time, and so does every second one after it; the
//! others are connected anew for each shift. Between two shifts no work is in progress, and the resources of the
//! process are looked at.

mod board;
mod host;
mod report;
mod work;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use belay::{CallPath, Device, Error};
use belay_sim::Board;
use belay_tests::tool::{self, BoardKind, Runtime};
use clap::Parser;
use futures_util::future::join_all;
use tokio::task::JoinSet;
use tokio::time::Instant;

use self::board::{CALLERS, SoakDevice};
use self::host::Taken;
use self::report::Report;
use self::work::{Caller, Resets};

/// Uses boards in every way for a long time, and holds every result, and the host's memory, against what they have
/// to be.
#[derive(Debug, Clone, Parser)]
#[command(name = "cargo xtask soak")]
struct Options {
    /// How long.
    #[arg(long, default_value_t = 15.0, value_parser = minutes)]
    minutes: f64,
    /// The seed of what is done; who comes first is left to chance.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The simulated boards.
    #[arg(long, value_enum, default_value_t = BoardKind::Unix)]
    board: BoardKind,
    /// How many of them.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    boards: u16,
    /// The runtime of the host.
    #[arg(long, value_enum, default_value_t = Runtime::MultiThread)]
    runtime: Runtime,
}

fn minutes(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(minutes) if minutes > 0.0 && minutes < 1e6 => Ok(minutes),
        _ => Err("a number of minutes above zero".into()),
    }
}

/// How long a call may take, which includes waiting for the calls of others.
const PATIENT: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    let options = Options::parse();
    tool::log_if_asked();
    options.runtime.run(soak(&options))
}

async fn soak(options: &Options) -> ExitCode {
    let whole = Duration::from_secs_f64(options.minutes * 60.0);
    let shift = (whole / 20).clamp(Duration::from_secs(1), Duration::from_secs(30));
    let (begun, report) = (Instant::now(), Arc::new(Report::default()));
    let mut places = Vec::new();
    for index in 0..options.boards {
        match options.board.builder().start().await {
            Ok(board) => places.push(Place::new(index, board, options.clone(), Arc::clone(&report))),
            Err(error) => {
                eprintln!("soak: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    // A quarter of the time is for warming up.
    let mut warm = None;
    for number in 0.. {
        let until = Instant::now() + shift;
        join_all(places.iter_mut().map(|place| place.shift(number, until))).await;
        if warm.is_none() && begun.elapsed() > whole / 4 {
            warm = Some(Taken::now());
        }
        let left = whole.saturating_sub(begun.elapsed());
        report.progress(left.as_secs());
        if left.is_zero() {
            break;
        }
    }
    let warm = warm.unwrap_or_else(Taken::now);
    let growth = warm.growth().await;
    let now = Taken::now();
    for place in &mut places {
        place.leave().await;
    }
    let excused = report.count_of_excused();
    eprintln!("\n{excused} operations ended in an error as they may; memory from {warm:#} to {now:#}");
    if let Some(growth) = &growth {
        eprintln!("{growth}");
    }
    println!("soak: {report}, memory {warm} -> {now}");
    if report.is_clean() && growth.is_none() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// One board, and its state over the shifts.
struct Place {
    index: u16,
    board: Board,
    options: Options,
    report: Arc<Report>,
    connected: Option<SoakDevice>,
}

impl Place {
    fn new(index: u16, board: Board, options: Options, report: Arc<Report>) -> Self {
        Self {
            index,
            board,
            options,
            report,
            connected: None,
        }
    }

    /// Many callers work until the time is over; then nothing may be left.
    async fn shift(&mut self, number: u64, until: Instant) {
        let board = match self.connect(number).await {
            Ok(board) => board,
            Err(error) => {
                self.report
                    .lost(&format!("board {}, connecting: {error:?}", self.index));
                return tokio::time::sleep_until(until).await;
            }
        };
        let resets = Arc::new(Resets::default());
        let callers = if self.options.board == BoardKind::Unix {
            CALLERS
        } else {
            2
        };
        let mut working = JoinSet::new();
        for who in 0..callers {
            let mut seed =
                fastrand::Rng::with_seed(self.options.seed ^ (u64::from(self.index) << 48) ^ (number << 16));
            let caller = Caller {
                kind: self.options.board,
                who,
                board: board.clone(),
                random: fastrand::Rng::with_seed(seed.u64(..) ^ who as u64),
                resets: Arc::clone(&resets),
                seen: None,
            };
            working.spawn(caller.work(until, Arc::clone(&self.report)));
        }
        while let Some(ended) = working.join_next().await {
            if let Err(panicked) = ended {
                self.report.wrong(&format!("board {}: {panicked}", self.index));
            }
        }
        match board.device().threads().active().await {
            Ok(threads) if threads.is_empty() => {}
            other => self
                .report
                .wrong(&format!("board {}, threads that are left: {other:?}", self.index)),
        }
        if self.index % 2 == 1 {
            self.leave().await;
        }
    }

    /// The device that is still connected, or a new one, on the two call paths in turn.
    async fn connect(&mut self, number: u64) -> Result<SoakDevice, Error> {
        if let Some(board) = &self.connected {
            return Ok(board.clone());
        }
        let path = if number % 2 == 1 {
            CallPath::RawRepl
        } else {
            CallPath::Auto
        };
        let builder = Device::builder(self.board.port())
            .call_path(path)
            .timeout(PATIENT);
        let board: SoakDevice = builder.attach().await?;
        self.connected = Some(board.clone());
        Ok(board)
    }

    /// Closes what is connected.
    async fn leave(&mut self) {
        if let Some(board) = self.connected.take()
            && let Err(error) = board.close().await
        {
            self.report
                .lost(&format!("board {}, closing: {error:?}", self.index));
        }
    }
}
