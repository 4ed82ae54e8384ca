//! The options of a link: deadlines, the way that calls take, how to reset.

use std::time::Duration;

use super::line::UNASKED;
use crate::agent::Flavour;
use crate::clock::bounded;
use crate::error::Phase;

/// The options of a link.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LinkOptions {
    /// How long each phase may take.
    pub deadlines: Deadlines,
    /// How calls reach the board.
    pub call_path: CallPath,
    /// How the board is reset before it is used.
    pub reset_on_connect: ResetPolicy,
    /// How many chunks of output (at most 4 KiB each) are buffered for a subscriber that does not keep up: at most
    /// 65,536.
    pub output_backlog: usize,
    /// The longest answer that is accepted, in bytes, but 64 KiB at least. The same limit applies to the output that
    /// [`Link::run`](super::Link::run) returns.
    pub answer_limit: usize,
}

impl Default for LinkOptions {
    fn default() -> Self {
        Self {
            deadlines: Deadlines::default(),
            call_path: CallPath::default(),
            reset_on_connect: ResetPolicy::None,
            output_backlog: 256,
            answer_limit: 16 << 20,
        }
    }
}

impl LinkOptions {
    /// The same options with these [deadlines](Self::deadlines).
    ///
    /// ```
    /// # use belay_runtime as belay;
    /// use belay::link::{CallPath, LinkOptions};
    ///
    /// let options = LinkOptions::default().with_call_path(CallPath::RawRepl).with_answer_limit(1 << 20);
    /// assert_eq!(options.answer_limit, 1 << 20);
    /// ```
    #[must_use]
    pub fn with_deadlines(mut self, deadlines: Deadlines) -> Self {
        self.deadlines = deadlines;
        self
    }

    /// The same options with this [call path](Self::call_path).
    #[must_use]
    pub fn with_call_path(mut self, path: CallPath) -> Self {
        self.call_path = path;
        self
    }

    /// The same options with this reset [before the board is used](Self::reset_on_connect).
    #[must_use]
    pub fn with_reset_on_connect(mut self, policy: ResetPolicy) -> Self {
        self.reset_on_connect = policy;
        self
    }

    /// The same options with so many buffered [chunks of output](Self::output_backlog).
    #[must_use]
    pub fn with_output_backlog(mut self, chunks: usize) -> Self {
        self.output_backlog = chunks;
        self
    }

    /// The same options with this [longest answer](Self::answer_limit).
    #[must_use]
    pub fn with_answer_limit(mut self, bytes: usize) -> Self {
        self.answer_limit = bytes;
        self
    }

    /// The same options, within the limits of what machines can do.
    pub(super) fn within_reason(mut self) -> Self {
        self.deadlines = self.deadlines.each(bounded);
        self.answer_limit = self.answer_limit.max(UNASKED);
        self
    }
}

/// How calls reach the board.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum CallPath {
    /// By the agent where the board can run it, otherwise over the raw REPL.
    #[default]
    Auto,
    /// By the resident agent: one line for each call.
    Agent,
    /// One execution in the raw REPL for each call.
    RawRepl,
}

impl From<CallPath> for Flavour {
    /// The flavour of agent that is tried first.
    fn from(path: CallPath) -> Self {
        match path {
            CallPath::Auto | CallPath::Agent => Self::Resident,
            CallPath::RawRepl => Self::OverRawRepl,
        }
    }
}

impl From<Flavour> for CallPath {
    fn from(flavour: Flavour) -> Self {
        if flavour.stays() {
            Self::Agent
        } else {
            Self::RawRepl
        }
    }
}

/// How a board is reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ResetPolicy {
    /// Not at all.
    #[default]
    None,
    /// A soft reset: the interpreter starts anew, while the hardware goes on with what it does.
    Soft,
    /// The port's modem lines reset the board, as auto-reset circuits expect.
    Lines,
}

/// How long each phase of a conversation may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Deadlines {
    /// From opening the port until the board is in the raw REPL, retries included.
    pub open: Duration,
    /// From an interrupt until the code has ended. For half of it the code may clean up after one Ctrl-C. Then Ctrl-C
    /// is sent in a burst, and in a flood if a second is left for that. A `finally` has half of it to itself, before
    /// Ctrl-C is sent again.
    pub interrupt: Duration,
    /// The first attempt at entering the raw REPL; each further one may take twice as long. A board that is still
    /// booting may lose an attempt, so there are more of them, as long as [`open`](Self::open) allows, or
    /// [`reset`](Self::reset) after a reset.
    pub enter: Duration,
    /// Sending the code that starts a conversation: for each stretch during which the board takes nothing.
    pub paste: Duration,
    /// Compiling that code.
    pub compile: Duration,
    /// Running code that has no deadline of its own.
    pub execute: Duration,
    /// Bringing line and board back to a known state.
    pub resync: Duration,
    /// A reset until the board answers again. Once it has announced the reset, its `boot.py` has half of what is left
    /// of this, and is interrupted then.
    pub reset: Duration,
    /// Leaving the board; closing the port may take as much again.
    pub close: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            open: Duration::from_secs(10),
            interrupt: Duration::from_secs(3),
            enter: Duration::from_secs(1),
            paste: Duration::from_secs(5),
            compile: Duration::from_secs(5),
            execute: Duration::from_secs(10),
            resync: Duration::from_secs(4),
            reset: Duration::from_secs(10),
            close: Duration::from_secs(2),
        }
    }
}

impl Deadlines {
    fn each(self, change: impl Fn(Duration) -> Duration) -> Self {
        Self {
            open: change(self.open),
            interrupt: change(self.interrupt),
            enter: change(self.enter),
            paste: change(self.paste),
            compile: change(self.compile),
            execute: change(self.execute),
            resync: change(self.resync),
            reset: change(self.reset),
            close: change(self.close),
        }
    }

    /// The same deadlines with this one for a phase. A deployment shares the deadline of an execution.
    ///
    /// ```
    /// # use belay_runtime as belay;
    /// use std::time::Duration;
    ///
    /// use belay::{Deadlines, Phase};
    ///
    /// let deadlines = Deadlines::default().with(Phase::Open, Duration::from_secs(30));
    /// assert_eq!(deadlines.of(Phase::Open), deadlines.open);
    /// ```
    #[must_use]
    pub fn with(mut self, phase: Phase, deadline: Duration) -> Self {
        *match phase {
            Phase::Open => &mut self.open,
            Phase::Interrupt => &mut self.interrupt,
            Phase::Enter => &mut self.enter,
            Phase::Paste => &mut self.paste,
            Phase::Compile => &mut self.compile,
            Phase::Execute | Phase::Deploy => &mut self.execute,
            Phase::Resync => &mut self.resync,
            Phase::Reset => &mut self.reset,
            Phase::Close => &mut self.close,
        } = deadline;
        self
    }

    /// The deadline of a phase. A deployment shares the deadline of an execution.
    pub fn of(&self, phase: Phase) -> Duration {
        match phase {
            Phase::Open => self.open,
            Phase::Interrupt => self.interrupt,
            Phase::Enter => self.enter,
            Phase::Paste => self.paste,
            Phase::Compile => self.compile,
            Phase::Execute | Phase::Deploy => self.execute,
            Phase::Resync => self.resync,
            Phase::Reset => self.reset,
            Phase::Close => self.close,
        }
    }
}
