//! Injects seeded faults between a host and a board, and checks the result of every call, and that the next call works.
//!
//! Each run makes a few calls over a line that loses, repeats, inverts or delays bytes, that is cut or unplugged,
//! or with a board that restarts; then the fault is over and one more call has to work. On the board a counter
//! for each call proves that nothing ran twice.

mod asking;
mod calls;
mod events;
mod feeding;
mod files;
mod objects;
mod run;

use std::collections::VecDeque;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use belay_tests::far::Far;
use belay_tests::tool::{self, Recorder, Runtime};
use clap::Parser;
use run::{On, Outcome, Runner, Way};

/// Calls a board over a faulty line, and shows that every call ends truthfully and the next one works.
#[derive(Debug, Clone, Parser)]
#[command(name = "cargo xtask faults")]
struct Options {
    /// How many runs.
    #[arg(long, default_value_t = 200)]
    count: u64,
    /// The seed of the first run; each further one has the next.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// These seeds and no others.
    #[arg(long, value_delimiter = ',', conflicts_with_all = ["count", "seed"])]
    seeds: Vec<u64>,
    /// The board that is called.
    #[arg(long, value_enum, default_value_t = On::Unix)]
    board: On,
    /// The way that the calls take.
    #[arg(long, value_enum, default_value_t = Way::Agent)]
    call_path: Way,
    /// Uses the port as one without flow control: what is sent is paced, and a line may have any length.
    #[arg(long)]
    no_flow_control: bool,
    /// Writes files and brings folders up to date instead, while the line is cut, the board unplugged, switched off or
    /// full, or the host killed.
    #[arg(long, conflicts_with_all = ["board", "call_path", "no_flow_control"])]
    files: bool,
    /// Tests these features in the place of calls: events, host functions, input streams, objects. Of several, seeds take
    /// turns.
    #[arg(long, value_enum, value_delimiter = ',', conflicts_with_all = ["board", "call_path", "no_flow_control", "files"])]
    with: Vec<With>,
    /// Has the board behind TCP, over a line that takes so many milliseconds there and as many back.
    #[arg(long, value_name = "MILLISECONDS", conflicts_with_all = ["files", "with"])]
    far: Option<u64>,
    /// How many of a hundred packets that line loses.
    #[arg(long, value_name = "PERCENT", requires = "far", default_value_t = 1)]
    loss: u8,
    /// Is the host that is killed, on this port.
    #[arg(long, hide = true)]
    act: Option<String>,
    /// How many boards work at the same time.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..))]
    boards: u64,
    /// Writes what was logged in a run that failed, all that went over the line included, to `seed-N.log` in this
    /// folder. One board works then, so that it is of one run.
    #[arg(long, value_name = "FOLDER")]
    trace: Option<PathBuf>,
    /// The runtime of the host.
    #[arg(long, value_enum, default_value_t = Runtime::MultiThread)]
    runtime: Runtime,
}

/// What is done beside calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum With {
    /// Bodies and threads tell events, and each is heard once or counted as lost.
    Events,
    /// Bodies and threads ask the host, and each question runs once.
    Host,
    /// Objects stay on the board as long as somebody has their handles, and no longer.
    Objects,
    /// Bodies read streams of the host's, each item once and in order.
    StreamsIn,
}

impl Options {
    fn seeds(&self) -> VecDeque<u64> {
        if self.seeds.is_empty() {
            (0..self.count).map(|i| self.seed.wrapping_add(i)).collect()
        } else {
            self.seeds.iter().copied().collect()
        }
    }
}

#[derive(Debug, Default)]
struct Totals {
    runs: u64,
    wrong: u64,
    hung: u64,
    lost: u64,
    recovered: u64,
}

impl Totals {
    fn add(&mut self, outcome: &Outcome) {
        self.runs += 1;
        self.wrong += u64::from(outcome.wrong);
        self.hung += u64::from(outcome.hung);
        self.lost += u64::from(outcome.lost);
        self.recovered += u64::from(outcome.recovered);
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    let recorder = options.trace.is_some().then(Recorder::start);
    if recorder.is_none() {
        tool::log_if_asked();
    }
    if let Some(port) = &options.act {
        options.runtime.run(files::act(port, options.seed));
        return ExitCode::SUCCESS;
    }
    options.runtime.run(run(&options, recorder))
}

async fn run(options: &Options, recorder: Option<Recorder>) -> ExitCode {
    let seeds = options.seeds();
    let count = seeds.len() as u64;
    let seeds = Arc::new(Mutex::new(seeds));
    let totals = Arc::new(Mutex::new(Totals::default()));
    let boards = if recorder.is_some() { 1 } else { options.boards };
    let workers = (0..boards.min(count)).map(|_| {
        let (seeds, totals) = (Arc::clone(&seeds), Arc::clone(&totals));
        let recorder = recorder.clone();
        let options = options.clone();
        tokio::spawn(async move {
            let mut runners = AnyRunner::all(&options).await;
            loop {
                let Some(seed) = seeds.lock().ok().and_then(|mut seeds| seeds.pop_front()) else {
                    return;
                };
                let turn = usize::try_from(seed % runners.len() as u64).unwrap_or(0);
                if let Some(recorder) = &recorder {
                    recorder.clear();
                }
                let outcome = runners[turn].run(seed).await;
                if let (Some(recorder), Some(folder)) = (&recorder, &options.trace)
                    && !outcome.complaints.is_empty()
                {
                    let path = folder.join(format!("seed-{seed}.log"));
                    if let Err(error) = recorder.save(&path) {
                        eprintln!("{}: {error}", path.display());
                    }
                }
                for complaint in &outcome.complaints {
                    eprintln!("seed {seed}: {} ({})", complaint, outcome.scenario);
                }
                if let Ok(mut totals) = totals.lock() {
                    totals.add(&outcome);
                    progress(&totals, count);
                }
            }
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        if let Err(error) = worker.await {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    }
    if let Some(far) = options.far
        && let Err(error) = round_trips(Duration::from_millis(far), options.loss).await
    {
        eprintln!("{error}");
        return ExitCode::FAILURE;
    }
    let Ok(totals) = totals.lock() else {
        return ExitCode::FAILURE;
    };
    let Totals {
        runs,
        wrong,
        hung,
        lost,
        recovered,
    } = *totals;
    println!("faults: {runs} runs, {wrong} wrong, {hung} hung, {lost} lost, {recovered} recovered");
    if wrong + hung + lost == 0 && runs == count {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Compares how long calls take over a slow line with the time of one byte there and back.
async fn round_trips(delay: Duration, loss: u8) -> Result<(), Box<dyn std::error::Error>> {
    let board = belay_sim::Board::unix().start().await?;
    let far = Far::new("127.0.0.1:0", board.port().parse()?).await?;
    let device = belay::Device::connect(format!("tcp://{}", far.place())).await?;
    far.is_bad(delay, loss);
    let mut times = Vec::new();
    for number in 0..50_u32 {
        let begun = Instant::now();
        if device.execute_as::<u32>(&format!("{number} + 1")).await? != number + 1 {
            return Err("a wrong sum".into());
        }
        times.push(begun.elapsed());
    }
    times.sort();
    let middle = times[times.len() / 2];
    let trips = middle.as_secs_f64() / (2.0 * delay.as_secs_f64());
    println!("calls: {middle:.1?}, which is {trips:.2} of the round trip");
    device.close().await?;
    Ok(())
}

/// The runner of one kind of work.
enum AnyRunner {
    Asking(asking::Runner),
    Calls(Runner),
    Files(files::Runner),
    Events(events::Runner),
    Objects(objects::Runner),
    Feeding(feeding::Runner),
}

impl AnyRunner {
    /// One runner for each kind of work.
    async fn all(options: &Options) -> Vec<Self> {
        if options.files {
            return vec![Self::Files(files::Runner::new().await)];
        }
        let mut runners = Vec::new();
        for with in &options.with {
            runners.push(match with {
                With::Host => Self::Asking(asking::Runner::new().await),
                With::Events => Self::Events(events::Runner::new().await),
                With::Objects => Self::Objects(objects::Runner::new().await),
                With::StreamsIn => Self::Feeding(feeding::Runner::new().await),
            });
        }
        if runners.is_empty() {
            let (board, way, paced) = (options.board, options.call_path, options.no_flow_control);
            let far = options.far.map(|far| (Duration::from_millis(far), options.loss));
            runners.push(Self::Calls(Runner::new(board, way, paced, far).await));
        }
        runners
    }

    async fn run(&mut self, seed: u64) -> Outcome {
        match self {
            Self::Asking(runner) => runner.run(seed).await,
            Self::Calls(runner) => runner.run(seed).await,
            Self::Files(runner) => runner.run(seed).await,
            Self::Events(runner) => runner.run(seed).await,
            Self::Objects(runner) => runner.run(seed).await,
            Self::Feeding(runner) => runner.run(seed).await,
        }
    }
}

fn progress(totals: &Totals, count: u64) {
    if totals.runs.is_multiple_of(50) {
        eprint!(
            "\r{}/{count} runs, {} wrong, {} hung, {} lost  ",
            totals.runs, totals.wrong, totals.hung, totals.lost
        );
        let _ = std::io::stderr().flush();
    }
}
