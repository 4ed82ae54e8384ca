//! The bytes that a board sent, as error messages show them.

use std::fmt;

/// The last of the received bytes, escaped where they are not printable.
pub(super) struct Received<'a>(pub(super) &'a [u8]);

impl fmt::Display for Received<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 120;
        if self.0.is_empty() {
            return f.write_str("nothing");
        }
        let cut = self.0.len().saturating_sub(SHOWN);
        if cut > 0 {
            f.write_str("…")?;
        }
        write!(f, "\"{}\"", self.0[cut..].escape_ascii())
    }
}
