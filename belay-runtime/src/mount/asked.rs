//! The requests that the board makes for a mounted folder.

use crate::exception::HostFailure;
use crate::host::{HostFunctionError, Words};

/// One request. Folders and open files have numbers; paths are relative to the folder.
#[derive(Debug)]
pub(super) enum Asked {
    Stat {
        root: u32,
        path: String,
    },
    /// The next entries of a folder, after the one of this name.
    List {
        root: u32,
        path: String,
        after: String,
    },
    Open {
        root: u32,
        path: String,
        mode: String,
        piece: u64,
    },
    Read {
        handle: u32,
        at: u64,
        size: u64,
    },
    Write {
        handle: u32,
        at: u64,
        data: String,
    },
    Size {
        handle: u32,
    },
    Close {
        handle: u32,
    },
    MakeFolder {
        root: u32,
        path: String,
    },
    RemoveFolder {
        root: u32,
        path: String,
    },
    Remove {
        root: u32,
        path: String,
    },
    Rename {
        root: u32,
        old: String,
        new: String,
    },
}

impl Asked {
    /// Decodes a request from the name of the called function and its arguments.
    pub(super) fn read(function: &str, words: &Words) -> Result<Self, HostFailure> {
        Ok(match function {
            "host_stat" => {
                let (root, path) = words.read()?;
                Self::Stat { root, path }
            }
            "host_list" => {
                let (root, path, after) = words.read()?;
                Self::List { root, path, after }
            }
            "host_open" => {
                let (root, path, mode, piece) = words.read()?;
                Self::Open {
                    root,
                    path,
                    mode,
                    piece,
                }
            }
            "host_read" => {
                let (handle, at, size) = words.read()?;
                Self::Read { handle, at, size }
            }
            "host_write" => {
                let (handle, at, data) = words.read()?;
                Self::Write { handle, at, data }
            }
            "host_size" => {
                let (handle,) = words.read()?;
                Self::Size { handle }
            }
            "host_close" => {
                let (handle,) = words.read()?;
                Self::Close { handle }
            }
            "host_mkdir" => {
                let (root, path) = words.read()?;
                Self::MakeFolder { root, path }
            }
            "host_rmdir" => {
                let (root, path) = words.read()?;
                Self::RemoveFolder { root, path }
            }
            "host_remove" => {
                let (root, path) = words.read()?;
                Self::Remove { root, path }
            }
            "host_rename" => {
                let (root, old, new) = words.read()?;
                Self::Rename { root, old, new }
            }
            _ => return Err(HostFunctionError::Unknown.into()),
        })
    }
}
