//! Which options both sides have agreed on. What changes nothing gets no answer (RFC 1143), so that two sides cannot
//! answer each other for ever.

use super::numbers::{BINARY, COM_PORT, DO, DONT, ECHO, SUPPRESS_GO_AHEAD, WILL, WONT};

/// The state of an option.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Asked {
    #[default]
    No,
    Yes,
    /// We have asked for it, and have no answer yet.
    Open,
}

/// One side's options.
#[derive(Debug)]
struct Side {
    agreed: [Asked; 4],
    /// Which other options were refused before, a bit for each: asking again gets no answer.
    refused: [u128; 2],
    /// The verbs that accept and that refuse.
    words: (u8, u8),
}

/// The options that are supported here, in the order of `agreed`.
const KNOWN: [u8; 4] = [BINARY, ECHO, SUPPRESS_GO_AHEAD, COM_PORT];

#[derive(Debug)]
pub(super) struct Options {
    ours: Side,
    theirs: Side,
}

impl Default for Options {
    fn default() -> Self {
        let side = |words| Side {
            agreed: Default::default(),
            refused: Default::default(),
            words,
        };
        Self {
            ours: side((WILL, WONT)),
            theirs: side((DO, DONT)),
        }
    }
}

impl Options {
    /// We offer an option (WILL) or ask the other side for it (DO).
    pub(super) fn ask(&mut self, verb: u8, option: u8) {
        let side = if verb == WILL {
            &mut self.ours
        } else {
            &mut self.theirs
        };
        if let Some(asked) = side.known(option) {
            *asked = Asked::Open;
        }
    }

    /// The state of an option of ours (WILL) or of the other side's (DO).
    pub(super) fn asked(&self, verb: u8, option: u8) -> Asked {
        let side = if verb == WILL { &self.ours } else { &self.theirs };
        let at = KNOWN.iter().position(|known| *known == option);
        at.map_or(Asked::No, |at| side.agreed[at])
    }

    /// Handles a verb of the other side's. Returns the verb that answers it, if an answer is due.
    pub(super) fn heard(&mut self, verb: u8, option: u8) -> Option<u8> {
        match verb {
            DO | DONT => {
                // Echoing would be up to a terminal on this side, and there is none.
                let wanted = option != ECHO;
                self.ours.heard(verb == DO, option, wanted)
            }
            WILL | WONT => self.theirs.heard(verb == WILL, option, true),
            _ => None,
        }
    }
}

impl Side {
    fn known(&mut self, option: u8) -> Option<&mut Asked> {
        let at = KNOWN.iter().position(|known| *known == option)?;
        Some(&mut self.agreed[at])
    }

    fn heard(&mut self, yes: bool, option: u8, wanted: bool) -> Option<u8> {
        let (agree, refuse) = self.words;
        let Some(asked) = self.known(option).filter(|_| wanted) else {
            return (yes && self.refuses(option)).then_some(refuse);
        };
        let before = std::mem::replace(asked, if yes { Asked::Yes } else { Asked::No });
        match (before, yes) {
            (Asked::No, true) => Some(agree),
            (Asked::Yes, false) => Some(refuse),
            _ => None,
        }
    }

    /// Whether this is the first time that the option is refused.
    fn refuses(&mut self, option: u8) -> bool {
        let (word, bit) = (usize::from(option >> 7), 1 << (option & 127));
        let first = self.refused[word] & bit == 0;
        self.refused[word] |= bit;
        first
    }
}
