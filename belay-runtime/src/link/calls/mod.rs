//! The requests: those that wait, those that are on their way, and their numbers.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::Answer;
use super::asked::Told;
use super::incoming::Incoming;
use crate::agent::{Flavour, Lines, NUMBERS, Number, Request};
use crate::error::Result;

/// Longer bodies and lines than this go alone.
const LONG: usize = 64;

pub(super) type Reply = oneshot::Sender<Result<Answer>>;

/// Who waits for an answer.
#[derive(Debug)]
pub(super) enum Sink {
    Reply(Reply),
    /// The answer is the next items of this stream.
    Batch(u64),
    Nobody,
}

/// A request that was not sent yet.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) id: u64,
    pub(super) request: Request,
    pub(super) deadline: Duration,
    pub(super) sink: Sink,
    /// Whether what it prints belongs to its answer.
    pub(super) printed: bool,
    /// When it was queued.
    pub(super) since: Instant,
}

/// A request that was sent and is not answered.
#[derive(Debug)]
pub(super) struct Flying {
    pub(super) job: Job,
    pub(super) number: Number,
    /// What was sent, to send it again.
    line: Vec<u8>,
    /// Whether something ran when it was sent.
    behind: bool,
    /// What has come of its answer.
    pub(super) incoming: Incoming,
    /// When the board is interrupted (again) because nobody waits any more.
    pub(super) abandoned: Option<Instant>,
    /// Whether that is because its deadline passed.
    pub(super) timed_out: bool,
}

/// The requests.
#[derive(Debug)]
pub(super) struct Calls {
    flavour: Flavour,
    lines: Lines,
    queue: VecDeque<Job>,
    flying: VecDeque<Flying>,
    /// The number of the next request that is sent.
    next: Number,
    /// When the request at the head began to be the board's business, or gave its last sign of life.
    head_since: Instant,
}

/// A request that has just been given a number.
#[derive(Debug)]
pub(super) struct Launched {
    pub(super) number: Number,
    pub(super) line: Vec<u8>,
    /// Whether nothing was under way before it.
    pub(super) first: bool,
    /// Whether what it prints belongs to its answer.
    pub(super) printed: bool,
}

/// What was cancelled.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Cancelled {
    /// It has not been sent, and will not be.
    Queued,
    /// It is under way, alone or with others.
    Flying { alone: bool },
    /// There is none.
    Unknown,
}

/// What became of the requests before the one that the board expects.
#[derive(Debug, Default)]
pub(super) struct Arrived {
    /// They never got there.
    pub(super) lost: VecDeque<Flying>,
    /// The board has answered them, and nobody wants that.
    pub(super) unwanted: Vec<Flying>,
    /// How many of those that are still under way it has answered.
    pub(super) answered: usize,
}

impl Job {
    /// One that nobody has asked for by itself.
    pub(super) fn of_ours(request: Request, sink: Sink, deadline: Duration, now: Instant) -> Self {
        Self {
            id: 0,
            request,
            deadline,
            sink,
            printed: false,
            since: now,
        }
    }
}

impl Flying {
    /// Whether nobody waits for it any more.
    pub(super) fn is_unwanted(&self) -> bool {
        matches!(self.job.sink, Sink::Nobody)
    }

    fn is_batch_of(&self, stream: u64) -> bool {
        matches!(self.job.sink, Sink::Batch(of) if of == stream)
    }
}

impl Calls {
    pub(super) fn new(flavour: Flavour, lines: Lines, now: Instant) -> Self {
        Self {
            flavour,
            lines,
            queue: VecDeque::new(),
            flying: VecDeque::new(),
            next: Number::default(),
            head_since: now,
        }
    }

    /// Whether none is under way.
    pub(super) fn none_flies(&self) -> bool {
        self.flying.is_empty()
    }

    /// Whether any waits to be sent.
    pub(super) fn any_waits(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Queues one. Says whether the board had nothing to do before.
    pub(super) fn push(&mut self, job: Job) -> bool {
        self.queue.push_back(job);
        self.queue.len() == 1 && self.flying.is_empty()
    }

    /// Whether the board has been asked just this, or will be.
    pub(super) fn ask(&self, request: &Request) -> bool {
        let flying = self.flying.iter().map(|flying| &flying.job);
        flying.chain(&self.queue).any(|job| job.request == *request)
    }

    /// Queues one before all others.
    pub(super) fn push_first(&mut self, job: Job) {
        self.queue.push_front(job);
    }

    /// Gives the one that waits longest a number, if it may be sent: as one of how many, and if the board has room for a
    /// line of its length. It always has for one line alone where it has read everything.
    pub(super) fn launch(
        &mut self,
        window: usize,
        has_read_all: bool,
        has_room_for: impl FnOnce(usize) -> bool,
        now: Instant,
    ) -> Option<Launched> {
        if !self.may_send(window, has_read_all, has_room_for) {
            return None;
        }
        let job = self.queue.pop_front()?;
        let number = self.next;
        self.next = number.next();
        let line = self.encode(number, &job.request);
        let launched = Launched {
            number,
            line: line.clone(),
            first: self.flying.is_empty(),
            printed: job.printed,
        };
        if launched.first {
            self.head_since = now;
        }
        self.flying.push_back(Flying {
            job,
            number,
            line,
            behind: !launched.first,
            incoming: Incoming::default(),
            abandoned: None,
            timed_out: false,
        });
        Some(launched)
    }

    fn may_send(&self, window: usize, has_read_all: bool, has_room_for: impl FnOnce(usize) -> bool) -> bool {
        let Some(job) = self.queue.front() else {
            return false;
        };
        let fits = || has_room_for(self.encode(self.next, &job.request).len());
        if self.flying.is_empty() {
            return has_read_all || fits();
        }
        self.flying.len() < window
            && job.request.encode(self.flavour).1.len() <= LONG
            && !self.any_is_long()
            // The interrupt that will end such a one could hit what comes behind it.
            && self.flying.iter().all(|flying| flying.abandoned.is_none())
            && fits()
    }

    /// Whether one is under way that a board may wait for the rest of.
    pub(super) fn any_is_long(&self) -> bool {
        self.flying.iter().any(|flying| flying.line.len() > LONG)
    }

    /// The line of a request, which tells the board how many answers before it are still missing here.
    fn encode(&self, number: Number, request: &Request) -> Vec<u8> {
        let oldest = self.flying.front().map_or(number, |flying| flying.number);
        self.lines.request(number, number.since(oldest), request)
    }

    /// Puts one that did not get to the board behind all that are under way, with a new number. Gives that and its line.
    pub(super) fn launch_again(&mut self, mut flying: Flying) -> (Number, Vec<u8>) {
        flying.number = self.next;
        self.next = self.next.next();
        flying.line = self.encode(flying.number, &flying.job.request);
        flying.incoming.begin_again();
        let sent = (flying.number, flying.line.clone());
        self.flying.push_back(flying);
        sent
    }

    /// A ping that is answered so many times.
    pub(super) fn ping(&self, token: u32, times: u8) -> Vec<u8> {
        self.lines.ping(self.next, token, times)
    }

    /// What has the agent end.
    pub(super) fn farewell(&self) -> Vec<u8> {
        self.lines.control(self.next, &Request::Quit)
    }

    /// What answers a question of the board's.
    pub(super) fn answer(&self, told: &Told) -> Vec<u8> {
        self.lines.answer(told.place, told.number, &told.said.text)
    }

    /// Those behind this one wait again, if somebody waits for each: the board refuses them. Gives how many they are.
    pub(super) fn recall_behind(&mut self, at: usize) -> usize {
        let mut behind = self.flying.range(at + 1..);
        if !self.any_behind(at) || behind.any(|flying| flying.abandoned.is_some()) {
            return 0;
        }
        let behind = self.flying.split_off(at + 1);
        let recalled = behind.len();
        self.next = self.flying[at].number.next();
        for flying in behind.into_iter().rev() {
            self.queue.push_front(flying.job);
        }
        recalled
    }

    /// The host has kept the one at the head waiting for so long.
    pub(super) fn head_waited(&mut self, by: Duration) {
        self.head_since += by;
    }

    /// What asks for an answer again.
    pub(super) fn question(&self, number: Number, again: &Request) -> Vec<u8> {
        self.lines.control(number, again)
    }

    /// The place of the one that is under way with this number.
    pub(super) fn place(&self, number: u8) -> Option<usize> {
        let number = Number::from_char(number)?;
        self.flying.iter().position(|flying| flying.number == number)
    }

    /// Whether others were sent behind it.
    pub(super) fn any_behind(&self, at: usize) -> bool {
        self.flying.len() > at + 1
    }

    /// The one at a place.
    pub(super) fn flying(&self, at: usize) -> &Flying {
        &self.flying[at]
    }

    pub(super) fn flying_mut(&mut self, at: usize) -> &mut Flying {
        &mut self.flying[at]
    }

    /// The one whose turn it is.
    pub(super) fn head(&self) -> Option<&Flying> {
        self.flying.front()
    }

    pub(super) fn head_mut(&mut self) -> Option<&mut Flying> {
        self.flying.front_mut()
    }

    /// Since when that is so, or since its last sign of life.
    pub(super) fn head_since(&self) -> Instant {
        self.head_since
    }

    /// It has given one.
    pub(super) fn head_lives(&mut self, now: Instant) {
        self.head_since = now;
    }

    /// The one at this place is answered.
    pub(super) fn remove(&mut self, at: usize) -> Option<Flying> {
        self.flying.remove(at)
    }

    /// Whether what is printed belongs to an answer.
    pub(super) fn any_wants_printed(&self) -> bool {
        self.flying.iter().any(|flying| flying.job.printed)
    }

    /// Nobody waits for this one any more. If it is under way it may go on until then.
    pub(super) fn cancel(&mut self, id: u64, until: Instant) -> Cancelled {
        if let Some(at) = self.queue.iter().position(|job| job.id == id) {
            self.queue.remove(at);
            return Cancelled::Queued;
        }
        let alone = self.flying.len() == 1;
        let Some(flying) = self.flying.iter_mut().find(|flying| flying.job.id == id) else {
            return Cancelled::Unknown;
        };
        flying.job.sink = Sink::Nobody;
        flying.abandoned = Some(until);
        Cancelled::Flying { alone }
    }

    /// Takes back the batch of a stream that was not sent.
    pub(super) fn cancel_batch(&mut self, stream: u64) -> Option<Request> {
        let of_stream = |job: &Job| matches!(job.sink, Sink::Batch(of) if of == stream);
        let at = self.queue.iter().position(of_stream)?;
        self.queue.remove(at).map(|job| job.request)
    }

    /// The batch of a stream that is under way may go on until then.
    pub(super) fn abandon_batch(&mut self, stream: u64, until: Instant) {
        if let Some(flying) = self.flying.iter_mut().find(|flying| flying.is_batch_of(stream)) {
            flying.abandoned = Some(until);
        }
    }

    /// Nobody waits for those that are under way any more. Gives who did, but for streams.
    pub(super) fn abandon_all(&mut self, now: Instant) -> Vec<Sink> {
        let waits = |flying: &mut Flying| {
            flying.abandoned = Some(now);
            matches!(flying.job.sink, Sink::Reply(_))
                .then(|| std::mem::replace(&mut flying.job.sink, Sink::Nobody))
        };
        self.flying.iter_mut().filter_map(waits).collect()
    }

    /// The same, and nobody is told before it is known what became of the board. Gives who waited.
    pub(super) fn abandon_untold(&mut self, now: Instant) -> Vec<Sink> {
        let waited = |flying: &mut Flying| {
            flying.abandoned = Some(now);
            std::mem::replace(&mut flying.job.sink, Sink::Nobody)
        };
        self.flying.iter_mut().map(waited).collect()
    }

    /// How many got to a board that expects this number.
    pub(super) fn got_there(&self, expected: Number) -> usize {
        let had = |flying: &&Flying| (1..=NUMBERS / 2).contains(&expected.since(flying.number));
        self.flying.iter().take_while(had).count()
    }

    /// The lines of those that did not, and that were sent while something ran.
    pub(super) fn lines_behind(&self, expected: Number) -> impl Iterator<Item = &[u8]> {
        let lost = self.flying.iter().skip(self.got_there(expected));
        lost.filter(|flying| flying.behind).map(|flying| &flying.line[..])
    }

    /// The board expects this number: so it is known what got there.
    pub(super) fn expects(&mut self, expected: Number) -> Arrived {
        // What comes after those never got there, and nothing of it can come any more.
        let lost = self.flying.split_off(self.got_there(expected));
        self.next = expected;
        let (unwanted, wanted): (VecDeque<_>, _) = std::mem::take(&mut self.flying)
            .into_iter()
            .partition(|flying| flying.abandoned.is_some());
        self.flying = wanted;
        Arrived {
            lost,
            unwanted: unwanted.into(),
            answered: self.flying.len(),
        }
    }

    /// Takes all that wait.
    pub(super) fn take_queue(&mut self) -> VecDeque<Job> {
        std::mem::take(&mut self.queue)
    }

    /// Takes all that are under way.
    pub(super) fn take_flying(&mut self) -> VecDeque<Flying> {
        std::mem::take(&mut self.flying)
    }
}
