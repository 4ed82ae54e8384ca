//! What a board had sent, as messages show it.

use std::fmt;

/// Received bytes as a message can show them: the last of them, printable.
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
