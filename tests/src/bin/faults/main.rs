//! Seeded faults between a host and a board: what every call then gives, and whether the next one works.
//!
//! Each run makes a few calls over a line that loses, repeats, inverts or delays bytes, that is cut or unplugged,
//! or with a board that restarts; then the fault is over and one more call has to work. On the board a counter
//! for each call proves that nothing ran twice.

mod calls;
mod run;

use std::collections::VecDeque;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use run::{Outcome, Runner, Way};

/// How many boards work at the same time, if it is not said.
const BOARDS: u64 = 4;

const USAGE: &str = "\
usage: faults [--count N] [--seed S | --seeds S,S,…] [--call-path agent|raw-repl|small] [--boards B]

  --count N      how many runs, 200 unless told
  --seed S       the seed of the first; each further one has the next
  --seeds S,…    these and no others
  --call-path P  agent: the resident agent; raw-repl: the same agent, called over the raw REPL;
                 small: the agent for small boards, on a board with a heap of 40 KB
  --boards B     how many boards work at the same time, 4 unless told";

#[derive(Debug, Clone)]
struct Options {
    count: u64,
    seed: u64,
    /// These and no others.
    seeds: Option<VecDeque<u64>>,
    way: Way,
    boards: u64,
}

impl Options {
    fn seeds(&self) -> VecDeque<u64> {
        let range = || (0..self.count).map(|i| self.seed.wrapping_add(i)).collect();
        self.seeds.clone().unwrap_or_else(range)
    }
}

fn options() -> Result<Options, String> {
    let mut options = Options {
        count: 200,
        seed: 1,
        seeds: None,
        way: Way::Agent,
        boards: BOARDS,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{name} needs a value"));
        let number = |text: String| text.parse().map_err(|_| format!("{text} is no number"));
        match name.as_str() {
            "--count" => options.count = number(value()?)?,
            "--seed" => options.seed = number(value()?)?,
            "--seeds" => {
                let seeds = value()?;
                let seeds = seeds.split(',').map(|seed| number(seed.into()));
                options.seeds = Some(seeds.collect::<Result<_, _>>()?);
            }
            "--boards" => options.boards = number(value()?)?.max(1),
            "--call-path" => {
                options.way = match value()?.as_str() {
                    "agent" => Way::Agent,
                    "raw-repl" => Way::RawRepl,
                    "small" => Way::Small,
                    other => return Err(format!("{other} is no call path: agent, raw-repl or small")),
                }
            }
            "--help" | "-h" => return Err(USAGE.into()),
            _ => return Err(format!("{name}? {USAGE}")),
        }
    }
    Ok(options)
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

#[tokio::main]
async fn main() -> ExitCode {
    let options = match options() {
        Ok(options) => options,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    if std::env::var_os("RUST_LOG").is_some() {
        tracing_subscriber::fmt()
            .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
            .with_writer(std::io::stderr)
            .init();
    }
    let seeds = options.seeds();
    let count = seeds.len() as u64;
    let seeds = Arc::new(Mutex::new(seeds));
    let totals = Arc::new(Mutex::new(Totals::default()));
    let workers = (0..options.boards.min(count)).map(|_| {
        let (seeds, totals) = (Arc::clone(&seeds), Arc::clone(&totals));
        tokio::spawn(async move {
            let mut runner = Runner::new(options.way).await;
            loop {
                let Some(seed) = seeds.lock().ok().and_then(|mut seeds| seeds.pop_front()) else {
                    return;
                };
                let outcome = runner.run(seed).await;
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

fn progress(totals: &Totals, count: u64) {
    if totals.runs.is_multiple_of(50) {
        eprint!(
            "\r{}/{count} runs, {} wrong, {} hung, {} lost  ",
            totals.runs, totals.wrong, totals.hung, totals.lost
        );
        let _ = std::io::stderr().flush();
    }
}
