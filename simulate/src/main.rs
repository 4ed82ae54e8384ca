//! Runs schedules, many at once, and reports the outcome.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use belay_simulate::{FLAVOURS, Flavour, Outcome, run, run_far};
use clap::Parser;

/// How many failing seeds are reported.
const TOLD: u64 = 20;
/// How long one schedule may take in real time; most take a millisecond. One that takes longer is in an
/// endless loop that does not access the line, where it would be noticed.
const LONGEST: Duration = Duration::from_secs(30);

/// Simulates a host, a line and a board in virtual time: each seed is one schedule of calls and faults.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask simulate")]
struct Options {
    /// How many schedules.
    #[arg(long, default_value_t = 10_000)]
    count: u64,
    /// The seed of the first; each further one has the next.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only this way of host and board to talk to each other.
    #[arg(long, value_parser = flavour)]
    flavour: Option<Flavour>,
    /// With the board far away: 50 ms there and as much back, over a network that loses one packet in a hundred.
    #[arg(long)]
    far: bool,
    /// Shows what goes over the line.
    #[arg(short, long)]
    verbose: bool,
    /// Ends with the first schedule that shows a fault.
    #[arg(long)]
    first: bool,
    /// On how many threads.
    #[arg(long)]
    threads: Option<usize>,
}

fn flavour(name: &str) -> Result<Flavour, String> {
    let known = FLAVOURS.into_iter().find(|flavour| flavour.name() == name);
    known.ok_or_else(|| {
        let names: Vec<_> = FLAVOURS.iter().map(|flavour| flavour.name()).collect();
        format!("one of {}", names.join(", "))
    })
}

#[derive(Debug, Default)]
struct Totals {
    /// The schedules that are running, and since when.
    under_way: BTreeMap<u64, Instant>,
    runs: u64,
    wrong: u64,
    hung: u64,
    lost: u64,
}

impl Totals {
    fn bad(&self) -> u64 {
        self.wrong + self.hung + self.lost
    }

    fn begin(&mut self, seed: u64) {
        self.under_way.insert(seed, Instant::now());
    }

    /// A schedule that does not end.
    fn endless(&self) -> Option<u64> {
        let endless = |since: &Instant| since.elapsed() > LONGEST;
        self.under_way
            .iter()
            .find(|(_, since)| endless(since))
            .map(|(seed, _)| *seed)
    }

    fn add(&mut self, seed: u64, outcome: &Outcome, options: &Options) {
        self.under_way.remove(&seed);
        self.runs += 1;
        self.wrong += u64::from(outcome.wrong);
        self.hung += u64::from(outcome.hung);
        self.lost += u64::from(outcome.lost);
        if outcome.is_good() || self.bad() > TOLD {
            return;
        }
        eprintln!("seed {seed}: {}", outcome.scenario);
        for complaint in &outcome.complaints {
            eprintln!("  {complaint}");
        }
        let flavour = options
            .flavour
            .map(|flavour| format!(" --flavour {}", flavour.name()));
        let flavour = flavour.unwrap_or_default();
        let far = if options.far { " --far" } else { "" };
        eprintln!("  again: cargo xtask simulate --seed {seed} --count 1 -v{flavour}{far}");
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            runs,
            wrong,
            hung,
            lost,
            ..
        } = self;
        write!(
            f,
            "simulation: {runs} schedules, {wrong} wrong, {hung} hung, {lost} lost"
        )
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    let threads = options
        .threads
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let threads = if options.verbose { 1 } else { threads.max(1) };
    let next = AtomicU64::new(0);
    let totals = Mutex::new(Totals::default());
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| work(&options, &next, &totals));
        }
        show_progress(&options, &totals, begun);
    });
    let totals = totals.into_inner().unwrap_or_else(PoisonError::into_inner);
    let took = begun.elapsed().as_secs_f64();
    eprintln!("in {took:.1} s on {threads} threads");
    println!("{totals}");
    if totals.bad() == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn work(options: &Options, next: &AtomicU64, totals: &Mutex<Totals>) {
    loop {
        let at = next.fetch_add(1, Ordering::Relaxed);
        if at >= options.count {
            return;
        }
        let seed = options.seed.wrapping_add(at);
        let locked = || totals.lock().unwrap_or_else(PoisonError::into_inner);
        locked().begin(seed);
        let run = if options.far { run_far } else { run };
        let outcome = run(seed, options.flavour, options.verbose);
        let mut totals = locked();
        totals.add(seed, &outcome, options);
        if options.first && totals.bad() > 0 {
            next.store(options.count, Ordering::Relaxed);
        }
    }
}

/// Shows the progress until all is done: on a terminal often, elsewhere now and then.
fn show_progress(options: &Options, totals: &Mutex<Totals>, begun: Instant) {
    let terminal = std::io::stderr().is_terminal();
    let mut shown = begun;
    loop {
        std::thread::sleep(Duration::from_millis(100));
        let (runs, bad) = {
            let mut totals = totals.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(seed) = totals.endless() {
                let outcome = Outcome {
                    hung: true,
                    complaints: vec!["it does not come to its end".to_owned()],
                    ..Outcome::default()
                };
                totals.add(seed, &outcome, options);
                // Nothing else can stop its thread.
                println!("{totals}");
                std::process::exit(1);
            }
            (totals.runs, totals.bad())
        };
        if runs >= options.count || options.first && bad > 0 || options.verbose {
            if terminal {
                eprint!("\r\x1b[K");
            }
            return;
        }
        let wait = if terminal { 1 } else { 10 };
        if shown.elapsed() >= Duration::from_secs(wait) {
            shown = Instant::now();
            let start = if terminal { "\r\x1b[K" } else { "" };
            let end = if terminal { "" } else { "\n" };
            eprint!(
                "{start}{runs} of {} schedules, {bad} bad, {:.0} s{end}",
                options.count,
                begun.elapsed().as_secs_f64()
            );
            let _ = std::io::stderr().flush();
        }
    }
}
