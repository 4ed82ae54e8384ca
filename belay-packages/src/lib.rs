//! MicroPython packages in a folder of a project.
//!
//! The folder holds ordinary source, which is committed, checked and embedded like the rest of it; a lock file beside it
//! says which packages there are, of what version, from where, and the SHA-256 of each file.
//!
//! ```no_run
//! use belay_packages::Packages;
//!
//! # fn main() -> Result<(), belay_packages::Error> {
//! let packages = Packages::new("board", "belay.lock");
//! for package in packages.add(&["ssd1306".parse()?])?.added {
//!     println!("{} {}", package.name, package.version);
//! }
//! packages.update(&[])?;
//! packages.remove(&["ssd1306"])?;
//! # Ok(())
//! # }
//! ```
//!
//! Where packages come from is a [`Source`]: the index that `mip` uses, `github:`, `gitlab:` and `codeberg:` with a
//! `package.json`, any URL, or a folder. What a package declares about its files is checked: a file whose SHA-256 is
//! another one, or whose path leads out of the folder, is an error, and then nothing is changed. A file that belongs to
//! no package, or that somebody has edited, is never changed.
//!
//! Everything here blocks: an async program calls it from a thread that may block, such as one of
//! `tokio::task::spawn_blocking`.

#![doc = include_str!("index.md")]

mod error;
mod fetch;
mod folder;
mod lock;
mod manifest;
mod packages;
mod path;
mod resolve;
mod source;

pub use error::{Error, Result};
pub use lock::{LockedFile, LockedPackage};
pub use packages::{Packages, Report};
pub use source::{Forge, Source};

/// Compiles the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
