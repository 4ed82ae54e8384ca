//! What runs on the board may read what the link sends: a body that waits for input gets a ping. That is noticed by
//! what the agent says of the lines that it has got, and told.

use tokio::time::Instant;

use super::Answer;
use super::calls::Sink;
use super::conversation::Conversation;
use crate::agent::{Number, Pong};
use crate::error::{Error, ErrorKind, MAY_READ, Phase, Result};

/// How many pings are remembered at most. There is not room for so many on a board.
const PINGS: usize = 16;
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
    pings: Vec<(u32, Vec<u8>)>,
    /// The last one whose answer has come.
    last: u32,
    /// Whether no answer was lost between that one and the one before.
    in_order: bool,
    /// What the board has answered since the first of them.
    answers: Vec<(Sink, Result<Answer>)>,
    /// Until when those are held back.
    until: Option<Instant>,
    /// Whether some of the pings were read by somebody else.
    robbed: bool,
    /// How often that was so since the board last answered a request.
    robberies: u32,
    /// Whether something was read of which nobody was told yet.
    untold: bool,
    /// Whether a Ctrl-C has come since: on some boards it costs what was not read.
    interrupted: bool,
}

/// Whether one of these lines has lost its beginning, or all of it, and nothing else: a reader takes what came first,
/// while a bad line damages any part.
fn was_robbed<'a>(got: &Pong, mut lines: impl Iterator<Item = &'a [u8]>) -> bool {
    lines.any(|line| line.len() > got.odd.len() && line.ends_with(&got.odd))
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
        self.robbed = false;
    }

    /// A Ctrl-C is sent.
    pub(super) fn interrupted(&mut self) {
        self.interrupted = true;
    }

    /// The agent has answered a ping, be it an old one.
    pub(super) fn pong(&mut self, got: &Pong) {
        if got.token != self.last {
            self.in_order = got.before == self.last;
            self.last = got.token;
        }
        let unseen = |ping: &&(u32, Vec<u8>)| got.before < ping.0 && ping.0 < got.token;
        let pings = self.pings.iter().filter(unseen);
        self.robbed |= was_robbed(got, pings.map(|(_, line)| &line[..]));
        self.pings.retain(|ping| ping.0 > got.token);
    }
}

impl Conversation {
    /// A ping is about to be sent. Behind a Ctrl-C it may be lost by that.
    pub(super) fn watch_ping(&mut self, token: u32, line: &[u8]) {
        let pings = &mut self.watch.pings;
        let tells = self.flavour.tells_what_it_got();
        if !self.liveness.is_interrupting() && tells && pings.len() < PINGS {
            pings.push((token, line.to_vec()));
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
        for (sink, result) in std::mem::take(&mut self.watch.answers) {
            self.answer(sink, result);
        }
    }

    /// The agent has answered the last ping: it expects this number. Says whether something else has read from the line.
    pub(super) fn judge(&mut self, got: &Pong, expected: Number) -> bool {
        // With an answer that was lost goes what it said of odd characters.
        let of_requests = self.watch.in_order && was_robbed(got, self.calls.lines_behind(expected));
        let of_pings = std::mem::take(&mut self.watch.robbed);
        let interrupted = std::mem::take(&mut self.watch.interrupted);
        let robbed = (of_pings || of_requests) && !(interrupted && self.liveness.unread.is_flushed());
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
