//! The differences between the agents.

use super::kinds::ReplyKind;
use super::typed;
use crate::protocol::Checksum;

/// How many requests may be in flight at once, if the board has room for them.
const WINDOW: usize = 8;
/// How many characters the board reads at once, where reading blocks of a fixed length is the cheapest way.
const BLOCK: usize = 32;
/// How much of a long line is typed in one source, where flow control stops the sender when the board's buffer is full.
const PIECE: usize = 512;
/// The same without flow control, where the whole source has to fit into the board's input buffer.
const SMALL_PIECE: usize = 128;
/// How much source a small board is sent at once.
const PART: usize = 120;

/// Which agent a board runs, and how the host talks to it. Whatever depends on the agent is decided here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flavour {
    /// The resident agent, which keeps running and reads its lines itself.
    Resident,
    /// The same agent on a board that cannot keep it running: each line is handed to it through the raw REPL.
    OverRawRepl,
    /// The agent for boards with a few kilobytes of memory; each line is handed to it through the raw REPL.
    Small,
}

impl Flavour {
    /// Whether the agent reads the line itself. Otherwise each line is typed at the raw prompt.
    pub fn stays(self) -> bool {
        match self {
            Self::Resident => true,
            Self::OverRawRepl | Self::Small => false,
        }
    }

    /// The checksum of its lines and frames.
    pub fn checksum(self) -> Checksum {
        match self {
            Self::Resident | Self::OverRawRepl => Checksum::Crc32,
            Self::Small => Checksum::Small,
        }
    }

    /// How many requests may be in flight at once, with or without flow control.
    pub(crate) fn window(self, flow_control: bool) -> usize {
        if self.stays() && flow_control { WINDOW } else { 1 }
    }

    /// How many characters it reads at once; `None` where it reads lines of any length.
    pub(crate) fn block(self, flow_control: bool) -> Option<usize> {
        (self.stays() && flow_control).then_some(BLOCK)
    }

    /// The `size` that the agent is started with: the block length, -1 for lines of any length, or 0 if it is not to
    /// keep running.
    pub(crate) fn reads_at_once(self, flow_control: bool) -> i64 {
        if !self.stays() {
            return 0;
        }
        let block = self.block(flow_control);
        block.map_or(-1, |block| i64::try_from(block).unwrap_or(-1))
    }

    /// Whether a long body is sent after a line that announces its length.
    pub(crate) fn announces_long_bodies(self) -> bool {
        match self {
            Self::Resident | Self::OverRawRepl => true,
            Self::Small => false,
        }
    }

    /// How much source fits into one request, or `None` if there is no limit. Beyond the limit source is sent in parts.
    pub fn source_part(self) -> Option<usize> {
        match self {
            Self::Resident | Self::OverRawRepl => None,
            Self::Small => Some(PART),
        }
    }

    /// Whether it has to be sent the functions that read bytes and arrays before it can read any.
    pub(crate) fn lacks_bytes(self) -> bool {
        match self {
            Self::Resident | Self::OverRawRepl => false,
            Self::Small => true,
        }
    }

    /// Whether it can pack results, once it has been sent the function for that.
    pub(crate) fn packs(self) -> bool {
        match self {
            Self::Resident | Self::OverRawRepl => true,
            Self::Small => false,
        }
    }

    /// Whether bodies can ask the host. The agent has to read the answer while a body runs.
    pub(crate) fn asks(self) -> bool {
        self.stays()
    }

    /// Whether it has the memory to report everything about the board in one answer.
    pub(crate) fn answers_at_length(self) -> bool {
        match self {
            Self::Resident | Self::OverRawRepl => true,
            Self::Small => false,
        }
    }

    /// Whether it can retransmit an answer in pieces, and only the missing ones.
    pub(crate) fn answers_in_pieces(self) -> bool {
        match self {
            Self::Resident | Self::OverRawRepl => true,
            Self::Small => false,
        }
    }

    /// Whether a frame of this kind is the last thing that the board sends before its execution ends.
    pub(crate) fn ends_execution(self, kind: u8) -> bool {
        let kind = ReplyKind::of(kind);
        if self.stays() {
            return kind == Some(ReplyKind::Farewell);
        }
        kind.is_none_or(|kind| kind != ReplyKind::Piece && !kind.is_in_between())
    }

    /// The sources that hand the agent a line, to be typed at the raw prompt one after the other.
    pub(crate) fn sources(self, line: &[u8], flow_control: bool) -> Vec<Vec<u8>> {
        if self == Self::Small {
            return typed::in_parts(line, SMALL_PIECE);
        }
        typed::at_once(line, if flow_control { PIECE } else { SMALL_PIECE })
    }

    /// The source that hands the agent a ping.
    pub(crate) fn source_of_ping(self, line: &[u8]) -> Vec<u8> {
        let take = if self == Self::Small { "line" } else { "h" };
        typed::call(&format!("_belay['{take}']("), line)
    }
}
