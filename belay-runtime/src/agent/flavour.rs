//! What differs between the agents.

use super::kinds::ReplyKind;
use super::typed;
use crate::protocol::Checksum;

/// How many requests may be on their way at once, if the board has room for them.
const WINDOW: usize = 8;
/// How many characters the board reads at once where that is the cheapest.
const BLOCK: usize = 32;
/// How much of a long line one source brings where the board holds the sender back while it cannot take more.
const PIECE: usize = 512;
/// The same where it does not, and has to have room for a whole source.
const SMALL_PIECE: usize = 128;
/// How much source a small board gets at once.
const PART: usize = 120;

/// Which agent a board has, and how it is talked to. Whatever depends on that is said here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flavour {
    /// The agent, which stays and reads its lines itself.
    Resident,
    /// The agent, to which the raw REPL hands each line.
    OverRawRepl,
    /// The agent for boards with a few kilobytes of memory, to which the raw REPL hands each line.
    Small,
}

impl Flavour {
    /// Whether it reads the line itself. Otherwise each line is typed at the raw prompt.
    pub fn stays(self) -> bool {
        match self {
            Self::Resident => true,
            Self::OverRawRepl | Self::Small => false,
        }
    }

    /// How its lines and frames are checked.
    pub fn checksum(self) -> Checksum {
        match self {
            Self::Resident | Self::OverRawRepl => Checksum::Crc32,
            Self::Small => Checksum::Small,
        }
    }

    /// How many requests may be on their way at once, on a line with flow control or without.
    pub(crate) fn window(self, flow_control: bool) -> usize {
        if self.stays() && flow_control { WINDOW } else { 1 }
    }

    /// How many characters it reads at once; nothing where it reads lines of any length.
    pub(crate) fn block(self, flow_control: bool) -> Option<usize> {
        (self.stays() && flow_control).then_some(BLOCK)
    }

    /// What it is told to read at once: nothing if it is not to stay.
    pub(crate) fn reads_at_once(self, flow_control: bool) -> i64 {
        if !self.stays() {
            return 0;
        }
        let block = self.block(flow_control);
        block.map_or(-1, |block| i64::try_from(block).unwrap_or(-1))
    }

    /// Whether a long body follows a line that announces it.
    pub(crate) fn announces_long_bodies(self) -> bool {
        match self {
            Self::Resident | Self::OverRawRepl => true,
            Self::Small => false,
        }
    }

    /// How much source fits into one request, where that is not as much as there is: then source comes in parts.
    pub fn source_part(self) -> Option<usize> {
        match self {
            Self::Resident | Self::OverRawRepl => None,
            Self::Small => Some(PART),
        }
    }

    /// Whether it has to be sent what reads bytes and arrays, once something has them.
    pub(crate) fn lacks_bytes(self) -> bool {
        match self {
            Self::Resident | Self::OverRawRepl => false,
            Self::Small => true,
        }
    }

    /// Whether it can pack results, once it has been sent what it needs for that.
    pub(crate) fn packs(self) -> bool {
        match self {
            Self::Resident | Self::OverRawRepl => true,
            Self::Small => false,
        }
    }

    /// Whether bodies can ask the host: something has to read the answer while they run.
    pub(crate) fn asks(self) -> bool {
        self.stays()
    }

    /// Whether there is the memory to ask it everything at once.
    pub(crate) fn answers_at_length(self) -> bool {
        match self {
            Self::Resident | Self::OverRawRepl => true,
            Self::Small => false,
        }
    }

    /// Whether it can give an answer once more in pieces, and only what is missing of it.
    pub(crate) fn answers_in_pieces(self) -> bool {
        match self {
            Self::Resident | Self::OverRawRepl => true,
            Self::Small => false,
        }
    }

    /// Whether nothing but the end of the execution follows a frame of this kind.
    pub(crate) fn ends_execution(self, kind: u8) -> bool {
        let kind = ReplyKind::of(kind);
        if self.stays() {
            return kind == Some(ReplyKind::Farewell);
        }
        kind.is_none_or(|kind| kind != ReplyKind::Piece && !kind.is_in_between())
    }

    /// The sources that, typed one after the other at the raw prompt, hand it a line.
    pub(crate) fn sources(self, line: &[u8], flow_control: bool) -> Vec<Vec<u8>> {
        if self == Self::Small {
            return typed::in_parts(line, SMALL_PIECE);
        }
        typed::at_once(line, if flow_control { PIECE } else { SMALL_PIECE })
    }

    /// The source that hands it a ping.
    pub(crate) fn source_of_ping(self, line: &[u8]) -> Vec<u8> {
        let take = if self == Self::Small { "line" } else { "h" };
        typed::call(&format!("_belay['{take}']("), line)
    }
}
