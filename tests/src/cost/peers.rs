//! The peers: `tests/peers/peers.py` reports before and after each piece of work, and waits meanwhile for the counters
//! to be read.

use std::path::Path;
use std::process::Stdio;

use serde::Deserialize;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::Command;

use super::meter::Meter;
use super::{Cost, Outcome};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/peers.py");

/// A message of the script.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Says {
    /// It is about to begin some work.
    Begin,
    /// It has done this work so many times.
    End(String, u32),
}

/// Counts the costs of all work that this peer does.
pub(super) async fn peer(who: &str, python: &Path, mut meter: Meter, tell: &mut dyn FnMut(Cost)) -> Outcome {
    let problem = |error: std::io::Error| format!("{who}: {error}");
    let mut command = Command::new(python);
    command.args([SCRIPT, who, meter.port(), "count"]);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    // Another iteration order of sets would change what the peer sends.
    command.env("PYTHONHASHSEED", "0");
    let mut child = command.spawn().map_err(problem)?;
    let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err("a pipe is missing".into());
    };
    let mut lines = BufReader::new(stdout).lines();
    let mut before = None;
    while let Some(line) = lines.next_line().await.map_err(problem)? {
        let says = serde_json::from_str(&line).map_err(|error| format!("{who} said {line:?}: {error}"))?;
        let now = meter.read().await?;
        match says {
            Says::Begin => before = Some(now),
            Says::End(what, count) => {
                if let Some(before) = before {
                    tell(Cost::between(who, &what, count, before, now));
                }
            }
        }
        stdin.write_all(b"\n").await.map_err(problem)?;
    }
    let status = child.wait().await.map_err(problem)?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{who} failed ({status})"))
    }
}
