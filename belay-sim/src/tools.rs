//! The programs that builds need: checking for them, and running them.

use std::{
    env,
    fs::OpenOptions,
    io::{Read as _, Seek as _, SeekFrom},
    path::Path,
    process::{Command, Stdio},
};

use crate::error::{Error, Result};

/// Runs a program, and appends all of its output to a log. An error quotes the end of the log.
pub(crate) fn run_logged(step: &'static str, command: &mut Command, log: &Path) -> Result<()> {
    let describe = || format!("writing {}", log.display());
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .read(true)
        .open(log)
        .map_err(Error::io(format!("opening {}", log.display())))?;
    let start = file.seek(SeekFrom::End(0)).map_err(Error::io(describe()))?;
    let output = file.try_clone().map_err(Error::io(describe()))?;
    let errors = file.try_clone().map_err(Error::io(describe()))?;
    let status = command
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .status()
        .map_err(Error::io(format!(
            "{step}: running {}",
            command.get_program().display()
        )))?;
    if status.success() {
        return Ok(());
    }
    let mut text = Vec::new();
    file.seek(SeekFrom::Start(start))
        .and_then(|_| file.read_to_end(&mut text))
        .map_err(Error::io(describe()))?;
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<_> = text.lines().collect();
    let tail = lines[lines.len().saturating_sub(12)..].join("\n");
    Err(Error::Build {
        step,
        tail,
        log: log.to_owned(),
    })
}

/// Checks that programs can be found on the `PATH`.
pub(crate) fn require(board: &'static str, tools: &[(&str, &str)]) -> Result<()> {
    let missing: Vec<_> = tools.iter().filter(|(program, _)| !on_path(program)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::Missing {
        board,
        programs: missing.iter().map(|(program, _)| (*program).to_owned()).collect(),
        packages: missing.iter().map(|(_, package)| (*package).to_owned()).collect(),
    })
}

/// Whether this program is on the `PATH`; for a path, whether that file exists.
fn on_path(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|dir| dir.join(program).is_file())
}
