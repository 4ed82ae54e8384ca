//! Notices when something on the board has read what the link sent: a body that waits for input may get a ping. The
//! agent's reports about the lines that it has received show that, and the caller is told.
//!
//! A reader takes the bytes that came first, while a bad line loses bytes anywhere: if more than one byte is missing
//! at the front and nothing else is, it was a reader. A single missing byte proves nothing, unless the code that ran
//! had waited for it and the line has lost nothing before. Where each ping is typed as a source, the loss of its last
//! byte loses all of it, so one missing ping counts like one missing byte. How much of a ping's beginning is missing
//! is shown by marks that the prompt answers one by one.

use std::time::Duration;

use tokio::time::Instant;

use super::Answer;
use super::calls::Sink;
use super::conversation::Conversation;
use crate::agent::{Flavour, Number, Pong};
use crate::error::{Error, ErrorKind, MAY_READ, Phase, Result};

/// How many pings are remembered at most. No board's input buffer has room for so many.
const PINGS: usize = 16;
/// How soon code that waits for a byte ends once the byte has come; and once a source has, which is compiled first.
const AT_ONCE: Duration = Duration::from_millis(20);
const AT_ONCE_TYPED: Duration = Duration::from_millis(50);
/// How many bytes are remembered of what the agent has discarded. It reports 64 bytes each time.
const MOST_ODD: usize = 1024;
/// How often in a row a request and the pings behind it must be read by something else before the caller is told.
const ROBBERIES: u32 = 3;

/// The lines that were sent to be read once the board has ended what it runs, and what is known about their fate.
#[derive(Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is about something else that has happened"
)]
pub(super) struct Watch {
    /// The pings, from the oldest one that may be unread.
    pings: Vec<Ping>,
    /// The token of the last ping whose answer has come.
    last: u32,
    /// Whether an answer has been lost since it was last known what the board has received.
    out_of_order: bool,
    /// What the agent has discarded since then, as far as its answers report it.
    odd: Vec<u8>,
    /// The answers of the board since the first of the pings, which are held back.
    answers: Vec<(Sink, Result<Answer>)>,
    /// Until when they are held back.
    until: Option<Instant>,
    /// How many bytes of the pings are missing, or how many pings where they are typed, if they are missing at the
    /// front.
    stolen: usize,
    /// How many bytes, at least, are missing at the beginning of a ping that was typed.
    beheaded: usize,
    /// Whether `beheaded` does not count if the board answers.
    denied: bool,
    /// Whether the board ended what it ran just when one of the pings had come.
    at_once: bool,
    /// Whether there was no other ping.
    alone: bool,
    /// How often lines have been read by something else since the board last answered a request.
    robberies: u32,
    /// Whether lines have been read by something else, and no caller has been told yet.
    untold: bool,
    /// Whether the line has ever changed bytes that no reader can have taken: then it may also lose a single byte.
    noisy: bool,
    /// Whether a Ctrl-C has been sent since: on some boards that discards unread input.
    interrupted: bool,
}

/// A ping that was sent to be read later.
#[derive(Debug)]
struct Ping {
    token: u32,
    line: Vec<u8>,
    sent: Instant,
    /// How many bytes had been queued for the port, ever, including this ping.
    ends: usize,
}

/// How many bytes of these lines are missing, if they are missing at the front and `odd`, which was discarded, is the
/// rest.
fn stolen<'a>(odd: &[u8], lines: impl Iterator<Item = &'a [u8]>) -> usize {
    let mut sent = Vec::new();
    for line in lines {
        sent.extend_from_slice(line);
        if sent.len() > odd.len() && sent.ends_with(odd) {
            return sent.len() - odd.len();
        }
    }
    0
}

impl Watch {
    /// Until when answers are held back, if any are.
    pub(super) fn until(&self) -> Option<Instant> {
        self.until
    }

    /// Whether lines have been read by something else, and no caller has been told yet.
    pub(super) fn is_untold(&self) -> bool {
        self.untold
    }

    /// Forgets the pings: they have reached a prompt, or may have been lost there.
    pub(super) fn forget_pings(&mut self) {
        self.pings.clear();
        self.forget_missing();
    }

    /// Forgets the missing bytes: they belong to pings that are not awaited any more.
    fn forget_missing(&mut self) {
        self.stolen = 0;
        self.beheaded = 0;
        self.denied = false;
    }

    /// Nothing that was queued behind this position has left.
    pub(super) fn dropped(&mut self, from: usize) {
        self.pings.retain(|ping| ping.ends <= from);
    }

    /// A Ctrl-C is sent.
    pub(super) fn interrupted(&mut self) {
        self.interrupted = true;
    }

    /// A call has ended by a Ctrl-C that the host did not send, or by an exception that looks like it. It can cost
    /// only those lines for the agent that were sent before: pings, or others if there are `more`.
    pub(super) fn cut(&mut self, more: bool) {
        self.interrupted |= more || !self.pings.is_empty();
    }

    /// At least so many bytes are missing at the beginning of a ping. If all pings that were sent behind a body have
    /// been answered, it is none of those.
    pub(super) fn beheaded(&mut self, missing: usize) {
        if !self.pings.is_empty() {
            self.beheaded = self.beheaded.max(missing);
        }
    }

    /// A banner has come while a source seemed to run. If the board answers after that, the banner was a ping's own,
    /// and what looked like the acceptance of a source was printed by a thread.
    pub(super) fn banner(&mut self) {
        self.denied |= self.beheaded > 0;
    }

    /// A typed source has ended in an exception. If its beginning is not missing, the line may have turned one of its
    /// bytes into a Ctrl-C. Missing bytes are no proof, either, where a Ctrl-C discards the input before it.
    pub(super) fn broken(&mut self, flushed: bool) {
        self.interrupted |= flushed || self.beheaded == 0;
    }

    /// The agent has answered a ping, perhaps an old one. `itself`: it has read the ping's line itself, not as a
    /// source.
    pub(super) fn pong(&mut self, got: &Pong, itself: bool) {
        if got.token != self.last {
            // What exceeds the limit is lost.
            self.out_of_order |= got.before != self.last || self.odd.len() > MOST_ODD;
            let odd = got.odd.len().min(MOST_ODD);
            self.odd.extend_from_slice(&got.odd[..odd]);
            self.last = got.token;
        }
        let unseen = |ping: &&Ping| got.before < ping.token && ping.token < got.token;
        let pings = self.pings.iter().filter(unseen);
        let missing = match itself {
            true => stolen(&got.odd, pings.map(|ping| &ping.line[..])),
            false if got.odd.is_empty() => pings.count(),
            false => 0,
        };
        self.stolen = self.stolen.max(missing);
        self.pings.retain(|ping| ping.token > got.token);
    }
}

impl Conversation {
    /// Remembers a ping that is about to be sent, unless it is behind a Ctrl-C, which may discard it.
    pub(super) fn watch_ping(&mut self, token: u32, line: &[u8]) {
        if self.watch.pings.is_empty() && self.watch.answers.is_empty() {
            self.watch.forget_missing();
        }
        let pings = &mut self.watch.pings;
        // The agent for small boards does not report what it received. What a bad line does to its sources cannot be
        // told well enough from what a reader does.
        let tells = self.flavour != Flavour::Small;
        if !self.liveness.is_interrupting() && tells && pings.len() < PINGS {
            pings.push(Ping {
                token,
                line: line.to_vec(),
                sent: self.now,
                ends: self.line.queued().wrapping_add(line.len()),
            });
        }
    }

    /// Hands over an answer, once it is known what became of the lines that were sent meanwhile.
    pub(super) fn hand_over(&mut self, sink: Sink, result: Result<Answer>) {
        self.watch.robberies = 0;
        if std::mem::take(&mut self.watch.untold) && !matches!(sink, Sink::Nobody) {
            return self.answer(sink, Err(taken()));
        }
        let counts = matches!(sink, Sink::Reply(_));
        if counts && self.liveness.is_asking() && !self.watch.pings.is_empty() {
            let until = self.now + self.options.deadlines.resync;
            self.watch.until.get_or_insert(until);
            if self.watch.answers.is_empty() {
                let at_once = if self.flavour.stays() {
                    AT_ONCE
                } else {
                    AT_ONCE_TYPED
                };
                let waited_for = |ping: &Ping| self.now < ping.sent + at_once;
                self.watch.alone = self.watch.pings.len() == 1;
                self.watch.at_once = match self.watch.pings.as_slice() {
                    [ping] => waited_for(ping),
                    // Code that waits for the end of a line gets it with the next ping.
                    [.., ping] => !self.flavour.stays() && waited_for(ping),
                    [] => false,
                };
            }
            self.watch.answers.push((sink, result));
            if self.calls.none_flies() && !self.liveness.is_interrupting() {
                // The board has ended what it ran, so it reads its input now.
                self.liveness.expect_pong(self.now);
            }
        } else {
            self.answer(sink, result);
        }
    }

    /// Hands over the answers that were held back.
    pub(super) fn release_answers(&mut self) {
        self.watch.until = None;
        // If a body has left only the end of a ping, the prompt takes that for a soft reset, and nothing answers the
        // ping.
        if std::mem::take(&mut self.watch.beheaded) > 1
            && !self.watch.interrupted
            && let Some((_, result)) = self.watch.answers.first_mut()
        {
            *result = Err(taken());
        }
        for (sink, result) in std::mem::take(&mut self.watch.answers) {
            self.answer(sink, result);
        }
    }

    /// The agent has answered the last ping, and expects this number next. Returns whether something else has read
    /// from the line.
    pub(super) fn judge(&mut self, expected: Number) -> bool {
        // If an answer was lost, its report about discarded bytes is lost, too.
        let odd = std::mem::take(&mut self.watch.odd);
        let all = !std::mem::take(&mut self.watch.out_of_order);
        let of_requests = all && stolen(&odd, self.calls.lines_behind(expected)) > 1;
        let at_once = std::mem::take(&mut self.watch.at_once) && !self.watch.noisy;
        if std::mem::take(&mut self.watch.denied) {
            self.watch.beheaded = 0;
        }
        let of_pings = match std::mem::take(&mut self.watch.stolen) {
            0 => false,
            1 => at_once,
            _ => true,
        } || match std::mem::take(&mut self.watch.beheaded) {
            0 => false,
            1 => at_once && self.watch.alone,
            _ => true,
        };
        let interrupted = std::mem::take(&mut self.watch.interrupted);
        let robbed = (of_pings || of_requests) && !(interrupted && self.liveness.unread.is_flushed());
        self.watch.noisy |= !(robbed || interrupted || odd.is_empty());
        if robbed {
            match self.watch.answers.first_mut() {
                Some((_, result)) if interrupted => advise(result),
                Some((_, result)) => *result = Err(taken()),
                None if interrupted => {}
                None if of_requests || self.calls.none_flies() => self.watch.untold = true,
                // A line that was interrupted for a while loses as much, but only once.
                None => {
                    self.watch.robberies += 1;
                    self.watch.untold = self.watch.robberies >= ROBBERIES;
                }
            }
        }
        self.release_answers();
        robbed
    }
}

/// A call that did not end by itself may have waited for input: its error gets a hint that says so.
fn advise(result: &mut Result<Answer>) {
    if let Err(error) = result
        && matches!(error.kind(), ErrorKind::Timeout { .. })
    {
        let error = std::mem::replace(error, ErrorKind::Interrupted.into());
        *result = Err(error.with_hint(MAY_READ));
    }
}

/// The error of a body that has read, as its input, what was sent to the board.
fn taken() -> Error {
    Error::from(ErrorKind::LineRead).in_phase(Phase::Execute)
}
