//! Calls over the raw REPL: each line for the agent is an execution of its own.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::CallPath;
use super::ending::End;
use super::engine::Engine;
use crate::protocol::{Event, Execution, Mode, Operation, Sign, Stage};

/// How long the board may be silent while it should acknowledge or finish something.
const STALL: Duration = Duration::from_millis(500);

/// Where calls over the raw REPL stand.
#[derive(Debug, Default)]
pub(super) struct RawCalls {
    /// The lines that are to be handled next.
    pub(super) lines: VecDeque<Vec<u8>>,
    /// Whether the raw REPL has to be entered anew before anything else.
    pub(super) unsure: bool,
    /// Whether what it runs has answered.
    pub(super) answered: bool,
    /// Whether it was asked for its banner while it ran something.
    pub(super) probed: bool,
    /// When the raw REPL has taken too long for what it should do at once.
    pub(super) stall: Option<Instant>,
}

impl Engine {
    pub(super) fn is_raw(&self) -> bool {
        self.path == CallPath::RawRepl
    }

    /// Starts what comes next, if the board is at its prompt.
    pub(super) fn pump(&mut self) {
        if self.raw.unsure && self.wire.repl.stage() != Stage::Entering {
            self.enter_again();
        }
        if self.wire.repl.stage() == Stage::Idle
            && let Some(line) = self.raw.lines.pop_front()
        {
            let execution = Execution {
                source: source(&line),
                mode: Mode::Auto,
                framed: true,
            };
            // It is at the prompt and the source is plain text, so only its length can be refused; then the
            // deadline of the call tells.
            if let Err(error) = self.wire.repl.start(Operation::Execute(execution)) {
                tracing::warn!(%error, "a call could not be sent");
            }
            self.raw.stall = Some(Instant::now() + STALL);
            self.raw.answered = false;
        }
    }

    /// Where the line stands is not known: the raw REPL is entered anew.
    fn enter_again(&mut self) {
        self.raw.unsure = false;
        self.wire.drop_outgoing();
        self.raw.lines.clear();
        if self.wire.repl.start(Operation::Enter).is_ok() {
            self.raw.stall = Some(Instant::now() + 2 * STALL);
        }
    }

    pub(super) fn on_stall(&mut self) {
        self.raw.stall = Some(Instant::now() + STALL);
        match self.wire.repl.stage() {
            Stage::Idle if !self.flying.is_empty() && self.raw.lines.is_empty() => self.ping(),
            Stage::Idle => {}
            // The answer has come, and the prompt behind it is lost.
            Stage::Running => self.raw.unsure = self.raw.answered,
            _ => self.raw.unsure = true,
        }
    }

    pub(super) async fn on_raw_event(&mut self, event: Event) -> Result<(), End> {
        match event {
            Event::Sign(Sign::RawBanner) if self.probe.is_some() => self.ask_for_mark(),
            Event::EndClaimed { .. } if self.marked() => return self.come_back().await,
            Event::Done { traceback, .. } => self.ended(&traceback),
            // Either the answer was lost, or the board was reset before, or it is just output.
            Event::EndClaimed { .. } | Event::Sign(_) => self.suspect(),
            Event::Entered => {
                self.raw.stall = None;
                self.probe = None;
                self.ping();
            }
            Event::Aborted(_) | Event::CutShort => self.raw.unsure = true,
            _ => {}
        }
        Ok(())
    }

    /// An execution has ended. If there was no answer the board is asked what it knows.
    fn ended(&mut self, traceback: &[u8]) {
        self.raw.stall = (!self.flying.is_empty()).then(|| Instant::now() + STALL);
        // What it was asked meanwhile, in vain, is still in the line.
        if std::mem::take(&mut self.raw.probed) || !traceback.is_empty() {
            self.raw.unsure = true;
        }
    }

    pub(super) fn interrupt_raw(&mut self, again: bool) {
        self.raw.lines.clear();
        match self.wire.repl.stage() {
            Stage::Running | Stage::Compiling if !again => {
                self.wire.repl.interrupt();
            }
            Stage::Idle | Stage::Entering => {}
            _ => self.raw.unsure = true,
        }
    }
}

/// The source that has the agent handle a line.
fn source(line: &[u8]) -> Vec<u8> {
    let mut source = b"_belay['h']('".to_vec();
    for byte in line {
        match byte {
            b'\n' => source.extend(b"\\n"),
            b'\\' | b'\'' => source.extend([b'\\', *byte]),
            _ => source.push(*byte),
        }
    }
    source.extend(b"')\n");
    source
}
