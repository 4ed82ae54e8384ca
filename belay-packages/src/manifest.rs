//! What a package says of itself: `package.json`.

use serde::Deserialize;

use crate::error::{Error, Result};

/// A `package.json`. What is unknown in it is left alone.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Manifest {
    #[serde(default)]
    pub(crate) version: Option<String>,
    /// Paths, and hashes of files in the index.
    #[serde(default)]
    pub(crate) hashes: Vec<(String, String)>,
    /// Paths, and where they are.
    #[serde(default)]
    pub(crate) urls: Vec<(String, String)>,
    /// Other packages, and their versions.
    #[serde(default)]
    pub(crate) deps: Vec<(String, String)>,
}

/// The least digits of a hash that are believed.
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
