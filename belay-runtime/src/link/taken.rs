//! What runs on the board may read what the link sends: a body that waits for input gets a ping. That is noticed by
//! what the agent says of the lines that it has got, and told.
//!
//! A reader takes what came first, and a bad line loses any byte: where more than one is missing at the front, and
//! nothing else, it was a reader. Of one byte nobody can tell, unless what ran had waited for it and the line has done
//! nothing of the kind before. Where each ping is typed as a source, its last byte is worth all of it; what is missing of
//! its beginning the prompt says, by marks that it answers one by one.

use std::time::Duration;

use tokio::time::Instant;

use super::Answer;
use super::calls::Sink;
use super::conversation::Conversation;
use crate::agent::{Flavour, Number, Pong};
use crate::error::{Error, ErrorKind, MAY_READ, Phase, Result};

/// How many pings are remembered at most. There is not room for so many on a board.
const PINGS: usize = 16;
/// Within what time what waits for a byte ends once that has come, and what waits for a source that is compiled first.
const AT_ONCE: Duration = Duration::from_millis(20);
const AT_ONCE_TYPED: Duration = Duration::from_millis(50);
/// How much is remembered of what the agent has thrown away. It says 64 bytes each time.
const MOST_ODD: usize = 1024;
/// How often in a row a request and pings behind it are read by somebody else before that is told.
const ROBBERIES: u32 = 3;

/// What was sent to be read once the board has ended what it runs.
#[derive(Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is about something else that has happened"
)]
pub(super) struct Watch {
    /// The pings, from the oldest that may not have been read.
    pings: Vec<Ping>,
    /// The last one whose answer has come.
    last: u32,
    /// Whether an answer was lost since it was last known what the board has got.
    out_of_order: bool,
    /// What the agent has thrown away since then, as far as the answers say.
    odd: Vec<u8>,
    /// What the board has answered since the first of them.
    answers: Vec<(Sink, Result<Answer>)>,
    /// Until when those are held back.
    until: Option<Instant>,
    /// How many bytes of the pings are missing, or how many pings where they are typed, if all of these came first.
    stolen: usize,
    /// How many bytes are missing at least of the beginning of one that is typed.
    beheaded: usize,
    /// Whether that is no more true if the board answers.
    denied: bool,
    /// Whether the board ended what it ran just when one of them had come.
    at_once: bool,
    /// Whether there was no other one.
    alone: bool,
    /// How often that was so since the board last answered a request.
    robberies: u32,
    /// Whether something was read of which nobody was told yet.
    untold: bool,
    /// Whether the line has ever changed what nobody can have read: then it has lost a single byte, too.
    noisy: bool,
    /// Whether a Ctrl-C has come since: on some boards it costs what was not read.
    interrupted: bool,
}

/// A ping that was sent to be read later.
#[derive(Debug)]
struct Ping {
    token: u32,
    line: Vec<u8>,
    sent: Instant,
    /// How much had been queued for the port, ever, when it had.
    ends: usize,
}

/// How many bytes of these lines are missing, if they came first and all that followed is what was thrown away.
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

    /// Whether something was read of which nobody was told yet.
    pub(super) fn is_untold(&self) -> bool {
        self.untold
    }

    /// What was sent has got to a prompt, or may have been lost there.
    pub(super) fn forget_pings(&mut self) {
        self.pings.clear();
        self.forget_missing();
    }

    /// What is missing is missing of pings that are not waited for.
    fn forget_missing(&mut self) {
        self.stolen = 0;
        self.beheaded = 0;
        self.denied = false;
    }

    /// Nothing has left of what was queued behind so much.
    pub(super) fn dropped(&mut self, from: usize) {
        self.pings.retain(|ping| ping.ends <= from);
    }

    /// A Ctrl-C is sent.
    pub(super) fn interrupted(&mut self) {
        self.interrupted = true;
    }

    /// A call has ended by a Ctrl-C of which nothing is known here, or by an exception like that: of the agent's lines only what
    /// was sent by then, as pings or as more, can be lost by it.
    pub(super) fn cut(&mut self, more: bool) {
        self.interrupted |= more || !self.pings.is_empty();
    }

    /// So many bytes are missing at least of the beginning of a ping. It is of none that was sent behind a body if all of
    /// those have been answered.
    pub(super) fn beheaded(&mut self, missing: usize) {
        if !self.pings.is_empty() {
            self.beheaded = self.beheaded.max(missing);
        }
    }

    /// A banner has come while a source seemed to run. If the board goes on to answer, a ping's own: what was before it was
    /// said by a thread.
    pub(super) fn banner(&mut self) {
        self.denied |= self.beheaded > 0;
    }

    /// What was typed has ended in an exception. Unless its beginning is missing, the line may have made a Ctrl-C of a byte of
    /// it; and that is no proof where what came before a Ctrl-C is flushed.
    pub(super) fn broken(&mut self, flushed: bool) {
        self.interrupted |= flushed || self.beheaded == 0;
    }

    /// The agent has answered a ping, be it an old one, which it has read itself or as a source.
    pub(super) fn pong(&mut self, got: &Pong, itself: bool) {
        if got.token != self.last {
            // What is not kept is lost.
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
    /// A ping is about to be sent. Behind a Ctrl-C it may be lost by that.
    pub(super) fn watch_ping(&mut self, token: u32, line: &[u8]) {
        if self.watch.pings.is_empty() && self.watch.answers.is_empty() {
            self.watch.forget_missing();
        }
        let pings = &mut self.watch.pings;
        // The agent for small boards does not say what it got: of what a bad line does to its sources too little can be
        // told from a reader.
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

    /// Hands over an answer, once it is known what became of what was sent to the board meanwhile.
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
                    // What waits for the end of a line has got that with the next one.
                    [.., ping] => !self.flavour.stays() && waited_for(ping),
                    [] => false,
                };
            }
            self.watch.answers.push((sink, result));
            if self.calls.none_flies() && !self.liveness.is_interrupting() {
                // The board has ended what it ran, so it reads what there is.
                self.liveness.expect_pong(self.now);
            }
        } else {
            self.answer(sink, result);
        }
    }

    /// Hands over what was held back.
    pub(super) fn release_answers(&mut self) {
        self.watch.until = None;
        // The end of a ping of which a body has left no more has the prompt reset the board, and nothing answers.
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

    /// The agent has answered the last ping: it expects this number. Says whether something else has read from the line.
    pub(super) fn judge(&mut self, expected: Number) -> bool {
        // With an answer that was lost goes what it said of odd characters.
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
                // A line that was interrupted for a while loses as much, once.
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

/// What has not come to its end may have waited for input.
fn advise(result: &mut Result<Answer>) {
    if let Err(error) = result
        && matches!(error.kind(), ErrorKind::Timeout { .. })
    {
        let error = std::mem::replace(error, ErrorKind::Interrupted.into());
        *result = Err(error.with_hint(MAY_READ));
    }
}

/// The body has had what was sent to the board as its input.
fn taken() -> Error {
    Error::from(ErrorKind::LineRead).in_phase(Phase::Execute)
}
