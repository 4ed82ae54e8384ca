//! The half of the machine that writes: how operations begin, how source code is cut up, how Ctrl-C is sent.

use std::time::Duration;

use super::super::scan::{Matcher, Scanner};
use super::super::signs::{AT_PROMPT, PROMPT, RAW_BANNER};
use super::state::{Claim, State};
use super::{Abort, Event, Execution, Insistence, Mode, RawRepl, Stage, StartError, Write};

const CTRL_A: u8 = 0x01;
const CTRL_B: u8 = 0x02;
const CTRL_C: u8 = 0x03;
const CTRL_D: u8 = 0x04;

/// Asks for the raw REPL.
const ENTER: &[u8] = &[b'\r', CTRL_A];
/// What the raw REPL says when it has taken a source.
pub(super) const OK: &[u8] = b"OK";
/// Asks for raw-paste mode.
const RAW_PASTE_REQUEST: &[u8] = b"\x05A\x01";
/// The answers to it: granted, declined, and the banner of a board that does not know the request.
const REQUEST_ANSWERS: &[&[u8]] = &[b"R\x01", b"R\x00", RAW_BANNER];

impl RawRepl {
    pub(super) fn begin_entry(&mut self, insistence: Insistence) {
        self.type_way_in(insistence);
        self.state = State::entering();
    }

    /// The last byte, `\x04`, resets the board at the raw prompt, where `main.py` is skipped, and at the friendly
    /// one.
    pub(super) fn begin_restart(&mut self, insistence: Insistence) {
        self.type_way_in(insistence);
        self.write(&[CTRL_D]);
        self.state = State::restarting(false);
    }

    /// Types what brings a board to its raw prompt. `\r` ends whatever line the board is reading, and is also the key
    /// that `CircuitPython` swallows after its program. The first Ctrl-C stops a program, and the second one stops
    /// what the program does about the first. The pauses are for boards that discard what comes while they handle a
    /// Ctrl-C; one that answers from its prompt has handled it, and there is nothing to stop.
    fn type_way_in(&mut self, insistence: Insistence) {
        self.state.give_up(&mut self.output);
        self.writes.clear();
        self.pause_over = false;
        self.at_prompt = Matcher::new(AT_PROMPT);
        let line = Write {
            bytes: vec![b'\r', CTRL_C],
            pause: Some(self.options.pacing.pause),
        };
        let more = Write {
            bytes: vec![CTRL_C],
            pause: Some(insistence.pace()),
        };
        self.writes.push_back(line.clone());
        let more = std::iter::repeat_n(more, insistence.times() - 1);
        self.writes.extend(more);
        self.writes.push_back(line);
        self.write(ENTER);
    }

    /// A pause took so much longer than it should. Leaves out those of the successive Ctrl-Cs that were due
    /// meanwhile.
    pub fn pause_was_late(&mut self, late: Duration) {
        for _ in 1..Insistence::Flood.due(late) {
            let is_one_of_many =
                |write: &Write| write.bytes == [CTRL_C] && write.pause == Some(Insistence::Flood.pace());
            if !self.writes.front().is_some_and(is_one_of_many) {
                return;
            }
            self.writes.pop_front();
        }
    }

    /// While the raw REPL is being entered: shortens the rest once a board answers from its prompt.
    pub(super) fn hasten_entry(&mut self, byte: u8) {
        if self.at_prompt.feed(byte) && !self.writes.is_empty() {
            self.writes.clear();
            self.write(ENTER);
            self.pause_over = true;
        }
    }

    /// After the banner: has the board print text that only this entry can have asked for. The board joins its two
    /// parts, so that an echo of the source is not taken for the answer. A program may have redefined `print`, but
    /// there may be no memory for more than a plain `print`.
    pub(super) fn probe(&mut self, own_print: bool, banner: Option<Matcher>) -> State {
        self.marks = self.marks.wrapping_add(1);
        let (stem, mark) = (self.mark_stem(), self.marks);
        let text = format!("'{stem}'+'-{mark}'");
        let source = if own_print {
            format!("from builtins import print as _belay_p;_belay_p({text});del _belay_p\x04")
        } else {
            format!("print({text})\x04")
        };
        self.write(source.as_bytes());
        let mark = format!("{stem}-{mark}").into_bytes();
        State::Probing {
            scanner: Scanner::new(&[&mark, OK]),
            mark: Some(mark),
            claim: Claim::default(),
            own_print,
            banner,
        }
    }

    pub(super) fn begin_exit(&mut self) {
        self.state.give_up(&mut self.output);
        self.write(&[b'\r', CTRL_B]);
        self.state = State::Exiting(Scanner::new(&[PROMPT]));
    }

    pub(super) fn begin_soft_reset(&mut self) {
        self.state.give_up(&mut self.output);
        self.write(&[CTRL_D]);
        self.state = State::restarting(true);
    }

    pub(super) fn begin_execution(&mut self, execution: Execution) -> Result<(), StartError> {
        let obeyed = |byte: &u8| (*byte < b' ' && !b"\t\n\r".contains(byte)) || *byte == 0x7f;
        if let Some(at) = execution.source.iter().position(obeyed) {
            let byte = execution.source[at];
            return Err(StartError::ControlCharacter { byte, at });
        }
        let plain = execution.mode == Mode::Plain || self.raw_paste == Some(false);
        if plain {
            if execution.mode == Mode::RawPaste {
                return Err(StartError::NoRawPaste);
            }
            let (length, limit) = (execution.source.len(), self.options.plain_limit);
            if length > limit {
                return Err(StartError::TooLong { length, limit });
            }
            self.state = State::sending_plain(execution);
        } else {
            self.write(RAW_PASTE_REQUEST);
            self.state = State::Requesting {
                execution,
                scanner: Scanner::new(REQUEST_ANSWERS),
                interrupted: false,
                restarted: false,
            };
        }
        Ok(())
    }

    /// The next piece of source code that the board can take.
    pub(super) fn next_of_source(&mut self) -> Option<Write> {
        match &mut self.state {
            State::Pasting(paste) => paste.next().map(|bytes| Write { bytes, pause: None }),
            State::SendingPlain { source, sent, framed } => {
                let pacing = self.options.pacing;
                let end = source.len().min(sent.saturating_add(pacing.bytes.max(1)));
                let mut bytes = source[*sent..end].to_vec();
                *sent = end;
                let mut pause = Some(pacing.pause);
                if end == source.len() {
                    bytes.push(CTRL_D);
                    pause = None;
                    self.state = State::Acknowledging {
                        scanner: Scanner::new(&[b"OK"]),
                        framed: *framed,
                    };
                }
                Some(Write { bytes, pause })
            }
            _ => None,
        }
    }

    pub(super) fn send_interrupt(&mut self) -> bool {
        if matches!(self.stage(), Stage::Entering | Stage::Exiting | Stage::Restarting) {
            return false;
        }
        match &mut self.state {
            // If the board goes into raw-paste mode, the Ctrl-C will end the paste by itself.
            State::Requesting { interrupted, .. }
            | State::Declined { interrupted, .. }
            | State::Header { interrupted, .. } => *interrupted = true,
            State::Pasting(paste) => paste.ended = true,
            State::SendingPlain { .. } => {
                self.state = State::Idle;
                self.emit(Event::Aborted(Abort::Interrupted));
            }
            _ => {}
        }
        self.write(&[CTRL_C]);
        true
    }
}
