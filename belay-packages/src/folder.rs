//! The folder of the packages: reads, writes and removes its files.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::fetch::sha256;

/// The folder.
#[derive(Debug)]
pub(crate) struct Folder<'a>(pub(crate) &'a Path);

impl Folder<'_> {
    /// The place of a path in the folder; `None` if there is a symbolic link on the way, which could lead anywhere.
    pub(crate) fn place(&self, path: &str) -> Option<PathBuf> {
        let mut place = self.0.to_owned();
        for part in path.split('/') {
            place.push(part);
            let is_link = std::fs::symlink_metadata(&place).is_ok_and(|found| found.is_symlink());
            if is_link {
                return None;
            }
        }
        Some(place)
    }

    /// The SHA-256 of a file; `None` if there is no such file.
    pub(crate) fn sha256_of(place: &Path) -> Result<Option<String>> {
        match std::fs::read(place) {
            Ok(bytes) => Ok(Some(sha256(&bytes))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::read(place)(error)),
        }
    }

    /// Writes a file, whole or not at all.
    pub(crate) fn write(place: &Path, bytes: &[u8]) -> Result<()> {
        let folder = place.parent().unwrap_or(place);
        let written = || {
            std::fs::create_dir_all(folder)?;
            let mut builder = tempfile::Builder::new();
            // By default only the owner may read a temporary file.
            #[cfg(unix)]
            builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
            let mut file = builder.tempfile_in(folder)?;
            file.write_all(bytes)?;
            file.as_file().sync_all()?;
            file.persist(place)?;
            Ok(())
        };
        written().map_err(Error::write(place))
    }

    /// Removes a file, and the folders within this one that are empty after that.
    pub(crate) fn remove(&self, place: &Path) -> Result<()> {
        match std::fs::remove_file(place) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(Error::write(place)(error)),
            _ => {}
        }
        let mut folder = place.parent();
        while let Some(empty) = folder.filter(|folder| folder.starts_with(self.0) && *folder != self.0) {
            // This fails for a folder that is not empty, which stays.
            if std::fs::remove_dir(empty).is_err() {
                break;
            }
            folder = empty.parent();
        }
        Ok(())
    }
}
