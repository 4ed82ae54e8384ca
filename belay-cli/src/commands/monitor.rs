//! `belay monitor`

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use belay::Output;
use chrono::{Local, SecondsFormat};
use serde_json::json;

use super::Json;
use super::repl::opened;
use crate::bench::Bench;
use crate::failure::Failure;
use crate::json;
use crate::screen::{self, faint};
use crate::sitting::{Happened, Sitting};

/// The length of the longest line, in bytes; a longer one is split.
const LONGEST: usize = 16 << 10;

/// Shows what the board says, with the time of each line, and never writes to it
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  belay monitor\n  belay monitor --json > log.jsonl\n\n\
    Ctrl-C ends it. The program on the board goes on. A reset and an unplugged board are waited out."
)]
pub(crate) struct Arguments {
    /// Writes the lines to this file, too
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// Leaves out the time
    #[arg(long, conflicts_with = "json")]
    bare: bool,
    #[command(flatten)]
    json: Json,
}

pub(crate) async fn run(arguments: &Arguments, bench: &mut Bench) -> Result<(), Failure> {
    let mut log = arguments.log.as_deref().map(opened).transpose()?;
    let mut sitting = Sitting::open(bench).await?;
    screen::note(&faint(&format!(
        "(listens to {}; Ctrl-C ends this)\n",
        sitting.name()
    )));
    let mut lines = Lines::default();
    loop {
        match sitting.next().await {
            Happened::Said(bytes) => {
                for line in lines.of(&bytes) {
                    tell(&line, arguments, log.as_mut())?;
                }
            }
            Happened::Lost(error) => {
                screen::note(&faint(&format!("({error}; waiting for the board)\n")));
                sitting.again().await?;
                screen::note(&faint("(connected again)\n"));
            }
        }
    }
}

fn tell(line: &Line, arguments: &Arguments, log: Option<&mut std::fs::File>) -> Result<(), Failure> {
    let text = Output::Bytes(Arc::from(line.bytes.as_slice())).to_string();
    let bare = format!("{} {text}\n", line.time.format("%H:%M:%S%.3f"));
    if let Some(log) = log {
        log.write_all(bare.as_bytes())?;
    }
    if arguments.json.json {
        let time = line.time.to_rfc3339_opts(SecondsFormat::Millis, false);
        return json::line(&json!({ "time": time, "line": text }));
    }
    if arguments.bare {
        return Ok(screen::line!("{text}")?);
    }
    let time = faint(&line.time.format("%H:%M:%S%.3f").to_string());
    Ok(screen::line!("{time} {text}")?)
}

/// A line, and the time at which it began.
struct Line {
    time: chrono::DateTime<Local>,
    bytes: Vec<u8>,
}

/// Splits the received bytes into lines.
#[derive(Default)]
struct Lines {
    begun: Option<Line>,
}

impl Lines {
    fn of(&mut self, bytes: &[u8]) -> Vec<Line> {
        let mut whole = Vec::new();
        for byte in bytes.iter().copied() {
            let line = self.begun.get_or_insert_with(|| Line {
                time: Local::now(),
                bytes: Vec::new(),
            });
            if byte != b'\n' {
                line.bytes.push(byte);
            }
            if byte == b'\n' || line.bytes.len() >= LONGEST {
                let mut line = self.begun.take();
                if let Some(line) = &mut line
                    && line.bytes.last() == Some(&b'\r')
                {
                    line.bytes.pop();
                }
                whole.extend(line);
            }
        }
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_put_together_to_lines_of_a_bounded_length() {
        let mut lines = Lines::default();
        assert!(lines.of(b"one\r").is_empty());
        let whole: Vec<_> = lines.of(b"\n\ntwo").into_iter().map(|line| line.bytes).collect();
        assert_eq!(whole, [b"one".to_vec(), b"".to_vec()]);
        let endless = vec![b'x'; 3 * LONGEST];
        assert_eq!(lines.of(&endless).len(), 3);
    }
}
