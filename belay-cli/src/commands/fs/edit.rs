//! `belay fs edit`

use std::env;
use std::fs;

use belay::Files;

use super::copy::is_missing;
use crate::failure::Failure;
use crate::file_name::last;
use crate::progress;
use crate::screen::line;

/// The editor, if neither variable names one.
const EDITOR: &str = if cfg!(windows) { "notepad" } else { "vi" };

pub(crate) async fn run(files: &Files, path: &str) -> Result<(), Failure> {
    let before = match progress::transfer(files.read(path)).await {
        Ok(contents) => contents,
        Err(error) if is_missing(&error) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let folder = tempfile::tempdir()?;
    // Keep the file's name: the editor tells the language by it.
    let copy = folder.path().join(last(path));
    fs::write(&copy, &before).map_err(|error| Failure::local(&copy, &error))?;
    let editor = ["VISUAL", "EDITOR"].iter().find_map(|name| env::var(name).ok());
    let editor = editor
        .filter(|editor| !editor.trim().is_empty())
        .unwrap_or_else(|| EDITOR.to_owned());
    let wrong = |what: String| Failure::usage(what, "name one in EDITOR");
    let words =
        shell_words::split(&editor).map_err(|error| wrong(format!("`{editor}` is no command: {error}")))?;
    let (program, arguments) = words
        .split_first()
        .ok_or_else(|| wrong("there is no editor".into()))?;
    let mut command = std::process::Command::new(program);
    command.args(arguments).arg(&copy);
    // The editor uses the terminal meanwhile, and the board waits.
    let status = tokio::task::spawn_blocking(move || command.status()).await;
    let status = status.map_err(std::io::Error::from)?;
    let status =
        status.map_err(|error| wrong(format!("the editor `{editor}` cannot be started: {error}")))?;
    if !status.success() {
        return Err(Failure::failed(format!(
            "the editor `{editor}` failed; nothing was written"
        )));
    }
    let after = fs::read(&copy).map_err(|error| Failure::local(&copy, &error))?;
    if after == before {
        return Ok(line!("{path} was not changed")?);
    }
    let written = progress::transfer(files.write(path, after.clone())).await;
    if written.is_err() {
        // Keep the user's text if it could not be written to the board.
        let kept = folder.keep().join(last(path));
        written.map_err(|error| {
            Failure::from(error).with_help(format!("what you wrote is in {}", kept.display()))
        })?;
    }
    Ok(line!("{path} was written, {} bytes", after.len())?)
}
