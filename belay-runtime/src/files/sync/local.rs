//! The folder on this machine from which files are copied to the board.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::options::Patterns;
use crate::error::{FileError, Result};
use crate::files::path::BoardPath;

/// Folders that are nested deeper than this are taken for a cycle of links.
const DEEPEST: usize = 32;

/// A file that the board should have.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) path: BoardPath,
    pub(super) size: u64,
    source: Source,
}

#[derive(Debug, Clone)]
enum Source {
    Memory(Vec<u8>),
    File(PathBuf),
}

impl Item {
    /// A file with these contents.
    pub(super) fn of_contents(path: BoardPath, contents: Vec<u8>) -> Self {
        Self {
            path,
            size: contents.len() as u64,
            source: Source::Memory(contents),
        }
    }

    /// Its contents.
    pub(super) fn contents(&self) -> Result<Vec<u8>> {
        match &self.source {
            Source::Memory(contents) => Ok(contents.clone()),
            Source::File(path) => fs::read(path).map_err(|cause| local(path, cause)),
        }
    }
}

/// The files of a folder that are not ignored, with their paths below another folder on the board.
pub(super) fn items(folder: &Path, to: &str, ignored: &Patterns) -> Result<Vec<Item>> {
    let mut items = Vec::new();
    collect(
        folder,
        "",
        0,
        &mut |below, path, size| {
            items.push(Item {
                path: BoardPath::below_root(&format!("{to}{below}"))?,
                size,
                source: Source::File(path),
            });
            Ok(())
        },
        ignored,
    )?;
    items.sort_by(|one: &Item, other| one.path.cmp(&other.path));
    Ok(items)
}

type Found<'a> = dyn FnMut(&str, PathBuf, u64) -> Result<()> + 'a;

fn collect(
    folder: &Path,
    below: &str,
    depth: usize,
    found: &mut Found<'_>,
    ignored: &Patterns,
) -> Result<()> {
    if depth > DEEPEST {
        return Err(local(
            folder,
            io::Error::other("its folders are nested too deeply"),
        ));
    }
    let entries = fs::read_dir(folder).map_err(|cause| local(folder, cause))?;
    for entry in entries {
        let path = entry.map_err(|cause| local(folder, cause))?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| local(&path, io::Error::other("its name is not UTF-8")))?;
        let below = format!("{below}/{name}");
        let metadata = fs::metadata(&path).map_err(|cause| local(&path, cause))?;
        if ignored.match_path(&below, metadata.is_dir()) {
            continue;
        }
        let kind = metadata.file_type();
        if !kind.is_dir() && !kind.is_file() {
            // Reading a pipe could block forever.
            return Err(local(
                &path,
                io::Error::other("it is neither a file nor a folder"),
            ));
        }
        if kind.is_dir() {
            collect(&path, &below, depth + 1, found, ignored)?;
        } else {
            found(&below, path, metadata.len())?;
        }
    }
    Ok(())
}

fn local(path: &Path, cause: io::Error) -> crate::error::Error {
    let path = path.display().to_string();
    FileError::Local { path, cause }.into()
}
