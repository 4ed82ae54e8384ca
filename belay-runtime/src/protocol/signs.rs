//! Signs of a restart, wherever they appear in what a board sends.

use std::collections::VecDeque;

use super::scan::Matcher;

/// The length of what some boards print before [`SOFT_REBOOT`]: `MPY: ` or, on old ones, `PYB: `.
const PREFIX_LENGTH: usize = 5;

/// Text from the board that looks like a restart. A program's own output can look the same, so by itself it proves
/// nothing; where nothing runs, or where the protocol expects a restart, it does.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sign {
    /// The announcement of a soft reset, as the board words it: `MPY: soft reboot`, `soft reboot`, …
    SoftReboot(String),
    /// The banner of the raw REPL, which nobody had asked for.
    RawBanner,
    /// The prompt of the friendly REPL at the beginning of a line.
    FriendlyPrompt,
}

pub(super) const SOFT_REBOOT: &[u8] = b"soft reboot";
/// The banner without the prompt behind it, since a thread may print in between.
pub(super) const RAW_BANNER_LINE: &[u8] = b"raw REPL; CTRL-B to exit\r\n";
pub(crate) const RAW_BANNER: &[u8] = b"raw REPL; CTRL-B to exit\r\n>";
/// The friendly prompt, where a thread may have begun its line.
pub(crate) const PROMPT: &[u8] = b">>> ";
pub(super) const FRIENDLY_PROMPT: &[u8] = b"\n>>> ";
/// What a board at the friendly prompt answers to an empty line and a Ctrl-C. After a program that the Ctrl-C stops
/// there is only one prompt.
pub(super) const AT_PROMPT: &[u8] = b"\r\n>>> \r\n>>> ";

/// Watches all that the board sends, whatever state the conversation is in.
#[derive(Debug)]
pub(super) struct Signs {
    soft_reboot: Matcher,
    raw_banner: Matcher,
    friendly_prompt: Matcher,
    /// The last bytes of the stream, as many as the longest wording has.
    tail: VecDeque<u8>,
}

impl Signs {
    pub(super) fn new() -> Self {
        Self {
            soft_reboot: Matcher::new(SOFT_REBOOT),
            raw_banner: Matcher::new(RAW_BANNER),
            friendly_prompt: Matcher::new(FRIENDLY_PROMPT),
            tail: VecDeque::new(),
        }
    }

    pub(super) fn feed(&mut self, byte: u8) -> Option<Sign> {
        self.tail.push_back(byte);
        if self.tail.len() > PREFIX_LENGTH + SOFT_REBOOT.len() {
            self.tail.pop_front();
        }
        // All three see every byte: each follows the stream on its own.
        let soft_reboot = self.soft_reboot.feed(byte);
        let raw_banner = self.raw_banner.feed(byte);
        let friendly_prompt = self.friendly_prompt.feed(byte);
        if soft_reboot {
            Some(Sign::SoftReboot(self.wording()))
        } else if raw_banner {
            Some(Sign::RawBanner)
        } else if friendly_prompt {
            Some(Sign::FriendlyPrompt)
        } else {
            None
        }
    }

    /// The wording of the announcement. It is printed on a line of its own, but a thread or a terminal's title may
    /// have begun that line.
    fn wording(&self) -> String {
        let tail: Vec<u8> = self.tail.iter().copied().collect();
        let full = tail.len() > SOFT_REBOOT.len() + 2
            && tail[3..].starts_with(b": ")
            && tail[..3].iter().all(u8::is_ascii_uppercase);
        let wording = if full { &tail[..] } else { SOFT_REBOOT };
        String::from_utf8_lossy(wording).into_owned()
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
            for before in ["", "OK\r\n", "\x1b]0;Wi-Fi: off | Done | 8.0.5\x1b\\", "TICK 12"] {
                let stream = format!("{before}{wording}\r\n");
                assert_eq!(signs(stream.as_bytes()), [Sign::SoftReboot(wording.into())]);
            }
        }
    }

    #[test]
    fn banners_and_prompts_are_told_apart() {
        let stream = b"1 >>> 2\r\nraw REPL; CTRL-B to exit\r\n>\r\n>>> ";
        assert_eq!(signs(stream), [Sign::RawBanner, Sign::FriendlyPrompt]);
    }
}
