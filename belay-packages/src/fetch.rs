//! Fetches the files of packages.

use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// The size of the largest file that is fetched, in bytes. No board has room for a larger one.
const LARGEST: u64 = 8 << 20;

/// Fetches files, over HTTP or HTTPS.
#[derive(Debug)]
pub(crate) struct Fetcher {
    agent: ureq::Agent,
}

impl Fetcher {
    /// Creates a fetcher that waits for a file no longer than `timeout`.
    pub(crate) fn new(timeout: Duration) -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(timeout))
            .user_agent(concat!("belay-packages/", env!("CARGO_PKG_VERSION")))
            .build();
        let agent = config.into();
        Self { agent }
    }

    /// Fetches a file. A redirect from an `https:` address is followed only to another `https:` address.
    pub(crate) fn get(&self, url: &str) -> Result<Vec<u8>> {
        let only = url.starts_with("https:");
        let request = self.agent.get(url).config().https_only(only).build();
        let body = request.call().map(ureq::http::Response::into_body);
        let bytes = body.and_then(|body| body.into_with_config().limit(LARGEST).read_to_vec());
        bytes.map_err(|error| match error {
            ureq::Error::StatusCode(404 | 410) => Error::NotFound { url: url.to_owned() },
            ureq::Error::BodyExceedsLimit(_) => Error::TooLarge {
                what: url.to_owned(),
                limit: format!("{LARGEST} bytes"),
            },
            error => Error::Fetch {
                url: url.to_owned(),
                problem: error.to_string(),
            },
        })
    }
}

/// The SHA-256 of a file, in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    let digits = |byte: u8| format!("{byte:02x}");
    Sha256::digest(bytes).into_iter().map(digits).collect()
}
