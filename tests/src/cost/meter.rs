//! A board whose work is counted: the instructions that its process runs, and the bytes and turns on its line.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use belay_sim::{Board, Direction};
use tempfile::TempDir;

use super::Outcome;

/// How long a side has to have said nothing before the other one is given what it has said. Whoever sends something in
/// pieces sends the next one sooner than that.
const QUIET: Duration = Duration::from_millis(15);
/// How often in a row, a [`LOOK`] apart, nothing may have happened until nothing more does.
const STILL: u32 = 12;
const LOOK: Duration = Duration::from_millis(5);
/// After so many looks it is not going to settle.
const LOOKS: u32 = 20_000;

/// Where a board waits, which takes as long as it takes: nothing that is run in there is counted, nor behind it.
const WAITING: [&str; 3] = ["mp_hal_stdin_rx_chr", "mp_hal_stdio_poll", "board_wait_ms"];
/// A collection that the board makes because its heap is full costs whoever comes then. One that is asked for is counted: what is
/// in both of these is.
const COLLECTING: [&str; 2] = ["gc_collect", "py_gc_collect"];

/// What has been counted since the board was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) instructions: Option<u64>,
    /// How often the board's program was started, which loses what was counted of the one before.
    pub(super) starts: u32,
    pub(super) bytes_to: u64,
    pub(super) bytes_from: u64,
    pub(super) turns: u64,
}

/// The board and what counts.
#[derive(Debug)]
pub(super) struct Meter {
    board: Board,
    /// Where valgrind writes to, if it counts.
    counts: Option<TempDir>,
    /// How often it was asked since it was started, how often it was started, and what it has counted until then.
    asked: u32,
    starts: u32,
    instructions: u64,
}

impl Meter {
    /// Starts a board.
    pub(super) async fn start(instructions: bool) -> Outcome<Self> {
        let counts = instructions.then(tempfile::tempdir).transpose();
        let counts = counts.map_err(|error| error.to_string())?;
        let mut board = Board::unix();
        if let Some(counts) = &counts {
            board = board.under(valgrind(counts));
        }
        let board = board.start().await.map_err(|error| error.to_string())?;
        let quiet = board.cable().take_turns(Some(QUIET));
        quiet.map_err(|error| error.to_string())?;
        let mut meter = Self {
            board,
            counts,
            asked: 0,
            starts: 0,
            instructions: 0,
        };
        // Its start is nobody's cost.
        meter.read().await?;
        Ok(meter)
    }

    pub(super) fn port(&self) -> &str {
        self.board.port()
    }

    /// What has been counted, once nothing happens any more.
    pub(super) async fn read(&mut self) -> Outcome<Reading> {
        let mut still = 0;
        let mut last = self.carried();
        for _ in 0..LOOKS {
            pause().await;
            let now = self.carried();
            let rests = now == last && self.board_waits()?;
            still = if rests { still + 1 } else { 0 };
            last = now;
            if still == STILL {
                let instructions = self.ask()?;
                return Ok(Reading {
                    instructions,
                    starts: self.starts,
                    ..now
                });
            }
        }
        Err("the board does not come to rest".into())
    }

    fn carried(&self) -> Reading {
        let cable = self.board.cable();
        Reading {
            instructions: None,
            starts: 0,
            bytes_to: cable.carried(Direction::ToBoard),
            bytes_from: cable.carried(Direction::ToHost),
            turns: cable.turns(),
        }
    }

    /// Whether the board's process waits for something.
    fn board_waits(&self) -> Outcome<bool> {
        let path = format!("/proc/{}/stat", self.board.process_id());
        let stat = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
        // Behind the program's name, which may have blanks.
        Ok(stat.rsplit(')').next().is_some_and(|rest| rest.starts_with(" S")))
    }

    /// Has valgrind write down what it has counted since it was last asked.
    fn ask(&mut self) -> Outcome<Option<u64>> {
        let Some(counts) = &self.counts else {
            return Ok(None);
        };
        let mut dump = Command::new("vgdb");
        dump.arg(format!("--pid={}", self.board.process_id())).arg("dump");
        let done = dump.output().map_err(|error| format!("vgdb: {error}"))?;
        if !done.status.success() {
            return Err(String::from_utf8_lossy(&done.stderr).into_owned());
        }
        self.asked += 1;
        let mut path = out(counts).with_extension(self.asked.to_string());
        if !path.exists() {
            // It counts its answers anew in a program that the board has started in place of itself.
            self.asked = 1;
            self.starts += 1;
            path.set_extension("1");
        }
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        fs::remove_file(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let total = text.lines().find_map(|line| line.strip_prefix("totals: "));
        let total: Option<u64> = total.and_then(|total| total.trim().parse().ok());
        self.instructions += total.ok_or_else(|| format!("{} has no total", path.display()))?;
        Ok(Some(self.instructions))
    }
}

fn out(directory: &TempDir) -> PathBuf {
    directory.path().join("count")
}

/// The program that counts, to be given the board's.
fn valgrind(directory: &TempDir) -> Vec<String> {
    let mut valgrind = vec![
        "valgrind".to_owned(),
        "--tool=callgrind".to_owned(),
        // A board that is reset starts its program anew.
        "--trace-children=yes".to_owned(),
        format!("--callgrind-out-file={}", out(directory).display()),
        // What it has to say is not for the board's terminal.
        format!("--log-file={}", directory.path().join("log").display()),
    ];
    let skipped = WAITING.iter().chain(&COLLECTING);
    valgrind.extend(skipped.map(|function| format!("--toggle-collect={function}")));
    // Without one of those it would begin to count only there.
    valgrind.push("--collect-atstart=yes".to_owned());
    valgrind
}

/// A little while, by a clock that goes on while the runtime's stands still.
async fn pause() {
    // It fails only when the runtime ends.
    let _ = tokio::task::spawn_blocking(|| std::thread::sleep(LOOK)).await;
}
