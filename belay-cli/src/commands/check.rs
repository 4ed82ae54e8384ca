//! `belay check` and `belay minify`

use std::fs;
use std::path::{Path, PathBuf};

use belay_syntax::{Diagnostic, LineIndex, parse_module};
use serde::Serialize;

use super::Json;
use crate::failure::Failure;
use crate::screen::line;
use crate::{drawing, json, screen};

/// Finds what MicroPython would refuse in Python files, without a board
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  belay check main.py lib/\n\n\
    Exit status 1 when there is something that no board would accept.")]
pub(crate) struct Check {
    /// Files, and folders with all `.py` files in them
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    json: Json,
}

/// Writes Python files without comments, blanks and long local names
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  belay minify main.py > small.py\n  belay minify --output build main.py lib/\n\n\
    Names that other modules can see are kept."
)]
pub(crate) struct Minify {
    /// Files, and folders with all `.py` files in them
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Writes them into this folder rather than to standard output
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
}

/// A mistake, as JSON.
#[derive(Serialize)]
struct Fault<'a> {
    file: String,
    line: usize,
    column: usize,
    message: &'a str,
    help: Option<&'a str>,
    /// Whether MicroPython accepts it, although nobody means it.
    accepted: bool,
}

pub(crate) fn check(arguments: &Check) -> Result<(), Failure> {
    let files = files(&arguments.paths)?;
    let (mut refused, mut doubtful) = (0, 0);
    for Found { path, .. } in &files {
        let source = read(path)?;
        for diagnostic in parse_module(&source).diagnostics {
            *(if diagnostic.accepted {
                &mut doubtful
            } else {
                &mut refused
            }) += 1;
            if arguments.json.json {
                json::line(&fault(&diagnostic, path, &source))?;
            } else {
                screen::note(&drawing::drawn(&diagnostic, &path.display().to_string(), &source));
            }
        }
    }
    if !arguments.json.json {
        let many =
            |number: usize, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
        let (files, errors) = (many(files.len(), "file"), many(refused, "error"));
        line!("{files}, {errors}, {}", many(doubtful, "warning"))?;
    }
    if refused > 0 {
        Err(Failure::Told(1))
    } else {
        Ok(())
    }
}

fn fault<'a>(diagnostic: &'a Diagnostic, path: &Path, source: &str) -> Fault<'a> {
    let place = LineIndex::new(source).line_column(diagnostic.range.start);
    Fault {
        file: path.display().to_string(),
        line: place.line,
        column: place.column,
        message: &diagnostic.message,
        help: diagnostic.help.as_deref(),
        accepted: diagnostic.accepted,
    }
}

pub(crate) fn minify(arguments: &Minify) -> Result<(), Failure> {
    for Found { path, below } in files(&arguments.paths)? {
        let source = read(&path)?;
        let parsed = parse_module(&source);
        let refused: Vec<_> = parsed
            .diagnostics
            .iter()
            .filter(|found| !found.accepted)
            .collect();
        if !refused.is_empty() {
            for diagnostic in refused {
                screen::note(&drawing::drawn(diagnostic, &path.display().to_string(), &source));
            }
            return Err(Failure::Told(1));
        }
        let shortened = parsed.shorten();
        let small = parse_module(&shortened).rewrite().minify().code;
        let Some(folder) = &arguments.output else {
            screen::write_bytes(small.as_bytes())?;
            continue;
        };
        let to = folder.join(&below);
        let parent = to.parent().unwrap_or(folder);
        fs::create_dir_all(parent).map_err(|error| Failure::local(parent, &error))?;
        fs::write(&to, &small).map_err(|error| Failure::local(&to, &error))?;
        line!("{}: {} bytes, of {}", to.display(), small.len(), source.len())?;
    }
    Ok(())
}

/// A Python file to check or minify.
struct Found {
    path: PathBuf,
    /// Its path below the folder that was named.
    below: PathBuf,
}

fn files(paths: &[PathBuf]) -> Result<Vec<Found>, Failure> {
    let mut found = Vec::new();
    for path in paths {
        collect(path, path.parent().unwrap_or(path), true, &mut found)?;
    }
    if found.is_empty() {
        return Err(Failure::usage(
            "there is no `.py` file there",
            "name files, or folders with such files",
        ));
    }
    Ok(found)
}

fn collect(path: &Path, root: &Path, named: bool, found: &mut Vec<Found>) -> Result<(), Failure> {
    let metadata = fs::metadata(path).map_err(|error| Failure::local(path, &error))?;
    if !metadata.is_dir() {
        if named || path.extension().is_some_and(|extension| extension == "py") {
            let below = path.strip_prefix(root).unwrap_or(path).to_owned();
            let path = path.to_owned();
            found.push(Found { path, below });
        }
        return Ok(());
    }
    let mut inside = Vec::new();
    for entry in fs::read_dir(path).map_err(|error| Failure::local(path, &error))? {
        inside.push(entry?);
    }
    inside.sort_by_key(fs::DirEntry::path);
    for entry in inside {
        // A link to a folder may form a loop.
        let is_link = entry.file_type()?.is_symlink();
        if !(is_link && entry.path().is_dir()) {
            collect(&entry.path(), root, false, found)?;
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| Failure::local(path, &error))
}
