//! What the machine remembers between two bytes.

use std::collections::VecDeque;

use super::super::scan::{Matcher, Scanner};
use super::super::signs::{FRIENDLY_PROMPT, RAW_BANNER_LINE, Sign};
use super::serving::Serving;
use super::{Execution, Stage};

/// What prompts print in answer to the bytes that enter the raw REPL.
const WAY_IN: [&[u8]; 3] = [RAW_BANNER_LINE, b"\r\n>>> ", FRIENDLY_PROMPT];
/// The same for a friendly prompt, which ends its line before the banner.
const WAY_IN_FROM_PROMPT: [&[u8]; 4] = [
    b"\r\nraw REPL; CTRL-B to exit\r\n",
    WAY_IN[1],
    WAY_IN[2],
    RAW_BANNER_LINE,
];
/// How boards announce a soft reset; what is longer comes first.
const ANNOUNCED: [&[u8]; 3] = [
    b"MPY: soft reboot\r\n",
    b"PYB: soft reboot\r\n",
    b"soft reboot\r\n",
];
/// What the raw REPL answers to the `\x04` that resets it.
const TAKEN: &[u8] = b"OK\r\n";

const END: u8 = 0x04;
const PROMPT: u8 = b'>';

#[derive(Debug)]
pub(super) enum State {
    Unknown,
    Friendly,
    Idle,
    /// Waiting for the raw REPL's banner. What a friendly prompt prints on the way is removed.
    Entering(Scanner),
    /// Waiting for the prompt behind the banner; `loosely` once something else has come in between.
    Greeted {
        loosely: bool,
    },
    /// Waiting for the mark. Until it comes the machine watches for an end without it and, if a program may have
    /// printed the first banner, for another banner.
    Probing {
        scanner: Scanner,
        /// The mark, until the `OK` of its source has come. Threads may print between the two.
        mark: Option<Vec<u8>>,
        claim: Claim,
        /// Whether the mark was asked for in the way that does not depend on a program's names.
        own_print: bool,
        banner: Option<Matcher>,
    },
    /// Waiting for both end bytes and the prompt behind the mark.
    Probed {
        ends: u8,
    },
    Exiting(Scanner),
    /// Waiting for the answer to the request for raw-paste mode.
    Requesting {
        execution: Execution,
        scanner: Scanner,
        interrupted: bool,
        restarted: bool,
    },
    /// Raw-paste mode was declined; waiting for the prompt.
    Declined {
        execution: Execution,
        interrupted: bool,
    },
    /// Waiting for the window's size.
    Header {
        execution: Execution,
        interrupted: bool,
        seen: Vec<u8>,
    },
    Pasting(Paste),
    SendingPlain {
        source: Vec<u8>,
        sent: usize,
        framed: bool,
    },
    /// All source is sent plainly; waiting for `OK`.
    Acknowledging {
        scanner: Scanner,
        framed: bool,
    },
    /// Code runs. With a claim, a `\x04` is output and at most claims to be the end.
    Running {
        claim: Option<Claim>,
    },
    /// The paste ended early; waiting for the end of the output, which is empty.
    CutShort,
    Traceback(Tail),
    /// Everything but the prompt has come.
    Prompting(Tail),
    /// Waiting for the prompt that ends a restart.
    Restarting(Restart),
    /// Waiting for the prompt behind the banner that ends a restart.
    Restarted,
    /// Sources are typed one behind the other.
    Serving(Serving),
}

impl State {
    pub(super) fn sending_plain(execution: Execution) -> Self {
        let Execution {
            mut source, framed, ..
        } = execution;
        // A `\x04` at an empty prompt would be a soft reset.
        if source.is_empty() {
            source.push(b'\n');
        }
        Self::SendingPlain {
            source,
            sent: 0,
            framed,
        }
    }

    pub(super) fn running(framed: bool) -> Self {
        Self::Running {
            claim: framed.then(Claim::default),
        }
    }

    pub(super) fn entering() -> Self {
        Self::Entering(Scanner::new(&WAY_IN))
    }

    /// The same for a board at a friendly prompt.
    pub(super) fn entering_from_prompt() -> Self {
        Self::Entering(Scanner::new(&WAY_IN_FROM_PROMPT))
    }

    /// `led_to`: nothing but the reset can make the board show a prompt.
    pub(super) fn restarting(led_to: bool) -> Self {
        Self::Restarting(Restart::before(led_to))
    }

    /// The same once the reset has been announced.
    pub(super) fn restarting_now() -> Self {
        Self::Restarting(Restart::announced())
    }

    pub(super) fn stage(&self) -> Stage {
        match self {
            Self::Unknown => Stage::Unknown,
            Self::Friendly => Stage::Friendly,
            Self::Idle => Stage::Idle,
            Self::Entering(_) | Self::Greeted { .. } | Self::Probing { .. } | Self::Probed { .. } => {
                Stage::Entering
            }
            Self::Exiting(_) => Stage::Exiting,
            Self::Pasting(paste) if paste.ended => Stage::Compiling,
            Self::Requesting { .. }
            | Self::Declined { .. }
            | Self::Header { .. }
            | Self::Pasting(_)
            | Self::SendingPlain { .. } => Stage::Sending,
            Self::Acknowledging { .. } => Stage::Compiling,
            Self::Running { .. } => Stage::Running,
            Self::CutShort | Self::Traceback(_) | Self::Prompting(_) => Stage::Ending,
            Self::Restarting(_) | Self::Restarted => Stage::Restarting,
            Self::Serving(_) => Stage::Serving,
        }
    }

    /// Whether this sign is to be expected here: a banner or a prompt that the conversation leads to, or one that an
    /// earlier conversation may have left in the line.
    pub(super) fn explains(&self, sign: &Sign) -> bool {
        match sign {
            Sign::SoftReboot(_) => false,
            Sign::RawBanner if matches!(self, Self::Requesting { .. }) => true,
            Sign::RawBanner if matches!(self, Self::Serving(serving) if serving.expects_banner()) => true,
            Sign::RawBanner | Sign::FriendlyPrompt => matches!(
                self.stage(),
                Stage::Unknown | Stage::Friendly | Stage::Entering | Stage::Exiting | Stage::Restarting
            ),
        }
    }

    /// Bytes that were held back because they could have become a pattern are output after all.
    pub(super) fn give_up(&mut self, output: &mut Vec<u8>) {
        match self {
            Self::Entering(scanner)
            | Self::Probing { scanner, .. }
            | Self::Exiting(scanner)
            | Self::Requesting { scanner, .. }
            | Self::Acknowledging { scanner, .. }
            | Self::Restarting(Restart { scanner, .. }) => scanner.give_up(output),
            Self::Serving(serving) => serving.give_up(output),
            Self::Header { seen, .. } => output.append(seen),
            _ => {}
        }
    }
}

#[cfg(test)]
impl State {
    /// How many received bytes it keeps.
    pub(super) fn held(&self) -> usize {
        match self {
            Self::Header { seen, .. } => seen.len(),
            Self::Serving(serving) => serving.held(),
            Self::Traceback(tail) | Self::Prompting(tail) => tail.bytes.len(),
            Self::Running { claim: Some(claim) } => claim.held(),
            Self::Probing { scanner, claim, .. } => scanner.held() + claim.held(),
            Self::Entering(scanner)
            | Self::Exiting(scanner)
            | Self::Requesting { scanner, .. }
            | Self::Acknowledging { scanner, .. }
            | Self::Restarting(Restart { scanner, .. }) => scanner.held(),
            _ => 0,
        }
    }
}

/// Source code on its way in raw-paste mode.
#[derive(Debug)]
pub(super) struct Paste {
    source: Vec<u8>,
    sent: usize,
    pub(super) framed: bool,
    pub(super) window: usize,
    /// How many bytes the board can take now.
    pub(super) credit: usize,
    /// All of the source is sent, and the `\x04` behind it.
    pub(super) whole: bool,
    /// Nothing more is sent: all of it is, or the paste was interrupted.
    pub(super) ended: bool,
}

impl Paste {
    pub(super) fn new(execution: Execution, window: usize, credit: usize, ended: bool) -> Self {
        Self {
            source: execution.source,
            sent: 0,
            framed: execution.framed,
            window,
            credit,
            whole: false,
            ended,
        }
    }

    /// The bytes that the credit allows. The final `\x04` waits for credit like any other byte: the board's buffer
    /// may be exactly as large as its windows.
    pub(super) fn next(&mut self) -> Option<Vec<u8>> {
        if self.ended || self.credit == 0 {
            return None;
        }
        let left = &self.source[self.sent..];
        let take = left.len().min(self.credit);
        let mut bytes = left[..take].to_vec();
        self.sent += take;
        self.credit -= take;
        if self.sent == self.source.len() && self.credit > 0 {
            bytes.push(b'\x04');
            self.whole = true;
            self.ended = true;
        }
        Some(bytes)
    }
}

/// What the scanner of a restart has found.
pub(super) enum Found {
    Banner,
    Prompt,
    Announced,
    /// The board has accepted the `\x04` that resets it.
    Taken,
}

impl Found {
    pub(super) fn of(index: usize) -> Self {
        match index {
            0 => Self::Banner,
            1 | 2 => Self::Prompt,
            3..=5 => Self::Announced,
            _ => Self::Taken,
        }
    }
}

/// A restart whose end the board has yet to show.
#[derive(Debug)]
pub(super) struct Restart {
    pub(super) scanner: Scanner,
    /// Whether the next prompt ends the restart: it was announced, or the `\x04` that causes it was accepted.
    pub(super) expected: bool,
    /// Whether a banner has come whose prompt has not.
    pub(super) prompt_owed: bool,
}

impl Restart {
    /// `led_to`: the board is at the raw prompt, so that nothing but the reset can make it show another one.
    pub(super) fn before(led_to: bool) -> Self {
        let taken: &[&[u8]] = if led_to { &[TAKEN] } else { &[] };
        Self {
            scanner: Scanner::new(&[&WAY_IN[..], &ANNOUNCED, taken].concat()),
            expected: led_to,
            prompt_owed: false,
        }
    }

    /// A banner has come: the board is at the raw prompt, or was. Earlier questions may bring more banners, so the
    /// next one counts only once the board has accepted the `\x04`.
    pub(super) fn at_raw_prompt() -> Self {
        Self {
            expected: false,
            prompt_owed: true,
            ..Self::before(true)
        }
    }

    /// The board has accepted the `\x04`.
    pub(super) fn taken() -> Self {
        Self {
            expected: true,
            ..Self::before(false)
        }
    }

    /// From now on the output is that of `boot.py`, until a prompt.
    pub(super) fn announced() -> Self {
        Self {
            scanner: Scanner::new(&[RAW_BANNER_LINE, FRIENDLY_PROMPT]),
            expected: true,
            prompt_owed: false,
        }
    }
}

/// Watches the output of a framed execution for what might be its end: `\x04`, a traceback, `\x04>`.
#[derive(Debug, Default)]
pub(super) struct Claim {
    progress: Progress,
    loose: Loose,
    complete: bool,
}

#[derive(Debug, Default)]
enum Progress {
    #[default]
    Nothing,
    Traceback(Tail),
    Prompt(Tail),
}

/// The same, but a thread may print before the prompt.
#[derive(Debug, Default)]
enum Loose {
    #[default]
    Nothing,
    First(Tail),
    Second {
        traceback: Tail,
        behind: Tail,
    },
}

impl Claim {
    pub(super) fn is_complete(&self) -> bool {
        self.complete
    }

    /// Returns the traceback when the byte completes a claim.
    pub(super) fn feed(&mut self, byte: u8, limit: usize) -> Option<Vec<u8>> {
        let loosely = self.feed_loosely(byte, limit);
        let claimed = self.feed_strictly(byte, limit).or(loosely);
        self.complete = claimed.is_some() || self.complete && byte != END;
        claimed
    }

    fn feed_strictly(&mut self, byte: u8, limit: usize) -> Option<Vec<u8>> {
        let progress = std::mem::take(&mut self.progress);
        self.progress = match progress {
            Progress::Nothing if byte == END => Progress::Traceback(Tail::new(limit)),
            Progress::Traceback(traceback) if byte == END => Progress::Prompt(traceback),
            Progress::Traceback(mut traceback) => {
                traceback.push(byte);
                Progress::Traceback(traceback)
            }
            Progress::Prompt(traceback) if byte == PROMPT => return Some(traceback.into_bytes()),
            // What looked like the second end byte may be the first one.
            Progress::Prompt(_) if byte == END => Progress::Prompt(Tail::new(limit)),
            Progress::Prompt(_) => {
                let mut traceback = Tail::new(limit);
                traceback.push(byte);
                Progress::Traceback(traceback)
            }
            Progress::Nothing => Progress::Nothing,
        };
        None
    }

    fn feed_loosely(&mut self, byte: u8, limit: usize) -> Option<Vec<u8>> {
        let loose = std::mem::take(&mut self.loose);
        self.loose = match loose {
            Loose::Nothing if byte == END => Loose::First(Tail::new(limit)),
            Loose::First(traceback) if byte == END => Loose::Second {
                traceback,
                behind: Tail::new(limit),
            },
            Loose::First(mut traceback) => {
                traceback.push(byte);
                Loose::First(traceback)
            }
            Loose::Second { traceback, .. } if byte == PROMPT => return Some(traceback.into_bytes()),
            Loose::Second { behind, .. } if byte == END => Loose::Second {
                traceback: behind,
                behind: Tail::new(limit),
            },
            Loose::Second {
                traceback,
                mut behind,
            } => {
                behind.push(byte);
                Loose::Second { traceback, behind }
            }
            Loose::Nothing => Loose::Nothing,
        };
        None
    }

    #[cfg(test)]
    fn held(&self) -> usize {
        let strictly = match &self.progress {
            Progress::Traceback(tail) | Progress::Prompt(tail) => tail.bytes.len(),
            Progress::Nothing => 0,
        };
        let loosely = match &self.loose {
            Loose::First(tail) => tail.bytes.len(),
            Loose::Second { traceback, behind } => traceback.bytes.len() + behind.bytes.len(),
            Loose::Nothing => 0,
        };
        strictly + loosely
    }
}

/// The last bytes of something that may be long.
#[derive(Debug)]
pub(super) struct Tail {
    bytes: VecDeque<u8>,
    limit: usize,
    truncated: bool,
}

impl Tail {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            bytes: VecDeque::new(),
            limit,
            truncated: false,
        }
    }

    pub(super) fn push(&mut self, byte: u8) {
        self.bytes.push_back(byte);
        if self.bytes.len() > self.limit {
            self.bytes.pop_front();
            self.truncated = true;
        }
    }

    pub(super) fn is_truncated(&self) -> bool {
        self.truncated
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes.into()
    }
}
