//! Runs the peers: `tests/peers/peers.py` in the virtual environment that `cargo xtask bench` makes.

use std::env;
use std::ffi::OsString;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use crate::report::{Report, Summary};

/// The peers, by their names in the script and in the table.
const PEERS: [&str; 2] = ["belay-python", "mpremote"];

/// mpremote on a port whose name does not show that it is a pseudo-terminal, so that it takes the same code path as on
/// hardware.
const SERIAL: &str = "mpremote-serial";
const ALIAS: &str = "board";

/// How long a peer may take for everything.
const LIMIT: Duration = Duration::from_secs(180);

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/peers.py");

/// The Python interpreter of the virtual environment that has the peers, if there is one.
pub(crate) fn python() -> Option<OsString> {
    env::var_os("BELAY_PEERS_PYTHON")
}

/// Measures one peer after the other. Says whether all of them ended as they should, and so left the board at its
/// prompt.
pub(crate) async fn measure(python: &OsString, port: &str, calls: u32, report: &mut Report) -> bool {
    let mut all = true;
    let alias = alias(port);
    let serial = alias
        .as_ref()
        .map(|directory| directory.path().join(ALIAS).display().to_string());
    let runs = PEERS.map(|who| (who, port.to_owned()));
    for (who, port) in runs.into_iter().chain(serial.map(|port| (SERIAL, port))) {
        if let Err(problem) = one(python, who, &port, calls, report).await {
            report.note(format!("{who}: {problem}"));
            all = false;
        }
    }
    all
}

/// A symbolic link to the pseudo-terminal, in this temporary directory.
fn alias(port: &str) -> Option<tempfile::TempDir> {
    let directory = tempfile::tempdir()
        .ok()
        .filter(|_| port.starts_with("/dev/pts/"))?;
    #[cfg(unix)]
    std::os::unix::fs::symlink(port, directory.path().join(ALIAS)).ok()?;
    Some(directory)
}

async fn one(
    python: &OsString,
    who: &str,
    port: &str,
    calls: u32,
    report: &mut Report,
) -> Result<(), String> {
    let mut command = Command::new(python);
    command.args([SCRIPT, who, port, &calls.to_string()]);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    let mut stdout = child.stdout.take();
    let mut stderr = child.stderr.take();
    let (mut rows, mut complaint) = (Vec::new(), Vec::new());
    let ended = timeout(LIMIT, async {
        let ((), (), status) = tokio::join!(
            read(&mut stdout, &mut rows),
            read(&mut stderr, &mut complaint),
            child.wait()
        );
        status
    })
    .await;
    for line in String::from_utf8_lossy(&rows).lines() {
        if let Ok(summary) = serde_json::from_str::<Summary>(line) {
            report.add(summary);
        }
    }
    match ended {
        Err(_) => {
            // It has to be gone before anything else opens the port.
            child.kill().await.map_err(|error| error.to_string())?;
            Err(format!("it took longer than {LIMIT:?}"))
        }
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => {
            let complaint = String::from_utf8_lossy(&complaint);
            let last = complaint.trim_end().lines().last().unwrap_or_default();
            Err(format!("{last} ({status})"))
        }
        Ok(Err(error)) => Err(error.to_string()),
    }
}

/// Reads to the end; what was read before a time-out is kept.
async fn read(from: &mut Option<impl tokio::io::AsyncRead + Unpin>, into: &mut Vec<u8>) {
    if let Some(from) = from {
        // A broken pipe counts as the end.
        let _ = tokio::io::AsyncReadExt::read_to_end(from, into).await;
    }
}
