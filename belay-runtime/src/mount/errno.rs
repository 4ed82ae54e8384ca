//! The `errno` values of boards. They are the same on all boards, but differ from those of some hosts.

use std::io::{Error, ErrorKind};

/// The `errno` of the `OSError` that is raised on the board.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Errno(pub(super) i32);

impl Errno {
    pub(super) const IO: Self = Self(5);
    pub(super) const BAD_FILE: Self = Self(9);
    pub(super) const ACCESS: Self = Self(13);
    pub(super) const NO_DEVICE: Self = Self(19);
    pub(super) const IS_FOLDER: Self = Self(21);
    pub(super) const INVALID: Self = Self(22);
    pub(super) const TOO_MANY_FILES: Self = Self(24);
    pub(super) const READ_ONLY: Self = Self(30);
    pub(super) const TIMED_OUT: Self = Self(110);
}

impl From<Error> for Errno {
    fn from(error: Error) -> Self {
        match error.kind() {
            ErrorKind::NotFound => Self(2),
            // Also the kind of error for a path that leads out of the folder.
            ErrorKind::PermissionDenied => Self::ACCESS,
            ErrorKind::AlreadyExists => Self(17),
            ErrorKind::NotADirectory => Self(20),
            ErrorKind::IsADirectory => Self::IS_FOLDER,
            ErrorKind::InvalidInput | ErrorKind::InvalidData | ErrorKind::InvalidFilename => Self::INVALID,
            ErrorKind::FileTooLarge => Self(27),
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self(28),
            ErrorKind::ReadOnlyFilesystem => Self::READ_ONLY,
            ErrorKind::DirectoryNotEmpty => Self(39),
            ErrorKind::TimedOut => Self::TIMED_OUT,
            _ => Self::IO,
        }
    }
}
