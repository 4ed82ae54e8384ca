//! Errors of files on the board.

use std::fmt;

use crate::exception::DeviceException;
use crate::printable::Printable;

/// Why something could not be done with a file or a folder of the board.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// There is no file or folder at this path.
    #[error("there is no `{}`", Printable(.path))]
    NotFound {
        /// The path.
        path: String,
    },
    /// Something is at this path already.
    #[error("`{}` is there already", Printable(.path))]
    Exists {
        /// The path.
        path: String,
    },
    /// It is a folder, and a file was wanted.
    #[error("`{}` is a folder", Printable(.path))]
    IsFolder {
        /// The path.
        path: String,
    },
    /// A folder was wanted, but this is a file or is below a file.
    #[error("`{}` is not a folder, or is below a file", Printable(.path))]
    NotFolder {
        /// The path.
        path: String,
    },
    /// It is a folder that is not empty.
    #[error("the folder `{}` is not empty", Printable(.path))]
    NotEmpty {
        /// The path.
        path: String,
    },
    /// The board's file system is too full. Nothing was changed.
    #[error("`{}` does not fit: {missing} bytes more would have to be free", Printable(.path))]
    NoSpace {
        /// The path.
        path: String,
        /// How many more bytes would have to be free, at least.
        missing: u64,
    },
    /// No file on a board can have this path. Nothing was sent.
    #[error("`{}` cannot be the path of a file: {reason}", Printable(.path))]
    Name {
        /// The path.
        path: String,
        /// Why.
        reason: NameProblem,
    },
    /// The board has read back something else than what was written. The previous file is still at the path.
    #[error("`{}` was not written: the board read back other contents", Printable(.path))]
    Damaged {
        /// The path.
        path: String,
    },
    /// The file became shorter while it was being read.
    #[error("`{}` became shorter while it was read", Printable(.path))]
    Changed {
        /// The path.
        path: String,
    },
    /// The board raised an exception of another kind.
    #[error("`{}`: {exception}", Printable(.path))]
    Refused {
        /// The path.
        path: String,
        /// The exception.
        exception: Box<DeviceException>,
    },
    /// A pattern is invalid. Nothing was sent.
    #[error("the pattern `{}`: {}", Printable(.pattern), Printable(.reason))]
    Pattern {
        /// The pattern.
        pattern: String,
        /// Why.
        reason: String,
    },
    /// A file of this machine cannot be read.
    #[error("`{}` on this machine cannot be read", Printable(.path))]
    Local {
        /// The path.
        path: String,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
}

/// What is at a path after the writing of a file was cut short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Left {
    /// The previous file.
    Old,
    /// The previous file or the whole new one: the board was told to exchange them, and has not answered.
    OldOrNew,
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Old => "what was there before is unchanged",
            Self::OldOrNew => "either what was there before or the whole new file is there",
        })
    }
}

/// Why no file on a board can have a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NameProblem {
    /// It does not begin with `/`, so that its meaning would depend on the board's current folder.
    Relative,
    /// It is the root, which can be neither written, renamed nor removed.
    Root,
    /// It has a part `..`, which boards understand in different ways.
    Parent,
    /// It contains a NUL, where boards would cut it off.
    Nul,
    /// A part of it is longer than 255 bytes.
    TooLong,
    /// A part of it is a name that this crate uses for temporary files while it writes.
    Reserved,
}

impl fmt::Display for NameProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Relative => "it does not begin with `/`",
            Self::Root => "it is the root of the file system",
            Self::Parent => "it has a part `..`",
            Self::Nul => "it has a NUL",
            Self::TooLong => "a part of it is longer than 255 bytes",
            Self::Reserved => "`belay~.new` and `belay~.to` are kept for what is being written",
        })
    }
}
