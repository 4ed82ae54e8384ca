//! The requests: those that are queued, those that are in flight, and their numbers.

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

/// Requests whose body or line is longer than this, in bytes, are in flight alone.
const LONG: usize = 64;

pub(super) type Reply = oneshot::Sender<Result<Answer>>;

/// Where an answer goes.
#[derive(Debug)]
pub(super) enum Sink {
    Reply(Reply),
    /// The answer is the next batch of this stream's items.
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
    /// Whether what it prints is part of its answer.
    pub(super) printed: bool,
    /// When it was queued.
    pub(super) since: Instant,
}

/// A request that was sent and is not answered.
#[derive(Debug)]
pub(super) struct Flying {
    pub(super) job: Job,
    pub(super) number: Number,
    /// The line as it was sent.
    line: Vec<u8>,
    /// Whether another request was in flight when it was sent.
    behind: bool,
    /// The received parts of its answer.
    pub(super) incoming: Incoming,
    /// When the board is interrupted (again) because the caller no longer waits.
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
    /// When the head request became the board's turn, or when the board last gave a sign of life for it.
    head_since: Instant,
}

/// A request that has just been given a number.
#[derive(Debug)]
pub(super) struct Launched {
    pub(super) number: Number,
    pub(super) line: Vec<u8>,
    /// Whether nothing was in flight before it.
    pub(super) first: bool,
    /// Whether what it prints is part of its answer.
    pub(super) printed: bool,
}

/// The outcome of a cancellation.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Cancelled {
    /// It has not been sent, and will not be.
    Queued,
    /// It is in flight, alone or with others.
    Flying { alone: bool },
    /// There is no such request.
    Unknown,
}

/// The fate of the requests before the one whose number the board expects next.
#[derive(Debug, Default)]
pub(super) struct Arrived {
    /// The board never received these.
    pub(super) lost: VecDeque<Flying>,
    /// The board has answered these, and nobody wants the answers.
    pub(super) unwanted: Vec<Flying>,
    /// How many of the requests that are still in flight it has answered.
    pub(super) answered: usize,
}

impl Job {
    /// A request that the link makes of its own, so that no caller has its id.
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
    /// Whether nobody waits for its answer any more.
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

    /// Whether no request is in flight.
    pub(super) fn none_flies(&self) -> bool {
        self.flying.is_empty()
    }

    /// Whether any request is queued.
    pub(super) fn any_waits(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Queues a request. Returns whether the board had nothing to do before.
    pub(super) fn push(&mut self, job: Job) -> bool {
        self.queue.push_back(job);
        self.queue.len() == 1 && self.flying.is_empty()
    }

    /// Whether exactly this request is queued or in flight.
    pub(super) fn ask(&self, request: &Request) -> bool {
        let flying = self.flying.iter().map(|flying| &flying.job);
        flying.chain(&self.queue).any(|job| job.request == *request)
    }

    /// Queues a request before all others.
    pub(super) fn push_first(&mut self, job: Job) {
        self.queue.push_front(job);
    }

    /// Numbers the request that has been queued longest, if it may be sent: if fewer than `window` are in flight and
    /// the board has room for its line. For a single line there is always room where the board has read everything.
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
            // The interrupt that will end an abandoned request could hit the one behind it.
            && self.flying.iter().all(|flying| flying.abandoned.is_none())
            && fits()
    }

    /// Whether a long request is in flight, of which a board may be waiting for the rest.
    pub(super) fn any_is_long(&self) -> bool {
        self.flying.iter().any(|flying| flying.line.len() > LONG)
    }

    /// The line of a request, which tells the board how many earlier answers the host still lacks.
    fn encode(&self, number: Number, request: &Request) -> Vec<u8> {
        let oldest = self.flying.front().map_or(number, |flying| flying.number);
        self.lines.request(number, number.since(oldest), request)
    }

    /// Puts a request that did not reach the board behind all that are in flight, with a new number. Returns that and
    /// its line.
    pub(super) fn launch_again(&mut self, mut flying: Flying) -> (Number, Vec<u8>) {
        flying.number = self.next;
        self.next = self.next.next();
        flying.line = self.encode(flying.number, &flying.job.request);
        flying.incoming.begin_again();
        let sent = (flying.number, flying.line.clone());
        self.flying.push_back(flying);
        sent
    }

    /// A ping that the board answers so many times.
    pub(super) fn ping(&self, token: u32, times: u8) -> Vec<u8> {
        self.lines.ping(self.next, token, times)
    }

    /// The line that makes the agent quit.
    pub(super) fn farewell(&self) -> Vec<u8> {
        self.lines.control(self.next, &Request::Quit)
    }

    /// The line that answers a question of the board's.
    pub(super) fn answer(&self, told: &Told) -> Vec<u8> {
        self.lines.answer(told.place, told.number, &told.said.text)
    }

    /// Queues the requests behind this one again, since the board refuses them; only if each of them is still wanted.
    /// Returns how many they are.
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

    /// The host has kept the head request waiting for so long, which does not count.
    pub(super) fn head_waited(&mut self, by: Duration) {
        self.head_since += by;
    }

    /// The line that requests an answer again.
    pub(super) fn question(&self, number: Number, again: &Request) -> Vec<u8> {
        self.lines.control(number, again)
    }

    /// The position of the request in flight with this number.
    pub(super) fn place(&self, number: u8) -> Option<usize> {
        let number = Number::from_char(number)?;
        self.flying.iter().position(|flying| flying.number == number)
    }

    /// Whether other requests were sent after this one.
    pub(super) fn any_behind(&self, at: usize) -> bool {
        self.flying.len() > at + 1
    }

    /// The request in flight at this position.
    pub(super) fn flying(&self, at: usize) -> &Flying {
        &self.flying[at]
    }

    pub(super) fn flying_mut(&mut self, at: usize) -> &mut Flying {
        &mut self.flying[at]
    }

    /// The request whose turn it is.
    pub(super) fn head(&self) -> Option<&Flying> {
        self.flying.front()
    }

    pub(super) fn head_mut(&mut self) -> Option<&mut Flying> {
        self.flying.front_mut()
    }

    /// Since when it is its turn, or when the board last gave a sign of life for it.
    pub(super) fn head_since(&self) -> Instant {
        self.head_since
    }

    /// The board has given a sign of life for the head request.
    pub(super) fn head_lives(&mut self, now: Instant) {
        self.head_since = now;
    }

    /// Removes the request at this position, which is answered.
    pub(super) fn remove(&mut self, at: usize) -> Option<Flying> {
        self.flying.remove(at)
    }

    /// Whether any request in flight wants what is printed.
    pub(super) fn any_wants_printed(&self) -> bool {
        self.flying.iter().any(|flying| flying.job.printed)
    }

    /// The caller no longer waits for this request. If it is in flight it may go on until then.
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

    /// Takes back a stream's request for a batch if it was not sent.
    pub(super) fn cancel_batch(&mut self, stream: u64) -> Option<Request> {
        let of_stream = |job: &Job| matches!(job.sink, Sink::Batch(of) if of == stream);
        let at = self.queue.iter().position(of_stream)?;
        self.queue.remove(at).map(|job| job.request)
    }

    /// A stream's batch that is in flight may go on until then.
    pub(super) fn abandon_batch(&mut self, stream: u64, until: Instant) {
        if let Some(flying) = self.flying.iter_mut().find(|flying| flying.is_batch_of(stream)) {
            flying.abandoned = Some(until);
        }
    }

    /// Abandons all requests in flight. Returns the callers that waited, without those of streams.
    pub(super) fn abandon_all(&mut self, now: Instant) -> Vec<Sink> {
        let waits = |flying: &mut Flying| {
            flying.abandoned = Some(now);
            matches!(flying.job.sink, Sink::Reply(_))
                .then(|| std::mem::replace(&mut flying.job.sink, Sink::Nobody))
        };
        self.flying.iter_mut().filter_map(waits).collect()
    }

    /// The same, for callers that are told once the board's fate is known. Returns them all, with those of streams.
    pub(super) fn abandon_untold(&mut self, now: Instant) -> Vec<Sink> {
        let waited = |flying: &mut Flying| {
            flying.abandoned = Some(now);
            std::mem::replace(&mut flying.job.sink, Sink::Nobody)
        };
        self.flying.iter_mut().map(waited).collect()
    }

    /// How many requests reached a board that expects this number next.
    pub(super) fn got_there(&self, expected: Number) -> usize {
        let had = |flying: &&Flying| (1..=NUMBERS / 2).contains(&expected.since(flying.number));
        self.flying.iter().take_while(had).count()
    }

    /// The lines of those that did not, and that were sent while another request was in flight.
    pub(super) fn lines_behind(&self, expected: Number) -> impl Iterator<Item = &[u8]> {
        let lost = self.flying.iter().skip(self.got_there(expected));
        lost.filter(|flying| flying.behind).map(|flying| &flying.line[..])
    }

    /// Finds out which requests reached the board, from the number that it expects next.
    pub(super) fn expects(&mut self, expected: Number) -> Arrived {
        // The requests behind those never reached the board, and nothing of their answers can come any more.
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

    /// Takes all queued requests.
    pub(super) fn take_queue(&mut self) -> VecDeque<Job> {
        std::mem::take(&mut self.queue)
    }

    /// Takes all requests in flight.
    pub(super) fn take_flying(&mut self) -> VecDeque<Flying> {
        std::mem::take(&mut self.flying)
    }
}
