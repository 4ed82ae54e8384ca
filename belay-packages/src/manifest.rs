//! The description of a package: `package.json`.

use serde::Deserialize;

use crate::error::{Error, Result};

/// A `package.json`. Unknown keys are ignored.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Manifest {
    #[serde(default)]
    pub(crate) version: Option<String>,
    /// Pairs of a path and the hash of a file in the index.
    #[serde(default)]
    pub(crate) hashes: Vec<(String, String)>,
    /// Pairs of a path and the address of a file.
    #[serde(default)]
    pub(crate) urls: Vec<(String, String)>,
    /// Pairs of another package and its version.
    #[serde(default)]
    pub(crate) deps: Vec<(String, String)>,
}

/// How many hexadecimal digits a hash has at least; one with fewer is refused.
const HASH: usize = 8;

impl Manifest {
    pub(crate) fn read(url: &str, bytes: &[u8]) -> Result<Self> {
        let wrong = |problem: String| Error::Manifest {
            url: url.to_owned(),
            problem,
        };
        let manifest: Self = serde_json::from_slice(bytes).map_err(|error| wrong(error.to_string()))?;
        for (path, hash) in &manifest.hashes {
            let digits = hash
                .bytes()
                .all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
            if !digits || !(HASH..=64).contains(&hash.len()) {
                return Err(wrong(format!("`{hash}`, of `{path}`, is no hash")));
            }
        }
        if manifest.hashes.is_empty() && manifest.urls.is_empty() && manifest.deps.is_empty() {
            return Err(wrong("it names no files and no other packages".to_owned()));
        }
        Ok(manifest)
    }
}
