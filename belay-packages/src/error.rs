//! What can go wrong.

use std::io;
use std::path::{Path, PathBuf};

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why packages could not be added, updated or removed. Nothing has been changed then, unless it is
/// [`Write`](Self::Write).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// What was given is no name of a package, no address and no folder.
    #[error("`{source_text}` is no package: {problem}")]
    Source {
        /// What was given.
        source_text: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// There is no such package in the index.
    #[error("there is no package `{name}` in {index}{}", Meant(.meant.as_deref()))]
    NoPackage {
        /// Its name.
        name: String,
        /// The index.
        index: String,
        /// The name of a package there that may be meant.
        meant: Option<String>,
    },
    /// There is nothing at this address.
    #[error("there is nothing at {url}")]
    NotFound {
        /// The address.
        url: String,
    },
    /// Something could not be fetched.
    #[error("{url} cannot be fetched: {problem}")]
    Fetch {
        /// The address.
        url: String,
        /// What happened.
        problem: String,
    },
    /// What a package says of itself is not understood.
    #[error("{url} is no description of a package: {problem}")]
    Manifest {
        /// Where it is.
        url: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A file of a package would be written to where none may.
    #[error("`{package}` wants to write `{path}`, which {problem}")]
    Path {
        /// The package.
        package: String,
        /// The path that it gives.
        path: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A file is not what its hash says.
    #[error("{url} is not what was promised: its SHA-256 begins with {found}, and not with {expected}")]
    Hash {
        /// Where it is.
        url: String,
        /// What the package says.
        expected: String,
        /// What it is, as far as that is long.
        found: String,
    },
    /// Two packages have different files for one path.
    #[error("`{one}` and `{other}` both have a `{path}`, and they differ")]
    Conflict {
        /// The path.
        path: String,
        /// A package.
        one: String,
        /// Another one.
        other: String,
    },
    /// A file is in the way that is in no package.
    #[error("`{path}` is there already, and is of no package: move it, or give it another name")]
    InTheWay {
        /// The file.
        path: PathBuf,
    },
    /// A file was changed since it was written.
    #[error(
        "`{path}` is not as the package `{package}` had it: somebody has edited it. Undo that, or move the file away"
    )]
    Edited {
        /// The file.
        path: PathBuf,
        /// The package that it is of.
        package: String,
    },
    /// A package is not among those that were added.
    #[error("`{name}` is not among the packages{}", Meant(.meant.as_deref()))]
    NotAdded {
        /// Its name.
        name: String,
        /// The one that may be meant.
        meant: Option<String>,
    },
    /// A package or what it needs is larger than it may be.
    #[error("{what} is larger than it may be: {limit}")]
    TooLarge {
        /// What.
        what: String,
        /// How large it may be.
        limit: String,
    },
    /// The lock file is not understood.
    #[error("`{path}` is no lock file of ours: {problem}")]
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
    /// A file could not be written. Those before it are written; doing the same once more completes it.
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

/// What may be meant, where something is known.
struct Meant<'a>(Option<&'a str>);

impl std::fmt::Display for Meant<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(meant) => write!(f, "; did you mean `{meant}`?"),
            None => Ok(()),
        }
    }
}

/// The name that somebody who wrote `word` may have meant.
pub(crate) fn closest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let far = 1 + word.len() / 4;
    let distances = names
        .into_iter()
        .map(|name| (strsim::levenshtein(word, name), name));
    let near = distances.filter(|(distance, _)| *distance <= far).min();
    near.map(|(_, name)| name.to_owned())
}
