//! The output that is collected while a call runs.

use crate::link::Output;

/// The beginning of the output, up to a limit, and how many bytes were beyond it.
pub(super) struct Printed {
    bytes: Vec<u8>,
    limit: usize,
    lost: u64,
}

impl Printed {
    /// No output yet; at most this many bytes are kept.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            bytes: Vec::new(),
            limit,
            lost: 0,
        }
    }

    pub(super) fn push(&mut self, piece: &Output) {
        match piece {
            Output::Bytes(bytes) => {
                let fits = bytes.len().min(self.limit - self.bytes.len());
                self.bytes.extend_from_slice(&bytes[..fits]);
                self.lost += (bytes.len() - fits) as u64;
            }
            Output::Overflow(bytes) => self.lost += bytes,
        }
    }

    /// All of it, with a note of how many bytes were lost.
    pub(super) fn text(self) -> String {
        let text = String::from_utf8_lossy(&self.bytes);
        match self.lost {
            0 => text.into_owned(),
            lost => format!("{text}[{lost} bytes lost]"),
        }
    }
}
