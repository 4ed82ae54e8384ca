//! Listing the files on the board.

use std::collections::BTreeSet;
use std::fmt;

use futures_util::StreamExt as _;
use serde::Deserialize;

use super::library::Library;
use super::path::{BoardPath, is_reserved};
use crate::error::Result;
use crate::python::Arguments;

/// The limits of how many entries the board sends at once, and how many bytes of free memory it needs for each.
const FEW: u64 = 8;
const MANY: u64 = 128;
const ROOM: u64 = 1024;
/// If there are more different sizes than this, the board computes the digests of all files.
const SIZES: usize = 256;

/// A file or a folder of the board.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// Its path, from the root.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
    /// How many bytes a file has; 0 for a folder.
    pub size: u64,
    /// The digest of its contents, if it was asked for.
    pub(super) digest: Option<String>,
}

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EntryKind {
    /// A file.
    File,
    /// A folder.
    Folder,
}

impl Entry {
    /// Its name, which is the last part of its path.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// Whether it is a file.
    pub fn is_file(&self) -> bool {
        self.kind == EntryKind::File
    }

    /// Whether it is a folder.
    pub fn is_folder(&self) -> bool {
        self.kind == EntryKind::Folder
    }

    /// An entry of this size, which is negative for a folder.
    pub(super) fn new(path: String, size: i64, digest: Option<String>) -> Self {
        let kind = if size < 0 {
            EntryKind::Folder
        } else {
            EntryKind::File
        };
        Self {
            path,
            kind,
            size: u64::try_from(size).unwrap_or(0),
            digest,
        }
    }
}

/// The size of a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Space {
    /// How many bytes are free.
    pub free: u64,
    /// How many bytes there are in all.
    pub total: u64,
}

/// The digest of a file's contents: the best one that the board can compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FileHash {
    /// SHA-256.
    Sha256([u8; 32]),
    /// The CRC-32 of Ethernet and zip files, which detects accidental changes but not deliberate ones.
    Crc32(u32),
}

impl FileHash {
    /// Parses the hexadecimal form that boards send.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.len() == 8 {
            return u32::from_str_radix(text, 16).ok().map(Self::Crc32);
        }
        let mut digest = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        for (at, byte) in digest.iter_mut().enumerate() {
            *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
        }
        Some(Self::Sha256(digest))
    }
}

impl fmt::Display for FileHash {
    /// In hexadecimal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sha256(digest) => digest.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
            Self::Crc32(value) => write!(f, "{value:08x}"),
        }
    }
}

/// An entry as the board sends it: its path relative to the folder, its size, its digest.
#[derive(Deserialize)]
struct Told(String, i64, Option<String>);

/// Lists a folder and, if `deep` is set, the folders below it. Files of one of the `sizes` are listed with their
/// digests.
pub(super) async fn survey(
    library: &Library,
    root: &BoardPath,
    deep: bool,
    sizes: &BTreeSet<u64>,
) -> Result<Vec<Entry>> {
    let free = library.facts().free_memory().unwrap_or(0);
    let mut most = (free / ROOM).clamp(FEW, MANY);
    loop {
        match survey_by(library, root, deep, sizes, most).await {
            // The board may have enough memory for fewer entries at once.
            Err(error) if error.is_memory_error() && most > FEW => most = (most / 4).max(FEW),
            entries => return entries,
        }
    }
}

/// The same with this many entries at once.
async fn survey_by(
    library: &Library,
    root: &BoardPath,
    deep: bool,
    sizes: &BTreeSet<u64>,
    most: u64,
) -> Result<Vec<Entry>> {
    let arguments = Arguments::new().with("root", root.told()).with("deep", &deep);
    let arguments = if sizes.len() > SIZES {
        arguments.with_expression("range(1<<30)")
    } else {
        arguments.with("sizes", sizes)
    };
    let arguments = arguments.with("most", &most);
    let mut some = library.all(root, "survey", &arguments)?;
    let mut entries = Vec::new();
    while let Some(told) = some.next().await {
        let told: Vec<Told> = told?.to()?;
        let seen = told.into_iter().map(|Told(path, size, digest)| {
            let path = format!("{}{path}", root.told());
            Entry::new(path, size, digest)
        });
        entries.extend(seen.filter(|entry| !is_reserved(entry.name())));
    }
    entries.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_read_and_written_as_boards_write_them() {
        let sha = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        for text in [sha, "0000beef"] {
            assert_eq!(FileHash::parse(text).unwrap().to_string(), text);
        }
        for wrong in ["", "xyz", "0000beeg", &sha[1..], &format!("{}ä", &sha[2..])] {
            assert_eq!(FileHash::parse(wrong), None, "{wrong}");
        }
    }
}
