//! A file of a mounted folder that the board has open.

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};

use cap_std::fs::{Dir, File, OpenOptions};

use super::errno::Errno;

/// The mode in which a file is opened: `r`, `w`, `a` or `x`, perhaps with `+`. Text and binary mode differ only on the
/// board.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mode {
    kind: char,
    both: bool,
}

impl Mode {
    pub(super) fn read(mode: &str) -> Option<Self> {
        let mut kinds = mode.chars().filter(|letter| !matches!(letter, 't' | 'b' | '+'));
        let kind = kinds.next().unwrap_or('r');
        let known = matches!(kind, 'r' | 'w' | 'a' | 'x') && kinds.next().is_none() && mode.len() <= 3;
        known.then(|| Self {
            kind,
            both: mode.contains('+'),
        })
    }

    pub(super) fn reads(self) -> bool {
        self.kind == 'r' || self.both
    }

    pub(super) fn writes(self) -> bool {
        self.kind != 'r' || self.both
    }

    fn options(self) -> OpenOptions {
        let mut options = OpenOptions::new();
        options.read(self.reads());
        match self.kind {
            'w' => options.write(true).create(true).truncate(true),
            'a' => options.append(true).create(true),
            'x' => options.write(true).create_new(true),
            _ => options.write(self.both),
        };
        options
    }
}

#[derive(Debug)]
pub(super) struct Opened {
    /// The number of the folder that it is in.
    pub(super) root: u32,
    file: File,
    mode: Mode,
}

impl Opened {
    /// Opens a regular file. Anything else is refused: reading a pipe, for example, could block.
    pub(super) fn open(root: u32, dir: &Dir, path: &str, mode: Mode) -> Result<Self, Errno> {
        if let Ok(there) = dir.metadata(path) {
            only_files(&there)?;
        }
        let file = dir.open_with(path, &mode.options())?;
        only_files(&file.metadata()?)?;
        Ok(Self { root, file, mode })
    }

    /// Reads from this position. Returns fewer bytes than wanted only at the end of the file.
    pub(super) fn read(&mut self, at: u64, size: u64) -> Result<Vec<u8>, Errno> {
        if !self.mode.reads() {
            return Err(Errno::BAD_FILE);
        }
        self.file.seek(SeekFrom::Start(at))?;
        let mut data = Vec::new();
        (&mut self.file).take(size).read_to_end(&mut data)?;
        Ok(data)
    }

    /// Writes at this position, or at the end if the file was opened for appending, and returns the position behind the
    /// data.
    pub(super) fn write(&mut self, at: u64, data: &[u8]) -> Result<u64, Errno> {
        if !self.mode.writes() {
            return Err(Errno::BAD_FILE);
        }
        self.file.seek(SeekFrom::Start(at))?;
        self.file.write_all(data)?;
        Ok(self.file.stream_position()?)
    }

    pub(super) fn size(&self) -> Result<u64, Errno> {
        Ok(self.file.metadata()?.len())
    }
}

fn only_files(there: &cap_std::fs::Metadata) -> Result<(), Errno> {
    if there.is_dir() {
        Err(Errno::IS_FOLDER)
    } else if there.is_file() {
        Ok(())
    } else {
        Err(Errno::ACCESS)
    }
}
