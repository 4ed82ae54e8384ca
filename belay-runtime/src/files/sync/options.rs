//! What is brought up to date, and what is left alone.

use std::path::Path;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::error::{FileError, Result};

/// What is never brought to a board.
const IGNORED: [&str; 4] = [".git", "__pycache__", "*.pyc", ".DS_Store"];
/// What is never removed from one: what it starts and connects with.
const KEPT: [&str; 4] = ["/boot.py", "/boot_out.txt", "/settings.toml", "/webrepl_cfg.py"];

/// How [`Files::sync`](crate::Files::sync) brings a folder of the board up to date.
///
/// Patterns are those of a `.gitignore` file: `*.log`, `/data/`, `lib/**/test_*.py`, and `!important.log` for what an
/// earlier one has matched. They are about paths below the folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct SyncOptions {
    pub(super) delete: bool,
    pub(super) dry_run: bool,
    keep: Vec<String>,
    ignore: Vec<String>,
}

impl SyncOptions {
    /// What is new or different is written, and nothing is removed.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets whether what is below the folder on the board and not in the one on this machine is removed, unless a
    /// pattern [keeps](Self::keep) it.
    pub fn delete(mut self, delete: bool) -> Self {
        self.delete = delete;
        self
    }

    /// Keeps what this pattern matches from being removed. `/boot.py`, `/boot_out.txt`, `/settings.toml` and
    /// `/webrepl_cfg.py` are kept without it.
    pub fn keep(mut self, pattern: impl Into<String>) -> Self {
        self.keep.push(pattern.into());
        self
    }

    /// Leaves out what this pattern matches on this machine, as if it was not there. `.git`, `__pycache__`, `*.pyc` and
    /// `.DS_Store` are left out without it.
    pub fn ignore(mut self, pattern: impl Into<String>) -> Self {
        self.ignore.push(pattern.into());
        self
    }

    /// Sets whether nothing is done, and only told what would be.
    pub fn dry_run(mut self, dry_run: bool) -> Self {
        self.dry_run = dry_run;
        self
    }

    pub(super) fn kept(&self) -> Result<Patterns> {
        Patterns::new(&KEPT, &self.keep)
    }

    pub(super) fn ignored(&self) -> Result<Patterns> {
        Patterns::new(&IGNORED, &self.ignore)
    }
}

/// Patterns that a path below the folder may match.
#[derive(Debug)]
pub(super) struct Patterns(Gitignore);

impl Patterns {
    fn new(known: &[&str], own: &[String]) -> Result<Self> {
        // Nothing on this machine is looked at: the paths are relative to whatever this is.
        let mut builder = GitignoreBuilder::new("");
        for pattern in known.iter().copied().chain(own.iter().map(String::as_str)) {
            let added = builder.add_line(None, pattern);
            added.map_err(|error| wrong(pattern, &error))?;
        }
        let patterns = builder.build();
        Ok(Self(patterns.map_err(|error| wrong("", &error))?))
    }

    /// Whether they match this path below the folder, or a folder that it is in.
    pub(super) fn match_path(&self, path: &str, is_folder: bool) -> bool {
        let path = Path::new(path.trim_start_matches('/'));
        self.0.matched_path_or_any_parents(path, is_folder).is_ignore()
    }
}

fn wrong(pattern: &str, error: &ignore::Error) -> crate::error::Error {
    FileError::Pattern {
        pattern: pattern.to_owned(),
        reason: error.to_string(),
    }
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_git() {
        let options = SyncOptions::new()
            .keep("*.log")
            .keep("/data/")
            .keep("!keepless.log");
        let kept = options.kept().unwrap();
        for (path, is_folder, expected) in [
            ("/boot.py", false, true),
            ("/lib/boot.py", false, false),
            ("/a/b.log", false, true),
            ("/keepless.log", false, false),
            ("/data", true, true),
            ("/data", false, false),
            ("/data/deep/x", false, true),
            ("/main.py", false, false),
        ] {
            assert_eq!(kept.match_path(path, is_folder), expected, "{path}");
        }
        assert!(
            SyncOptions::new()
                .ignored()
                .unwrap()
                .match_path("/a/__pycache__/b.pyc", false)
        );
        let wrong = SyncOptions::new().keep("a{b");
        assert!(wrong.kept().is_err());
    }
}
