//! The raw REPL as its owner sees it: operations and received bytes go in, events and bytes to write come out.

mod insistence;
mod serving;
mod state;
mod step;
mod writes;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Duration;

pub use self::insistence::Insistence;
use self::state::State;
use super::scan::Matcher;
use super::signs::{AT_PROMPT, Sign, Signs};

/// How the machine behaves; the defaults suit every board that is known.
#[derive(Debug, Clone)]
pub struct Options {
    /// How fast source code is written to a board without raw-paste mode. Such boards are old, and the
    /// smallest receive buffer among them (BBC micro:bit) has 63 bytes: two pieces of this size fit in.
    pub pacing: Pacing,
    /// The longest source, in bytes, that is sent without raw-paste mode. There the board buffers all of it before it
    /// looks at any, and one that runs out of memory meanwhile hangs or restarts. The default is what the smallest
    /// board known (BBC micro:bit, measured when it had just started) takes and no more. A board in use takes less,
    /// and cannot be asked how much. So only what starts a conversation is sent in this way, and anything that may be
    /// long is sent in pieces ([`RawRepl::submit`]).
    pub plain_limit: usize,
    /// How much of a traceback is kept, in bytes; of a longer one the beginning is lost.
    pub traceback_limit: usize,
    /// Distinguishes the marks of this machine from those of another that used the board before.
    pub nonce: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            pacing: Pacing {
                bytes: 31,
                ..Pacing::default()
            },
            plain_limit: 8_000,
            traceback_limit: 16 * 1024,
            nonce: 0,
        }
    }
}

/// So many bytes, then a pause. The default is what the boards of today can take on a bare UART: the smallest
/// receive buffer among them (ESP8266) has 256 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pacing {
    /// How many bytes are written at once.
    pub bytes: usize,
    /// How long to wait before the next ones.
    pub pause: Duration,
}

impl Default for Pacing {
    fn default() -> Self {
        Self {
            bytes: 256,
            pause: Duration::from_millis(10),
        }
    }
}

/// What the board should do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// Interrupts whatever runs and enters the raw REPL, from any state; anything under way is abandoned.
    /// Ends with [`Event::Entered`], which comes only once the board has answered a mark made for this
    /// entry: nothing that an earlier conversation left in the line can be taken for it. May be started
    /// again while it is under way, for a board that was still booting.
    Enter,
    /// The same with more Ctrl-Cs, for a board that has not answered to fewer.
    Insist(Insistence),
    /// Leaves the raw REPL for the friendly one. Ends with [`Event::Exited`].
    Exit,
    /// Resets the board's interpreter. Ends with [`Event::Restarted`].
    SoftReset,
    /// The same from any state: the board is told to stop, to enter the raw REPL and to reset, without being asked
    /// whether it did any of that, so that it needs no memory for an answer. Ends with [`Event::Restarted`], which
    /// comes only once the board has announced the reset, or has accepted the `\x04` that causes it and shown a
    /// prompt after that.
    Restart(Insistence),
    /// Runs source code. Ends with [`Event::Done`], [`Event::SystemExit`] or [`Event::Aborted`].
    Execute(Execution),
}

/// Source code to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// The source. It must not contain control characters other than tab and line ends.
    pub source: Vec<u8>,
    /// How it gets to the board.
    pub mode: Mode,
    /// Whether a reply frame marks the end of the output, which may then contain a `\x04`: every `\x04` is output
    /// until [`RawRepl::reply_seen`].
    pub framed: bool,
}

/// How source code gets to the board.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// In raw-paste mode if the board has it, else plainly.
    #[default]
    Auto,
    /// In raw-paste mode or not at all.
    RawPaste,
    /// All of it into the board's line buffer, paced.
    Plain,
}

/// Why an operation could not be started; nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Another operation is under way.
    #[error("another operation is under way")]
    Busy,
    /// The board is not at the prompt of the raw REPL.
    #[error("the board is not in the raw REPL")]
    NotEntered,
    /// The source contains a control character that the raw REPL would act on.
    #[error("the source has the control character {byte:#04x} at byte {at}")]
    ControlCharacter {
        /// The character.
        byte: u8,
        /// Its position in the source.
        at: usize,
    },
    /// The board has no raw-paste mode, and the source is too long to be sent without.
    #[error("the board has no raw-paste mode, and {length} bytes of source are more than {limit}")]
    TooLong {
        /// The source's length.
        length: usize,
        /// [`Options::plain_limit`].
        limit: usize,
    },
    /// The board has no raw-paste mode, and nothing else was allowed.
    #[error("the board has no raw-paste mode")]
    NoRawPaste,
}

/// What happened. Between two calls of [`RawRepl::receive`], take events until there are none.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// What a program printed, or a thread, or the board itself, exactly as it came. Where one run of
    /// output is cut into events means nothing, with one exception: while a framed execution runs, a `\x04`
    /// always begins a new one.
    Output(Vec<u8>),
    /// The board is at the prompt of the raw REPL, and the line holds nothing older than that.
    Entered,
    /// While the raw REPL is entered: something has ended without the mark that was asked for, and with this
    /// traceback. The board may be at its prompt and unable to run anything, for want of memory perhaps; or the line
    /// still held the end of something older. The entry goes on.
    Unable {
        /// The traceback, or what looks like one.
        traceback: Vec<u8>,
    },
    /// The board is at the prompt of the friendly REPL.
    Exited,
    /// The board refused raw-paste mode. Unless [`Event::Aborted`] follows, the source is sent plainly.
    Refused(Refusal),
    /// The board ended the paste before all of the source was sent: the source does not compile or needs too
    /// much memory, or the paste was interrupted. None of it runs; [`Event::Done`] brings the exception.
    CutShort,
    /// The board has taken all of the source. It runs it now, or has an exception ready that says why not.
    Started,
    /// While a framed execution runs: the last bytes of the output look like its end, but no reply has been
    /// seen. Either the code printed them or it ended without a reply. [`RawRepl::accept_end`] believes
    /// them, and [`Operation::Enter`] finds out; otherwise they are just output.
    EndClaimed {
        /// The traceback, if it is the end; it has been output as well.
        traceback: Vec<u8>,
    },
    /// The execution has ended and the board is at the raw prompt again.
    Done {
        /// The traceback of the exception that ended it, as the board wrote it; empty if there was none.
        traceback: Vec<u8>,
        /// Whether its beginning was lost because of [`Options::traceback_limit`].
        truncated: bool,
    },
    /// The execution ended with `SystemExit`, which restarts the board; [`Event::Restarted`] follows.
    SystemExit,
    /// The execution was given up before any of it ran.
    Aborted(Abort),
    /// Something that looks like a restart of the board; [`RawRepl::stage`] says what was under way.
    Sign(Sign),
    /// While sources are typed one behind the other: a prompt has answered [`RawRepl::ask`].
    AtPrompt,
    /// While sources are typed one behind the other: the board has taken a [marked](RawRepl::submit_marked) source
    /// whose beginning is missing.
    Beheaded {
        /// How many bytes are missing at least.
        missing: usize,
    },
    /// After a restart that was asked for, or that `SystemExit` caused, the board is at a prompt again.
    Restarted {
        /// Whether it is the raw REPL's; otherwise it is the friendly one's.
        raw: bool,
    },
}

/// How a board refuses raw-paste mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It does not know the request and answers with the banner of the raw REPL.
    Unknown,
    /// It knows the request and declines.
    Declined,
}

/// Why an execution was given up before any of it ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Abort {
    /// [`RawRepl::interrupt`] came first.
    Interrupted,
    /// The board refused raw-paste mode, and nothing else was allowed.
    NoRawPaste,
    /// The board refused raw-paste mode, and the source is longer than [`Options::plain_limit`].
    TooLong,
    /// The board restarted while raw-paste mode was being asked for. [`Operation::Enter`] must come next.
    Restarted,
}

/// What the machine is doing. Deadlines are chosen by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// Nothing is known about the board; [`Operation::Enter`] must come first.
    Unknown,
    /// The board is at the prompt of the friendly REPL.
    Friendly,
    /// The board is at the prompt of the raw REPL.
    Idle,
    /// The raw REPL is being entered.
    Entering,
    /// The raw REPL is being left.
    Exiting,
    /// Raw-paste mode is being asked for, or source code is being sent.
    Sending,
    /// All source code is sent; the board has not said yet that it has it.
    Compiling,
    /// Code runs.
    Running,
    /// Code has ended; the traceback and the prompt are awaited.
    Ending,
    /// The board restarts.
    Restarting,
    /// Sources are typed one behind the other, with [`RawRepl::submit`].
    Serving,
}

/// Bytes for the port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// How long to wait, after they are written, before asking for more, unless [`RawRepl::pause_is_over`] says
    /// before that there is no need to.
    pub pause: Option<Duration>,
}

/// The raw REPL of one board, from the host's side.
#[derive(Debug)]
pub struct RawRepl {
    options: Options,
    state: State,
    /// Whether the board has raw-paste mode, once it is known.
    raw_paste: Option<bool>,
    /// How many marks have been made.
    marks: u32,
    signs: Signs,
    /// Finds the answer of a board at the friendly prompt to the first half of an entry.
    at_prompt: Matcher,
    /// Whether a pause need not be waited for any longer.
    pause_over: bool,
    /// Received bytes that are not looked at yet.
    input: VecDeque<u8>,
    output: Vec<u8>,
    events: VecDeque<Event>,
    writes: VecDeque<Write>,
}

/// Whether this is how the raw REPL reports that there was not enough memory for a source. No program can have caused
/// it: nothing has run.
pub fn is_out_of_memory(traceback: &[u8]) -> bool {
    let line = traceback.trim_ascii_end().rsplit(|byte| *byte == b'\n').next();
    line.is_some_and(|line| line.starts_with(b"MemoryError"))
}

impl RawRepl {
    /// A machine that knows nothing about its board yet.
    pub fn new(options: Options) -> Self {
        Self {
            options,
            state: State::Unknown,
            raw_paste: None,
            marks: 0,
            signs: Signs::new(),
            at_prompt: Matcher::new(AT_PROMPT),
            pause_over: false,
            input: VecDeque::new(),
            output: Vec::new(),
            events: VecDeque::new(),
            writes: VecDeque::new(),
        }
    }

    /// Begins an operation. Take all events first: what has been received is looked at only then.
    ///
    /// # Errors
    ///
    /// [`StartError`] if this is not the moment for it or the source cannot be sent; nothing has changed.
    pub fn start(&mut self, operation: Operation) -> Result<(), StartError> {
        match operation {
            Operation::Enter => {
                self.begin_entry(Insistence::Gentle);
                Ok(())
            }
            Operation::Insist(insistence) => {
                self.begin_entry(insistence);
                Ok(())
            }
            Operation::Restart(insistence) => {
                self.begin_restart(insistence);
                Ok(())
            }
            Operation::Exit => {
                self.need(&[Stage::Idle, Stage::Serving])?;
                self.begin_exit();
                Ok(())
            }
            Operation::SoftReset => {
                self.need(&[Stage::Idle, Stage::Friendly, Stage::Serving])?;
                self.begin_soft_reset();
                Ok(())
            }
            Operation::Execute(execution) => {
                self.need(&[Stage::Idle])?;
                self.begin_execution(execution)
            }
        }
    }

    fn need(&self, stages: &[Stage]) -> Result<(), StartError> {
        match self.stage() {
            stage if stages.contains(&stage) => Ok(()),
            Stage::Unknown | Stage::Friendly => Err(StartError::NotEntered),
            _ => Err(StartError::Busy),
        }
    }

    /// Sends Ctrl-C, in whatever way suits what is under way; an event will tell how that ends. It may be sent again
    /// if nothing happens: some boards lose it while they compile.
    ///
    /// Returns false, and sends nothing, while the board restarts: a Ctrl-C before the banner that follows
    /// has cost boards their file system. The same goes while the raw REPL is entered or left.
    pub fn interrupt(&mut self) -> bool {
        self.send_interrupt()
    }

    /// Gives up what is under way. From now on everything is output, as while a framed execution runs, and a sign of
    /// a restart or a claimed end in it is reported.
    pub fn abandon(&mut self) {
        self.state.give_up(&mut self.output);
        self.writes.clear();
        self.state = State::running(true);
    }

    /// The beginning of all marks that a board is asked for while the raw REPL is entered; a hyphen and a number
    /// follow. If it is asked for several of them only the last one is waited for, and those before it are output.
    pub fn mark_stem(&self) -> String {
        format!("belay-{:08x}", self.options.nonce)
    }

    /// Says that the output of the last event contained the reply frame: the next `\x04` ends the framed execution's
    /// output. Without a framed execution it changes nothing.
    pub fn reply_seen(&mut self) {
        match &mut self.state {
            State::Running { claim, .. } => *claim = None,
            State::Serving(serving) => serving.reply_seen(&mut self.output),
            _ => {}
        }
    }

    /// Believes the last [`Event::EndClaimed`]: the execution has ended and the board is at the raw prompt.
    /// Returns false if there was none, or nothing framed runs any more.
    pub fn accept_end(&mut self) -> bool {
        let believed =
            matches!(&self.state, State::Running { claim: Some(claim), .. } if claim.is_complete());
        if believed {
            self.state = State::Idle;
        }
        believed
    }

    /// Takes what the board sent. Take all events before handing over more: what is received is kept until
    /// they are taken.
    pub fn receive(&mut self, bytes: &[u8]) {
        self.input.extend(bytes);
    }

    /// The next event, if there is one.
    pub fn poll_event(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            let Some(&byte) = self.input.front() else {
                return self.take_output();
            };
            if self.settles_output(byte)
                && let Some(output) = self.take_output()
            {
                return Some(output);
            }
            self.input.pop_front();
            self.step(byte);
        }
    }

    /// The next bytes to write, if there are any now. Ask again after each event.
    pub fn poll_write(&mut self) -> Option<Write> {
        self.writes.pop_front().or_else(|| self.next_of_source())
    }

    /// Whether the board has answered what a pause was for, so that the pause need not be waited for any longer.
    /// Returns true only once.
    pub fn pause_is_over(&mut self) -> bool {
        std::mem::take(&mut self.pause_over)
    }

    /// What is under way.
    pub fn stage(&self) -> Stage {
        self.state.stage()
    }

    /// Whether the board has raw-paste mode, once an execution has found out.
    pub fn has_raw_paste(&self) -> Option<bool> {
        self.raw_paste
    }

    /// Forgets whether the board has raw-paste mode, so that the next execution that can finds out.
    pub fn ask_again_for_raw_paste(&mut self) {
        self.raw_paste = None;
    }

    fn take_output(&mut self) -> Option<Event> {
        (!self.output.is_empty()).then(|| Event::Output(std::mem::take(&mut self.output)))
    }

    fn emit(&mut self, event: Event) {
        if let Some(output) = self.take_output() {
            self.events.push_back(output);
        }
        self.events.push_back(event);
    }

    fn write(&mut self, bytes: &[u8]) {
        self.writes.push_back(Write {
            bytes: bytes.to_vec(),
            pause: None,
        });
    }
}
