//! What calls cost: instructions on the board, and bytes and turns on the line. They are counted, not timed, and so are
//! the same on each run: the two sides of the line take turns, the host's clock stands still, and random numbers come
//! from a seed.

mod meter;
mod peers;

use std::fmt;

use belay::prelude::*;
use belay::{CallPath, DeviceBuilder};
use serde::{Deserialize, Serialize};

use self::meter::{Meter, Reading};
use crate::rows::asking::{Adds, Asked, AskingDevice};
use crate::rows::{RowsDevice, Work, gave};

/// Success, or a message for a person.
pub type Outcome<T = ()> = std::result::Result<T, String>;

/// The peers, by their names in the table.
pub const PEERS: [&str; 2] = ["belay-python", "mpremote"];

/// The file with the stored costs.
const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/cost.jsonl");

/// How often light and large work is done, after one uncounted run for what happens only the first time.
const LIGHT: u32 = 16;
const LARGE: u32 = 3;
/// How often a board that has the agent already is connected to.
const CONNECTS: u32 = 2;
/// The seed of the random numbers.
const SEED: u64 = 15;

/// The cost of one kind of work, done in one way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// The way: `agent`, `raw-repl`, `belay-python` or `mpremote`.
    pub who: String,
    /// The work: a [`Work`]'s name, `connect_first` or `connect`.
    pub what: String,
    /// How many instructions the board's process executes. Waiting is not counted, nor are garbage collections because
    /// the heap is full, since it is chance which work triggers them. `None` if instructions were not counted, or the
    /// work resets the board.
    pub instructions: Option<u64>,
    /// How many bytes go to the board.
    pub bytes_to: u64,
    /// How many bytes come from it.
    pub bytes_from: u64,
    /// How often the direction turns: how often the board is sent something after it has sent something.
    pub turns: u64,
}

impl Cost {
    /// Whether the other one is of the same work and way.
    pub fn is_of_the_same(&self, other: &Self) -> bool {
        self.who == other.who && self.what == other.what
    }

    /// The cost as one line of JSON.
    ///
    /// # Panics
    ///
    /// Never: text and numbers can always be written.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("text and numbers can be written")
    }

    /// The cost of one of `count` runs between two readings.
    fn between(who: &str, what: &str, count: u32, before: Reading, after: Reading) -> Self {
        let each = |before: u64, after: u64| (after - before + u64::from(count) / 2) / u64::from(count);
        let instructions = before.instructions.zip(after.instructions);
        let instructions = instructions.filter(|_| before.starts == after.starts);
        Self {
            who: who.into(),
            what: what.into(),
            instructions: instructions.map(|(before, after)| each(before, after)),
            bytes_to: each(before.bytes_to, after.bytes_to),
            bytes_from: each(before.bytes_from, after.bytes_from),
            turns: each(before.turns, after.turns),
        }
    }
}

/// Whose costs are counted.
#[derive(Debug, Clone)]
pub enum Who {
    /// Belay, on one of its call paths.
    Ours(CallPath),
    /// A peer: its name in `peers.py`, and the Python interpreter that has it installed.
    Peer(&'static str, std::path::PathBuf),
}

/// Counts the costs of all kinds of work on a fresh board; of instructions only if they are asked for, which needs
/// `valgrind`. `tell` gets each cost as soon as it is known.
///
/// # Errors
///
/// When something fails or gives a wrong value.
pub fn count(who: &Who, instructions: bool, tell: &mut dyn FnMut(Cost)) -> Outcome {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    // With a paused clock no time-out expires, and nothing is repeated, because the machine is busy.
    let runtime = builder.enable_all().start_paused(true).build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    // A paused clock would jump ahead to the next timer whenever the runtime is idle; a blocking task prevents that.
    let (done, waits) = std::sync::mpsc::channel::<()>();
    runtime.spawn_blocking(move || waits.recv());
    let counted = runtime.block_on(async {
        let meter = Meter::start(instructions).await?;
        match who {
            Who::Ours(path) => ours(*path, meter, tell).await,
            Who::Peer(name, python) => peers::peer(name, python, meter, tell).await,
        }
    });
    drop(done);
    counted
}

async fn ours(path: CallPath, mut meter: Meter, tell: &mut dyn FnMut(Cost)) -> Outcome {
    let who = match path {
        CallPath::RawRepl => "raw-repl",
        _ => "agent",
    };
    belay_runtime::random::seed_this_thread(Some(SEED));
    let builder = Device::builder(meter.port()).call_path(path);
    let mut before = meter.read().await?;
    connect(&builder).await?;
    let mut after = meter.read().await?;
    tell(Cost::between(who, "connect_first", 1, before, after));
    before = after;
    for _ in 0..CONNECTS {
        connect(&builder).await?;
    }
    after = meter.read().await?;
    tell(Cost::between(who, "connect", CONNECTS, before, after));
    let rows: RowsDevice = builder.attach().await.map_err(|error| format!("{error:?}"))?;
    for work in Work::ALL {
        let count = if work.is_large() { LARGE } else { LIGHT };
        work.run(&rows, 500).await?;
        before = meter.read().await?;
        for n in 0..count {
            work.run(&rows, 501 + n).await?;
        }
        after = meter.read().await?;
        tell(Cost::between(who, work.name(), count, before, after));
    }
    if path != CallPath::RawRepl {
        asked(who, &rows, &mut meter, tell).await?;
    }
    gave(rows.close().await, &())
}

/// The costs of questions to the host, which need an agent that reads the line itself.
async fn asked(who: &str, rows: &RowsDevice, meter: &mut Meter, tell: &mut dyn FnMut(Cost)) -> Outcome {
    let asking = AskingDevice::attach(rows.device(), Adds).await;
    let asking = asking.map_err(|error| format!("{error:?}"))?;
    for asked in Asked::ALL {
        asked.run(&asking).await?;
        let before = meter.read().await?;
        for _ in 0..LARGE {
            asked.run(&asking).await?;
        }
        let after = meter.read().await?;
        tell(Cost::between(
            who,
            asked.name(),
            LARGE * asked.at_once(),
            before,
            after,
        ));
    }
    Ok(())
}

/// A connection, from opening the port to the first result and closing.
async fn connect(builder: &DeviceBuilder) -> Outcome {
    let device = builder.clone().connect().await;
    let device = device.map_err(|error| format!("{error:?}"))?;
    gave(device.execute_as("1+1").await, &2)?;
    gave(device.close().await, &())
}

/// Reads the stored costs.
///
/// # Errors
///
/// When it cannot be read.
pub fn kept() -> Outcome<Vec<Cost>> {
    let text = std::fs::read_to_string(KEPT).map_err(|error| format!("{KEPT}: {error}"))?;
    let costs = text.lines().map(serde_json::from_str);
    costs
        .collect::<Result<_, _>>()
        .map_err(|error| format!("{KEPT}: {error}"))
}

/// Stores these costs, replacing those of the same work and way.
///
/// # Errors
///
/// When it cannot be written.
pub fn keep(costs: &[Cost]) -> Outcome {
    let others = kept().unwrap_or_default().into_iter();
    let others = others.filter(|kept| !costs.iter().any(|cost| cost.is_of_the_same(kept)));
    let mut lines: Vec<String> = { others.chain(costs.iter().cloned()) }
        .map(|cost| cost.to_json() + "\n")
        .collect();
    lines.sort();
    std::fs::write(KEPT, lines.concat()).map_err(|error| format!("{KEPT}: {error}"))
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instructions = self.instructions.map_or("-".into(), |count| count.to_string());
        let Self {
            who,
            what,
            bytes_to,
            bytes_from,
            turns,
            ..
        } = self;
        write!(
            f,
            "{what:14}{who:14}{instructions:>14}{bytes_to:>10}{bytes_from:>10}{turns:>7}"
        )
    }
}
