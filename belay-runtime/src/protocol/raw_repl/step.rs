//! The half of the machine that reads: what each received byte means in each state.

use super::super::scan::{Matcher, Scanner};
use super::super::signs::{RAW_BANNER, Sign};
use super::state::{Claim, Found, Paste, Restart, State, Tail};
use super::writes::OK;
use super::{Abort, Event, Execution, Mode, RawRepl, Refusal};

const CREDIT: u8 = 0x01;
const END: u8 = 0x04;
const PROMPT: u8 = b'>';

/// A window of this size or more is believed only if the grant of a second one follows at once: two characters that a
/// thread printed would make such a number.
const LARGE_WINDOW: usize = 0x0800;

impl RawRepl {
    /// Whether the output so far must be handed out before this byte is looked at: its owner may find the reply frame
    /// in it, which changes what the byte means.
    pub(super) fn settles_output(&self, byte: u8) -> bool {
        byte == END && matches!(self.state, State::Running { claim: Some(_) })
    }

    pub(super) fn step(&mut self, byte: u8) {
        let sign = self.signs.feed(byte).filter(|sign| !self.state.explains(sign));
        // The state is taken out, so that what it holds can move into the next one.
        let state = std::mem::replace(&mut self.state, State::Unknown);
        self.state = match state {
            State::Entering(scanner) => self.entering(byte, scanner),
            State::Greeted { loosely } if byte == PROMPT => {
                let banner = loosely.then(|| Matcher::new(RAW_BANNER));
                self.probe(false, banner)
            }
            State::Greeted { .. } => {
                self.output.push(byte);
                State::Greeted { loosely: true }
            }
            State::Probing {
                scanner,
                mark,
                claim,
                own_print,
                banner,
            } => self.probing(byte, scanner, mark, claim, own_print, banner),
            State::Probed { ends } => self.probed(byte, ends),
            // The REPL is being left: what the board prints until its prompt is its own banner.
            State::Exiting(mut scanner) => match scanner.feed(byte, &mut Vec::new()) {
                Some(_) => self.reach(State::Friendly, Event::Exited),
                None => State::Exiting(scanner),
            },
            State::Requesting {
                execution,
                scanner,
                interrupted,
                restarted,
            } => {
                let restarted = restarted || matches!(sign, Some(Sign::SoftReboot(_)));
                self.requesting(byte, execution, scanner, interrupted, restarted)
            }
            State::Declined {
                execution,
                interrupted,
            } if byte == PROMPT => self.refused(execution, Refusal::Declined, interrupted),
            State::Header {
                execution,
                interrupted,
                seen,
            } => self.header(byte, execution, interrupted, seen),
            State::Pasting(paste) => self.pasting(byte, paste),
            State::Acknowledging { mut scanner, framed } => match scanner.feed(byte, &mut self.output) {
                Some(_) => self.reach(State::running(framed), Event::Started),
                None => State::Acknowledging { scanner, framed },
            },
            State::Running { claim: Some(claim) } => self.claiming(byte, claim),
            State::Running { claim: None } | State::CutShort if byte == END => {
                State::Traceback(Tail::new(self.options.traceback_limit))
            }
            State::Traceback(traceback) if byte == END => State::Prompting(traceback),
            State::Traceback(mut traceback) => {
                traceback.push(byte);
                State::Traceback(traceback)
            }
            State::Prompting(traceback) => self.prompting(byte, traceback, sign.as_ref()),
            State::Restarting(restart) => self.restarting(byte, restart, sign.as_ref()),
            State::Restarted if byte == PROMPT => self.reach(State::Idle, Event::Restarted { raw: true }),
            State::Serving(serving) => self.serving(byte, serving),
            state => {
                self.output.push(byte);
                state
            }
        };
        if let Some(sign) = sign {
            self.emit(Event::Sign(sign));
        }
    }

    fn reach(&mut self, state: State, event: Event) -> State {
        self.emit(event);
        state
    }

    fn entering(&mut self, byte: u8, mut scanner: Scanner) -> State {
        self.hasten_entry(byte);
        match scanner.feed(byte, &mut self.output) {
            None => State::Entering(scanner),
            Some(0 | 3) => State::Greeted { loosely: false },
            Some(_) => State::entering_from_prompt(),
        }
    }

    fn probing(
        &mut self,
        byte: u8,
        mut scanner: Scanner,
        mut mark: Option<Vec<u8>>,
        mut claim: Claim,
        own_print: bool,
        mut banner: Option<Matcher>,
    ) -> State {
        match (scanner.feed(byte, &mut self.output), mark.take()) {
            (None, still) => mark = still,
            // This `OK` may belong to an earlier source, and then another one comes.
            (Some(1), Some(mark)) => scanner = Scanner::new(&[&[OK, &mark].concat(), &mark]),
            (Some(_), _) => return State::Probed { ends: 0 },
        }
        // A program may have printed the first banner, and then the question for the mark was lost.
        if banner.as_mut().is_some_and(|banner| banner.feed(byte)) {
            scanner.give_up(&mut self.output);
            return self.probe(false, None);
        }
        if let Some(traceback) = claim.feed(byte, self.options.traceback_limit)
            && !traceback.is_empty()
        {
            if !own_print && !super::is_out_of_memory(&traceback) {
                scanner.give_up(&mut self.output);
                return self.probe(true, None);
            }
            self.emit(Event::Unable { traceback });
        }
        State::Probing {
            scanner,
            mark,
            claim,
            own_print,
            banner,
        }
    }

    /// The mark is followed by the end of its line, then by both end bytes and the prompt.
    fn probed(&mut self, byte: u8, mut ends: u8) -> State {
        match byte {
            END => ends = ends.saturating_add(1),
            PROMPT if ends >= 2 => return self.reach(State::Idle, Event::Entered),
            b'\r' | b'\n' if ends == 0 => {}
            _ => self.output.push(byte),
        }
        State::Probed { ends }
    }

    fn restarting(&mut self, byte: u8, mut restart: Restart, sign: Option<&Sign>) -> State {
        restart.expected |= matches!(sign, Some(Sign::SoftReboot(_)));
        if restart.prompt_owed && byte == PROMPT {
            restart.prompt_owed = false;
            return State::Restarting(restart);
        }
        let Some(found) = restart.scanner.feed(byte, &mut self.output) else {
            return State::Restarting(restart);
        };
        let expected = restart.expected;
        match Found::of(found) {
            Found::Banner if expected => State::Restarted,
            Found::Prompt if expected => self.reach(State::Friendly, Event::Restarted { raw: false }),
            // These appear on the way to the reset. Only the raw REPL's banner is known to be the last of them.
            Found::Banner => State::Restarting(Restart::at_raw_prompt()),
            Found::Prompt => State::restarting(false),
            Found::Announced => State::restarting_now(),
            Found::Taken => State::Restarting(Restart::taken()),
        }
    }

    fn requesting(
        &mut self,
        byte: u8,
        execution: Execution,
        mut scanner: Scanner,
        interrupted: bool,
        restarted: bool,
    ) -> State {
        match scanner.feed(byte, &mut self.output) {
            None => State::Requesting {
                execution,
                scanner,
                interrupted,
                restarted,
            },
            Some(0) => {
                self.raw_paste = Some(true);
                State::Header {
                    execution,
                    interrupted,
                    seen: Vec::new(),
                }
            }
            Some(1) => State::Declined {
                execution,
                interrupted,
            },
            // This banner ends a restart. The request is lost, or may still be answered.
            Some(_) if restarted => self.reach(State::Unknown, Event::Aborted(Abort::Restarted)),
            Some(_) => self.refused(execution, Refusal::Unknown, interrupted),
        }
    }

    /// The board is at its prompt again, without raw-paste mode.
    fn refused(&mut self, execution: Execution, refusal: Refusal, interrupted: bool) -> State {
        self.raw_paste.get_or_insert(false);
        self.emit(Event::Refused(refusal));
        let abort = if interrupted {
            Abort::Interrupted
        } else if execution.mode == Mode::RawPaste {
            Abort::NoRawPaste
        } else if execution.source.len() > self.options.plain_limit {
            Abort::TooLong
        } else {
            return State::sending_plain(execution);
        };
        self.reach(State::Idle, Event::Aborted(abort))
    }

    /// The window's size, least significant byte first, usually followed by the grant of a second window. What a
    /// thread printed before it is output.
    fn header(&mut self, byte: u8, execution: Execution, interrupted: bool, mut seen: Vec<u8>) -> State {
        seen.push(byte);
        while let [low, high, rest @ ..] = seen.as_slice() {
            let window = usize::from(u16::from_le_bytes([*low, *high]));
            let credit = match rest {
                _ if window == 0 => None,
                [] if window < LARGE_WINDOW => Some(window),
                [] => break,
                [CREDIT, ..] => Some(2 * window),
                _ => None,
            };
            if let Some(credit) = credit {
                return State::Pasting(Paste::new(execution, window, credit, interrupted));
            }
            self.output.push(seen.remove(0));
        }
        State::Header {
            execution,
            interrupted,
            seen,
        }
    }

    fn pasting(&mut self, byte: u8, mut paste: Paste) -> State {
        match byte {
            CREDIT => paste.credit = paste.credit.saturating_add(paste.window),
            END if paste.whole => return self.reach(State::running(paste.framed), Event::Started),
            END => {
                // The board discards input up to one `\x04`. A second one would arrive at an empty prompt, and reset
                // the board; after a Ctrl-C, so would the first.
                if !paste.ended {
                    self.write(&[END]);
                }
                return self.reach(State::CutShort, Event::CutShort);
            }
            _ => self.output.push(byte),
        }
        State::Pasting(paste)
    }

    /// Everything is output. What looks like the end is only reported as a claim.
    fn claiming(&mut self, byte: u8, mut claim: Claim) -> State {
        self.output.push(byte);
        if let Some(traceback) = claim.feed(byte, self.options.traceback_limit) {
            self.emit(Event::EndClaimed { traceback });
        }
        State::Running { claim: Some(claim) }
    }

    fn prompting(&mut self, byte: u8, traceback: Tail, sign: Option<&Sign>) -> State {
        if byte == PROMPT {
            let truncated = traceback.is_truncated();
            let traceback = traceback.into_bytes();
            return self.reach(State::Idle, Event::Done { traceback, truncated });
        }
        self.output.push(byte);
        if matches!(sign, Some(Sign::SoftReboot(_))) {
            return self.reach(State::restarting_now(), Event::SystemExit);
        }
        State::Prompting(traceback)
    }
}
