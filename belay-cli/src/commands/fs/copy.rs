//! `belay fs cp`

use std::fs;
use std::path::{Path, PathBuf};

use belay::{Error, ErrorKind, FileError, Files, SyncOptions};

use crate::failure::Failure;
use crate::file_name::{FileName, join, last};
use crate::progress;
use crate::screen::{line, size};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// What is copied
    #[arg(required = true)]
    from: Vec<String>,
    /// Where to; `:` and what follows it is on the board
    to: String,
    /// Folders with all that is in them, too
    #[arg(short, long)]
    recursive: bool,
}

pub(crate) async fn run(arguments: Arguments, files: &Files) -> Result<(), Failure> {
    let Arguments { from, to, recursive } = arguments;
    let many = from.len() > 1;
    for from in &from {
        match (FileName::from(from.as_str()), FileName::from(to.as_str())) {
            (FileName::Here(from), FileName::Board(target)) => {
                up(files, &from, &target, (many || to.ends_with('/'), recursive)).await?;
            }
            (FileName::Board(from), FileName::Here(target)) => {
                down(files, &from, &target, (many, recursive)).await?;
            }
            (FileName::Board(from), FileName::Board(to)) => across(files, &from, &to, recursive).await?,
            (FileName::Here(_), FileName::Here(_)) => {
                return Err(Failure::usage(
                    "both are files of this machine",
                    "a `:` marks what is on the board: `belay fs cp main.py :`",
                ));
            }
        }
    }
    Ok(())
}

/// Copies to the board.
async fn up(files: &Files, from: &Path, to: &str, (into, recursive): (bool, bool)) -> Result<(), Failure> {
    let metadata = fs::metadata(from).map_err(|error| Failure::local(from, &error))?;
    let name = name_of(from)?;
    let to = if into {
        join(to, &name)
    } else {
        into_folder(files, to, &name).await?
    };
    if !metadata.is_dir() {
        let contents = fs::read(from).map_err(|error| Failure::local(from, &error))?;
        return Ok(progress::transfer(files.write(&to, contents)).await?);
    }
    folder_wanted(recursive, &from.display().to_string())?;
    let report = progress::transfer(files.sync(from, &to, SyncOptions::new())).await?;
    let (written, unchanged) = (report.written.len(), report.unchanged.len());
    Ok(line!(
        "{written} files written to {to} ({}), {unchanged} unchanged",
        size(report.bytes)
    )?)
}

/// Copies from the board.
async fn down(files: &Files, from: &str, to: &Path, (many, recursive): (bool, bool)) -> Result<(), Failure> {
    let into = to.is_dir();
    if many && !into {
        return Err(Failure::usage(
            format!(
                "{} is no folder, and several files are to be copied there",
                to.display()
            ),
            "make the folder first, or copy them one by one",
        ));
    }
    let to = if into { to.join(last(from)) } else { to.to_owned() };
    if from != "/" && files.metadata(from).await?.is_file() {
        return fetch(files, from, &to).await;
    }
    folder_wanted(recursive, from)?;
    fs::create_dir_all(&to).map_err(|error| Failure::local(&to, &error))?;
    let (mut many, mut bytes) = (0, 0);
    for entry in files.walk(from).await? {
        let below = entry
            .path
            .strip_prefix(from)
            .unwrap_or(&entry.path)
            .trim_start_matches('/');
        let place = place(&to, below)?;
        if entry.is_folder() {
            fs::create_dir_all(&place).map_err(|error| Failure::local(&place, &error))?;
        } else {
            fetch(files, &entry.path, &place).await?;
            (many, bytes) = (many + 1, bytes + entry.size);
        }
    }
    Ok(line!(
        "{many} files written to {} ({})",
        to.display(),
        size(bytes)
    )?)
}

/// The local path below `folder` for a path that the board has named. A board must not be able to name a path
/// elsewhere.
fn place(folder: &Path, below: &str) -> Result<PathBuf, Failure> {
    let mut place = folder.to_owned();
    for part in below.split('/') {
        // On Windows these characters have a meaning in a path; elsewhere they are part of a name.
        let leads_away = |character| match character {
            '\0' => true,
            '\\' | ':' => cfg!(windows),
            _ => false,
        };
        let harmless = !part.is_empty() && part != "." && part != ".." && !part.contains(leads_away);
        if !harmless {
            return Err(Failure::failed(format!(
                "no file of this machine can be called `{}`",
                below.escape_debug()
            )));
        }
        place.push(part);
    }
    Ok(place)
}

async fn fetch(files: &Files, from: &str, to: &Path) -> Result<(), Failure> {
    let contents = progress::transfer(files.read(from)).await?;
    fs::write(to, contents).map_err(|error| Failure::local(to, &error))
}

/// Copies on the board.
async fn across(files: &Files, from: &str, to: &str, recursive: bool) -> Result<(), Failure> {
    let to = into_folder(files, to, last(from)).await?;
    if from == to {
        return Err(Failure::usage(
            format!("`{from}` would be copied onto itself"),
            "name another file",
        ));
    }
    if from != "/" && files.metadata(from).await?.is_file() {
        let contents = progress::transfer(files.read(from)).await?;
        return Ok(progress::transfer(files.write(&to, contents)).await?);
    }
    folder_wanted(recursive, from)?;
    if to.starts_with(&join(from, "")) {
        return Err(Failure::usage(
            format!("`{from}` would be copied into itself"),
            "name a folder outside of it",
        ));
    }
    for entry in files.walk(from).await? {
        let to = join(
            &to,
            entry
                .path
                .strip_prefix(from)
                .unwrap_or_default()
                .trim_start_matches('/'),
        );
        if entry.is_folder() {
            files.create_dir_all(&to).await?;
        } else {
            let contents = progress::transfer(files.read(&entry.path)).await?;
            progress::transfer(files.write(&to, contents)).await?;
        }
    }
    Ok(())
}

/// The path under which a file of this name is copied to `to`: inside of it, if it is a folder.
pub(crate) async fn into_folder(files: &Files, to: &str, name: &str) -> Result<String, Failure> {
    if to == "/" {
        return Ok(join(to, name));
    }
    match files.metadata(to).await {
        Ok(entry) if entry.is_folder() => Ok(join(to, name)),
        Ok(_) => Ok(to.to_owned()),
        Err(error) if is_missing(&error) => Ok(to.to_owned()),
        Err(error) => Err(error.into()),
    }
}

/// Whether the error says that there is no such file.
pub(crate) fn is_missing(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::File(FileError::NotFound { .. }))
}

fn folder_wanted(recursive: bool, name: &str) -> Result<(), Failure> {
    if recursive {
        return Ok(());
    }
    Err(Failure::usage(
        format!("{name} is a folder"),
        "`-r` copies it with all that is in it",
    ))
}

/// The name of a local file, which has to be valid UTF-8 to be a name on the board.
fn name_of(path: &Path) -> Result<String, Failure> {
    let whole = fs::canonicalize(path).map_err(|error| Failure::local(path, &error))?;
    let name = path
        .file_name()
        .or(whole.file_name())
        .and_then(|name| name.to_str());
    let name = name.ok_or_else(|| Failure::failed(format!("the name of {} is not UTF-8", path.display())))?;
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_board_names_a_file_outside_of_the_folder() {
        assert_eq!(place(Path::new("to"), "a/b.py").unwrap(), Path::new("to/a/b.py"));
        for bad in ["..", "a/../../b", "", "a//b", "a\0b"] {
            assert!(place(Path::new("to"), bad).is_err(), "{bad}");
        }
        for windows in [r"..\b", "C:b", "a:b"] {
            assert_eq!(
                place(Path::new("to"), windows).is_err(),
                cfg!(windows),
                "{windows}"
            );
        }
    }
}
