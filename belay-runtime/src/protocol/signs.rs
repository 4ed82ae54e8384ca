//! What tells that a board has restarted, wherever it appears.

use super::scan::Matcher;

/// How long a line is remembered for [`Sign::SoftReboot`]'s wording.
const WORDING_LIMIT: usize = 80;

/// Something in what the board sent that looks like a restart. A program's own output can look the same, so
/// by itself it proves nothing; where nothing runs, or where the protocol expects a restart, it does.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sign {
    /// The line that announces a soft reset, as the board words it: `MPY: soft reboot`, `soft reboot`, …
    SoftReboot(String),
    /// The banner of the raw REPL, which nobody had asked for.
    RawBanner,
    /// The prompt of the friendly REPL at the beginning of a line.
    FriendlyPrompt,
}

pub(super) const SOFT_REBOOT: &[u8] = b"soft reboot";
pub(super) const RAW_BANNER: &[u8] = b"raw REPL; CTRL-B to exit\r\n>";
pub(super) const FRIENDLY_PROMPT: &[u8] = b"\n>>> ";

/// Watches all that the board sends, whatever state the conversation is in.
#[derive(Debug)]
pub(super) struct Signs {
    soft_reboot: Matcher,
    raw_banner: Matcher,
    friendly_prompt: Matcher,
    line: Vec<u8>,
}

impl Signs {
    pub(super) fn new() -> Self {
        Self {
            soft_reboot: Matcher::new(SOFT_REBOOT),
            raw_banner: Matcher::new(RAW_BANNER),
            friendly_prompt: Matcher::new(FRIENDLY_PROMPT),
            line: Vec::new(),
        }
    }

    pub(super) fn feed(&mut self, byte: u8) -> Option<Sign> {
        match byte {
            b'\r' | b'\n' | b'\x04' => self.line.clear(),
            _ if self.line.len() < WORDING_LIMIT => self.line.push(byte),
            _ => {}
        }
        // All three see every byte: each follows the stream on its own.
        let soft_reboot = self.soft_reboot.feed(byte);
        let raw_banner = self.raw_banner.feed(byte);
        let friendly_prompt = self.friendly_prompt.feed(byte);
        if soft_reboot {
            Some(Sign::SoftReboot(String::from_utf8_lossy(&self.line).into_owned()))
        } else if raw_banner {
            Some(Sign::RawBanner)
        } else if friendly_prompt {
            Some(Sign::FriendlyPrompt)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signs(stream: &[u8]) -> Vec<Sign> {
        let mut signs = Signs::new();
        stream.iter().filter_map(|byte| signs.feed(*byte)).collect()
    }

    #[test]
    fn every_known_wording_of_a_soft_reset_is_one() {
        for wording in ["MPY: soft reboot", "PYB: soft reboot", "soft reboot"] {
            let stream = format!("OK\r\n{wording}\r\n");
            assert_eq!(signs(stream.as_bytes()), [Sign::SoftReboot(wording.into())]);
        }
    }

    #[test]
    fn banners_and_prompts_are_told_apart() {
        let stream = b"1 >>> 2\r\nraw REPL; CTRL-B to exit\r\n>\r\n>>> ";
        assert_eq!(signs(stream), [Sign::RawBanner, Sign::FriendlyPrompt]);
    }
}
