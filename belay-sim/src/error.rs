//! What can go wrong with a simulated board.

use std::{io, path::PathBuf};

/// Why a simulated board could not be built, started or controlled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused something that a board needs.
    #[error("{what}")]
    Io {
        /// The operation that failed.
        what: String,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// Programs that build or run the board are not installed.
    #[error("{board} needs programs that are not installed: {}; on Debian: apt-get install {}", .programs.join(", "), .packages.join(" "))]
    Missing {
        /// The name of the board.
        board: &'static str,
        /// The programs that were looked for.
        programs: Vec<String>,
        /// The Debian packages that contain them.
        packages: Vec<String>,
    },
    /// A step of the build failed.
    #[error("building the board failed while {step}; the last lines were:\n{tail}\nThe whole output is in {}", .log.display())]
    Build {
        /// The step.
        step: &'static str,
        /// The end of its output.
        tail: String,
        /// Where all of its output is.
        log: PathBuf,
    },
    /// MicroPython's source is not available on this machine.
    #[error(
        "MicroPython's source package cannot be downloaded: {0}; set BELAY_MICROPYTHON to a MicroPython of version 1.27 or newer instead"
    )]
    NoSource(String),
    /// What `BELAY_MICROPYTHON` names is not a usable MicroPython.
    #[error("BELAY_MICROPYTHON is {}, which is no MicroPython of version 1.27 or newer: {reason}", .path.display())]
    NotMicroPython {
        /// The value of the variable.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// A heap of this size is too small for MicroPython to start with.
    #[error("a heap of {0} KB is too small for a board; 16 KB is the least")]
    HeapTooSmall(u32),
    /// The board's process or its cable has stopped.
    #[error("the simulated board has stopped")]
    Stopped,
}

impl Error {
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}

/// The result of this crate's functions.
pub(crate) type Result<T> = std::result::Result<T, Error>;
