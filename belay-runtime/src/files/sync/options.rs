//! The options of a synchronisation: what is copied, and what is left alone.

use std::path::Path;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::error::{FileError, Result};

/// Patterns of files that are never copied to a board.
const IGNORED: [&str; 4] = [".git", "__pycache__", "*.pyc", ".DS_Store"];
/// Files that are never removed from a board, because it needs them to start and to connect.
const KEPT: [&str; 4] = ["/boot.py", "/boot_out.txt", "/settings.toml", "/webrepl_cfg.py"];

/// How [`Files::sync`](crate::Files::sync) synchronises a folder of the board.
///
/// Patterns are those of a `.gitignore` file: `*.log`, `/data/`, `lib/**/test_*.py`, and `!important.log` for an
/// exception to an earlier pattern. They match paths relative to the folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct SyncOptions {
    pub(super) delete: bool,
    pub(super) dry_run: bool,
    keep: Vec<String>,
    ignore: Vec<String>,
}

impl SyncOptions {
    /// The defaults: new and different files are written, and nothing is removed.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets whether files and folders that are on the board but not on this machine are removed from below the board's
    /// folder, unless a pattern [protects](Self::keep) them.
    pub fn delete(mut self, delete: bool) -> Self {
        self.delete = delete;
        self
    }

    /// Protects paths that match this pattern from being removed. `/boot.py`, `/boot_out.txt`, `/settings.toml` and
    /// `/webrepl_cfg.py` are always protected.
    pub fn keep(mut self, pattern: impl Into<String>) -> Self {
        self.keep.push(pattern.into());
        self
    }

    /// Ignores the files of this machine that match this pattern. `.git`, `__pycache__`, `*.pyc` and `.DS_Store` are
    /// always ignored.
    pub fn ignore(mut self, pattern: impl Into<String>) -> Self {
        self.ignore.push(pattern.into());
        self
    }

    /// Sets whether nothing is changed, and the report only says what would be.
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

/// Patterns that are matched against paths relative to the folder.
#[derive(Debug)]
pub(super) struct Patterns(Gitignore);

impl Patterns {
    fn new(known: &[&str], own: &[String]) -> Result<Self> {
        // The patterns are never matched against files on this machine, so any root will do.
        let mut builder = GitignoreBuilder::new("");
        for pattern in known.iter().copied().chain(own.iter().map(String::as_str)) {
            let added = builder.add_line(None, pattern);
            added.map_err(|error| wrong(pattern, &error))?;
        }
        let patterns = builder.build();
        Ok(Self(patterns.map_err(|error| wrong("", &error))?))
    }

    /// Whether they match this path, relative to the folder, or one of the folders that it is in.
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
