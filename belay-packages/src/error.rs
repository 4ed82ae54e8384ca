//! The errors of adding, updating and removing packages.

use std::io;
use std::path::{Path, PathBuf};

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why packages could not be added, updated or removed. Nothing has been changed then, unless the error is
/// [`Write`](Self::Write).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is neither the name of a package, nor an address, nor a folder.
    #[error("`{source_text}` is not a package: {problem}")]
    Source {
        /// The text.
        source_text: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The index has no package of this name.
    #[error("there is no package `{name}` in {index}{}", Meant(.meant.as_deref()))]
    NoPackage {
        /// The name.
        name: String,
        /// The index.
        index: String,
        /// The name of a package in the index that may be meant.
        meant: Option<String>,
    },
    /// There is no file at this address.
    #[error("there is nothing at {url}")]
    NotFound {
        /// The address.
        url: String,
    },
    /// A file could not be fetched.
    #[error("{url} cannot be fetched: {problem}")]
    Fetch {
        /// The address.
        url: String,
        /// Why.
        problem: String,
    },
    /// The description of a package (its `package.json`) is not valid, or there is none.
    #[error("{url} is not a valid description of a package: {problem}")]
    Manifest {
        /// Where the description is.
        url: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A package names a path that no file may be written to or read from.
    #[error("`{package}` wants to write `{path}`, which {problem}")]
    Path {
        /// The package.
        package: String,
        /// The path.
        path: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The SHA-256 of a file is not the one that its package declares.
    #[error(
        "{url} does not match the hash that its package gives: its SHA-256 begins with {found}, and not with {expected}"
    )]
    Hash {
        /// Where the file is.
        url: String,
        /// The hash that the package declares; it may be only the beginning of a SHA-256.
        expected: String,
        /// The file's own hash, cut to the same length.
        found: String,
    },
    /// Two packages have different files at one path.
    #[error("`{one}` and `{other}` both have a `{path}`, and they differ")]
    Conflict {
        /// The path.
        path: String,
        /// One of the packages.
        one: String,
        /// The other one.
        other: String,
    },
    /// There is a file at a package's path that belongs to no package.
    #[error("`{path}` already exists and does not belong to a package: move it, or give it another name")]
    InTheWay {
        /// The file.
        path: PathBuf,
    },
    /// A file of a package was edited after it had been written.
    #[error("`{path}` of the package `{package}` was edited: undo that, or move the file away")]
    Edited {
        /// The file.
        path: PathBuf,
        /// The package that it belongs to.
        package: String,
    },
    /// A package is not among those that were added.
    #[error("`{name}` is not among the packages{}", Meant(.meant.as_deref()))]
    NotAdded {
        /// Its name.
        name: String,
        /// The name of an added package that may be meant.
        meant: Option<String>,
    },
    /// Something is larger than its limit: a file, or the number of packages or of files.
    #[error("{what} is larger than it may be: {limit}")]
    TooLarge {
        /// What is too large.
        what: String,
        /// The limit.
        limit: String,
    },
    /// The lock file is not valid, or its format has another version.
    #[error("`{path}` is not a valid lock file: {problem}")]
    Lock {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A file could not be read.
    #[error("`{path}` cannot be read")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// A file could not be written or removed. Changes to other files may have been made by then; repeating the
    /// operation completes it.
    #[error("`{path}` cannot be written")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
}

impl Error {
    pub(crate) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |cause| Self::Read { path, cause }
    }

    pub(crate) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |cause| Self::Write { path, cause }
    }
}

/// Displays as the end of a message that asks for the name that may be meant, or as nothing.
struct Meant<'a>(Option<&'a str>);

impl std::fmt::Display for Meant<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(meant) => write!(f, "; did you mean `{meant}`?"),
            None => Ok(()),
        }
    }
}

/// The name that is most similar to `word`, if it is similar enough to be what was meant.
pub(crate) fn closest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let far = 1 + word.len() / 4;
    let distances = names
        .into_iter()
        .map(|name| (strsim::levenshtein(word, name), name));
    let near = distances.filter(|(distance, _)| *distance <= far).min();
    near.map(|(_, name)| name.to_owned())
}
