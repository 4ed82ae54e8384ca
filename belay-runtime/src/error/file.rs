//! What goes wrong with files on the board.

use std::fmt;

use crate::exception::DeviceException;
use crate::printable::Printable;

/// Why something could not be done with a file or a folder of the board.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// No file and no folder has this name.
    #[error("there is no `{}`", Printable(.path))]
    NotFound {
        /// The path.
        path: String,
    },
    /// Something else has the name already.
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
    /// It is a file, or is below one, and a folder was wanted.
    #[error("`{}` is not a folder, or is below what is none", Printable(.path))]
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
        /// How many bytes more would have to be free, at least.
        missing: u64,
    },
    /// No file of a board can have this name. Nothing was sent.
    #[error("`{}` cannot be the path of a file: {reason}", Printable(.path))]
    Name {
        /// The path.
        path: String,
        /// Why.
        reason: NameProblem,
    },
    /// What the board has read back is not what was written. What was at the path is there still.
    #[error("`{}` was not written: the board reads something else back", Printable(.path))]
    Damaged {
        /// The path.
        path: String,
    },
    /// What the file became while it was read is something else.
    #[error("`{}` became shorter while it was read", Printable(.path))]
    Changed {
        /// The path.
        path: String,
    },
    /// The board says something else against it.
    #[error("`{}`: {exception}", Printable(.path))]
    Refused {
        /// The path.
        path: String,
        /// What it raised.
        exception: Box<DeviceException>,
    },
    /// A pattern makes no sense. Nothing was sent.
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

/// What is at a path when the writing of a file was cut short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Left {
    /// What was there before.
    Old,
    /// What was there before, or the whole of what was written: the board was told to exchange them, and has not
    /// answered.
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

/// Why no file of a board can have a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NameProblem {
    /// It does not begin with `/`, and so would depend on the board's current folder.
    Relative,
    /// It is the root, which can be neither written, renamed nor removed.
    Root,
    /// It has a part `..`, which boards understand in different ways.
    Parent,
    /// It has a NUL, at which boards would cut it off.
    Nul,
    /// A part of it is longer than 255 bytes.
    TooLong,
    /// It has the name of what this crate keeps beside files that it writes.
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
