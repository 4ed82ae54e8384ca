//! The lock file: which packages are in the folder, and the hashes of their files.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::path;

const HEAD: &str = "# The packages in the folder of modules, and what is in their files. Made by belay, and not to be edited.\n";
/// The version of the lock file's format.
const VERSION: u32 = 1;

/// A package in the lock file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LockedPackage {
    /// Its name.
    pub name: String,
    /// Its version. If it declares none: the branch or tag that it was fetched from, or empty.
    pub version: String,
    /// Where it comes from, in the notation of a [`Source`](crate::Source).
    pub source: String,
    /// Whether it was itself asked for, and is not only a dependency of another one.
    pub requested: bool,
    /// The names of its direct dependencies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<String>,
    /// Its files.
    #[serde(default)]
    pub files: Vec<LockedFile>,
}

/// A file of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LockedFile {
    /// Its path in the folder, with `/` between the parts.
    pub path: String,
    /// Where it was fetched from.
    pub from: String,
    /// The SHA-256 of its contents, in hexadecimal.
    pub sha256: String,
}

/// The contents of the lock file.
#[derive(Debug, Serialize, Deserialize)]
struct Lock {
    version: u32,
    #[serde(default, rename = "package")]
    packages: Vec<LockedPackage>,
}

/// The packages in a lock file; none if there is no such file.
pub(crate) fn read(file: &Path) -> Result<Vec<LockedPackage>> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::read(file)(error)),
    };
    let wrong = |problem: String| Error::Lock {
        path: file.to_owned(),
        problem,
    };
    let lock: Lock = toml::from_str(&text).map_err(|error| wrong(error.message().to_owned()))?;
    if lock.version != VERSION {
        let problem = format!(
            "its format has version {}, and this program reads version {VERSION}",
            lock.version
        );
        return Err(wrong(problem));
    }
    // Files at these paths are removed later, so a path that leads out of the folder must not get through.
    for locked in lock.packages.iter().flat_map(|package| &package.files) {
        if let Some(problem) = path::problem(&locked.path) {
            return Err(wrong(format!("its path `{}` {problem}", locked.path)));
        }
    }
    Ok(lock.packages)
}

/// The text of a lock file with these packages.
pub(crate) fn text(mut packages: Vec<LockedPackage>) -> Result<String, String> {
    packages.sort_by(|one, other| one.name.cmp(&other.name));
    let version = VERSION;
    let lock = toml::to_string(&Lock { version, packages }).map_err(|error| error.to_string())?;
    Ok(format!("{HEAD}{lock}"))
}
