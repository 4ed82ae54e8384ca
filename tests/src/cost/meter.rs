//! A board whose work is counted: the instructions that its process executes, and the bytes and turns on its line.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use belay_sim::{Board, Direction};
use tempfile::TempDir;

use super::Outcome;

/// How long one side has to be silent before the other side gets what it has sent. A side that sends something in
/// pieces pauses for less than that between two of them.
const QUIET: Duration = Duration::from_millis(15);
/// How often in a row, a [`LOOK`] apart, nothing may have changed before the board counts as idle.
const STILL: u32 = 12;
const LOOK: Duration = Duration::from_millis(5);
/// After so many looks the board is said never to become idle.
const LOOKS: u32 = 20_000;

/// The functions in which a board waits. How long they run depends on chance, so nothing that is executed in them, or
/// called from there, is counted.
const WAITING: [&str; 3] = ["mp_hal_stdin_rx_chr", "mp_hal_stdio_poll", "board_wait_ms"];
/// Collections because the heap is full are not counted, as it is chance which work triggers them. Collections that the
/// work asks for are: they run in both of these functions, and the count is toggled twice.
const COLLECTING: [&str; 2] = ["gc_collect", "py_gc_collect"];

/// The counts since the board was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) instructions: Option<u64>,
    /// How often the board's program was started; a restart loses the counts of the program before.
    pub(super) starts: u32,
    pub(super) bytes_to: u64,
    pub(super) bytes_from: u64,
    pub(super) turns: u64,
}

/// The board and its counters.
#[derive(Debug)]
pub(super) struct Meter {
    board: Board,
    /// The directory that valgrind writes to, if it is to count.
    counts: Option<TempDir>,
    /// How many dumps there were since the last start of the program, the number of starts, and the instructions
    /// counted so far.
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
        // The board's start-up is not part of any cost.
        meter.read().await?;
        Ok(meter)
    }

    pub(super) fn port(&self) -> &str {
        self.board.port()
    }

    /// Gives the counts once the board is idle.
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

    /// Whether the board's process is waiting (sleeping).
    fn board_waits(&self) -> Outcome<bool> {
        let path = format!("/proc/{}/stat", self.board.process_id());
        let stat = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
        // The state follows the program's name, which can contain blanks and is in parentheses.
        Ok(stat.rsplit(')').next().is_some_and(|rest| rest.starts_with(" S")))
    }

    /// Has valgrind dump the instructions since its last dump.
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
            // The board has replaced its program (a reset), and valgrind numbers the dumps of the new one from 1.
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

/// The valgrind command, which the board's own command follows.
fn valgrind(directory: &TempDir) -> Vec<String> {
    let mut valgrind = vec![
        "valgrind".to_owned(),
        "--tool=callgrind".to_owned(),
        // A board that is reset executes its program again.
        "--trace-children=yes".to_owned(),
        format!("--callgrind-out-file={}", out(directory).display()),
        // valgrind's messages must not go to the board's terminal.
        format!("--log-file={}", directory.path().join("log").display()),
    ];
    let skipped = WAITING.iter().chain(&COLLECTING);
    valgrind.extend(skipped.map(|function| format!("--toggle-collect={function}")));
    // Because of the `--toggle-collect` options it would otherwise begin to count only in those functions.
    valgrind.push("--collect-atstart=yes".to_owned());
    valgrind
}

/// Waits a little by the real clock, which goes on while the runtime's is paused.
async fn pause() {
    // It fails only when the runtime shuts down.
    let _ = tokio::task::spawn_blocking(|| std::thread::sleep(LOOK)).await;
}
