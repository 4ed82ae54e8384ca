//! Generators on the board: batches of items as large as the consumer's credit.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::Payload;
use super::calls::{Job, Sink};
use super::conversation::Conversation;
use super::timing::GRACE;
use super::unread::Sent;
use crate::agent::Request;
use crate::error::{Error, Result};

/// How many items may come before the consumer has taken one, and in one batch.
pub(super) const CREDIT: usize = 64;
/// How many bytes may wait for the consumer when another batch is asked for.
pub(super) const ROOM: usize = 1 << 20;

/// An item of a stream; nothing is the end of it.
pub(super) type Item = Result<Option<Payload>>;

/// The streams that somebody reads, or whose end is not known on the board yet.
#[derive(Debug, Default)]
pub(super) struct Streams {
    flows: BTreeMap<u64, Flow>,
}

/// A stream's host side.
#[derive(Debug)]
struct Flow {
    items: mpsc::UnboundedSender<Item>,
    deadline: Duration,
    /// How many more items may come.
    credit: usize,
    /// How many bytes wait for the consumer.
    waiting: usize,
    /// Since when an item is owed, if batches have come without one.
    owed: Option<Instant>,
    /// Whether a batch is queued or under way.
    busy: bool,
    /// Whether nobody wants more of it.
    closed: bool,
}

/// What the end of a batch means for its stream, which is not exhausted.
#[derive(Debug, PartialEq, Eq)]
enum BatchEnd {
    /// More may be asked for.
    GoesOn,
    /// Nobody wants more.
    Closed,
    /// No item has come within its deadline.
    Late(Duration),
}

impl Streams {
    /// A stream begins, with a batch under way.
    fn open(&mut self, stream: u64, deadline: Duration, items: mpsc::UnboundedSender<Item>) {
        let flow = Flow {
            items,
            deadline,
            credit: CREDIT,
            waiting: 0,
            owed: None,
            busy: true,
            closed: false,
        };
        self.flows.insert(stream, flow);
    }

    /// So many more items may come, after so many bytes were taken.
    fn grant(&mut self, stream: u64, more: usize, bytes: usize) {
        if let Some(flow) = self.flows.get_mut(&stream) {
            flow.credit += more;
            flow.waiting = flow.waiting.saturating_sub(bytes);
        }
    }

    /// How many items to ask for, if it is time for another batch, and by when each has to come.
    fn next_batch(&mut self, stream: u64) -> Option<(usize, Duration)> {
        let flow = self.flows.get_mut(&stream)?;
        let asks = flow.credit > 0 && flow.waiting < ROOM && !flow.busy && !flow.closed;
        flow.busy |= asks;
        asks.then(|| (flow.credit.min(CREDIT), flow.deadline))
    }

    fn deliver(&mut self, stream: u64, item: Payload) {
        if let Some(flow) = self.flows.get_mut(&stream) {
            flow.credit = flow.credit.saturating_sub(1);
            flow.waiting += item.len();
            flow.owed = None;
            // An error says that the consumer is gone; it has said so itself, too.
            let _ = flow.items.send(Ok(Some(item)));
        }
    }

    /// The host has kept this one waiting for so long.
    pub(super) fn waited(&mut self, stream: u64, by: Duration) {
        if let Some(owed) = self.flows.get_mut(&stream).and_then(|flow| flow.owed.as_mut()) {
            *owed += by;
        }
    }

    /// Since when an item is owed, where batches have brought none.
    pub(super) fn owed(&self, stream: u64) -> Option<Instant> {
        self.flows.get(&stream)?.owed
    }

    /// A batch has ended, empty or not, that was the board's turn since then.
    fn batch_ended(&mut self, stream: u64, empty: bool, turn: Instant, now: Instant) -> BatchEnd {
        let Some(flow) = self.flows.get_mut(&stream) else {
            return BatchEnd::GoesOn;
        };
        if empty && now >= *flow.owed.get_or_insert(turn) + flow.deadline {
            return BatchEnd::Late(flow.deadline);
        }
        flow.busy = false;
        if flow.closed {
            self.flows.remove(&stream);
            return BatchEnd::Closed;
        }
        BatchEnd::GoesOn
    }

    /// Nobody wants more. Says whether a batch is queued or under way; nothing if there is no such stream.
    fn close(&mut self, stream: u64) -> Option<bool> {
        let flow = self.flows.get_mut(&stream)?;
        flow.closed = true;
        let busy = flow.busy;
        if !busy {
            self.flows.remove(&stream);
        }
        Some(busy)
    }

    fn forget(&mut self, stream: u64) {
        self.flows.remove(&stream);
    }

    /// This is the end of it.
    pub(super) fn end(&mut self, stream: u64, result: Result<()>) {
        if let Some(flow) = self.flows.remove(&stream) {
            // An error says that nobody reads it any more.
            let _ = flow.items.send(result.map(|()| None));
        }
    }

    /// Tells all that read one that this has happened. Gives the streams.
    pub(super) fn tell_all(&self, error: impl Fn() -> Error) -> Vec<u64> {
        for flow in self.flows.values() {
            // An error says that nobody reads the stream any more.
            let _ = flow.items.send(Err(error()));
        }
        self.flows.keys().copied().collect()
    }

    /// Forgets them all.
    pub(super) fn clear(&mut self) {
        self.flows.clear();
    }
}

impl Conversation {
    pub(super) fn open_stream(
        &mut self,
        stream: u64,
        request: Request,
        deadline: Duration,
        items: mpsc::UnboundedSender<Item>,
    ) {
        self.streams.open(stream, deadline, items);
        self.batch(stream, request.opening(stream, CREDIT), deadline);
    }

    fn batch(&mut self, stream: u64, request: Request, deadline: Duration) {
        self.calls
            .push(Job::of_ours(request, Sink::Batch(stream), deadline, self.now));
    }

    pub(super) fn grant(&mut self, stream: u64, more: usize, bytes: usize) {
        self.streams.grant(stream, more, bytes);
        self.ask_for_more(stream);
    }

    /// Asks for the next batch if there is credit for one.
    fn ask_for_more(&mut self, stream: u64) {
        if let Some((credit, deadline)) = self.streams.next_batch(stream) {
            self.batch(stream, Request::Next { stream, credit }, deadline);
        }
    }

    pub(super) fn deliver(&mut self, stream: u64, item: Payload) {
        self.streams.deliver(stream, item);
    }

    /// A batch has come to its end, and with it the generator, or not.
    pub(super) fn end_batch(&mut self, at: usize, exhausted: bool) {
        let nothing = Payload::Repr(Vec::new());
        let flying = self.calls.flying(at);
        let stream = match flying.job.sink {
            Sink::Batch(stream) => stream,
            Sink::Nobody => return self.complete(at, Ok(nothing)),
            Sink::Reply(_) => return,
        };
        if !exhausted {
            let empty = flying.incoming.delivered() == 0;
            let turn = self.turn_began();
            match self.streams.batch_ended(stream, empty, turn, self.now) {
                BatchEnd::GoesOn => {}
                BatchEnd::Closed => self.close_on_board(stream),
                BatchEnd::Late(deadline) => {
                    let error = self.timeout(deadline);
                    self.close_on_board(stream);
                    return self.complete(at, Err(error));
                }
            }
            self.calls.flying_mut(at).job.sink = Sink::Nobody;
        }
        self.complete(at, Ok(nothing));
        self.ask_for_more(stream);
    }

    pub(super) fn close_stream(&mut self, stream: u64) {
        let Some(busy) = self.streams.close(stream) else {
            return;
        };
        if !busy {
            return self.close_on_board(stream);
        }
        if let Some(request) = self.calls.cancel_batch(stream) {
            // One that was opened and not sent does not exist on the board.
            self.streams.forget(stream);
            if request.goes_on() {
                self.close_on_board(stream);
            }
            return;
        }
        // The batch is under way. It ends by itself when something else waits for the board; a generator that
        // takes long for its next item is interrupted.
        self.calls.abandon_batch(stream, self.now + GRACE);
        if !self.flavour.stays() {
            return;
        }
        let token = self.liveness.token();
        let ping = self.calls.ping(token, 1);
        if self.liveness.unread.has_any_room_for(ping.len()) {
            self.watch_ping(token, &ping);
            self.say(&ping, Sent::Ping(token));
        }
    }

    pub(super) fn close_on_board(&mut self, stream: u64) {
        // Others may wait for this, who do not know of it.
        let deadline = self.options.deadlines.resync;
        let request = Request::Close { stream };
        self.calls
            .push_first(Job::of_ours(request, Sink::Nobody, deadline, self.now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEADLINE: Duration = Duration::from_secs(1);

    fn opened() -> (Streams, mpsc::UnboundedReceiver<Item>, Instant) {
        let mut streams = Streams::default();
        let (items, receiver) = mpsc::unbounded_channel();
        streams.open(7, DEADLINE, items);
        (streams, receiver, Instant::now())
    }

    fn item(length: usize) -> Payload {
        Payload::Repr(vec![b'x'; length])
    }

    #[test]
    fn another_batch_is_asked_for_when_there_is_credit_and_room_and_none_is_under_way() {
        let (mut streams, _items, now) = opened();
        assert_eq!(streams.next_batch(7), None, "the first one is under way");
        for _ in 0..CREDIT {
            streams.deliver(7, item(1));
        }
        assert_eq!(streams.batch_ended(7, false, now, now), BatchEnd::GoesOn);
        assert_eq!(streams.next_batch(7), None, "there is no credit");
        streams.grant(7, 3, 3);
        assert_eq!(streams.next_batch(7), Some((3, DEADLINE)));
        streams.deliver(7, item(ROOM));
        assert_eq!(streams.batch_ended(7, false, now, now), BatchEnd::GoesOn);
        assert_eq!(streams.next_batch(7), None, "too much waits");
        streams.grant(7, 1, ROOM);
        assert_eq!(streams.next_batch(7), Some((3, DEADLINE)));
    }

    #[test]
    fn an_item_is_owed_from_the_first_empty_batch_on() {
        let (mut streams, _items, now) = opened();
        assert_eq!(
            streams.batch_ended(7, true, now, now + DEADLINE / 2),
            BatchEnd::GoesOn
        );
        assert_eq!(streams.owed(7), Some(now));
        let late = now + DEADLINE;
        assert_eq!(streams.batch_ended(7, true, late, late), BatchEnd::Late(DEADLINE));
        streams.deliver(7, item(1));
        assert_eq!(streams.owed(7), None);
    }

    #[test]
    fn a_stream_that_is_closed_is_gone_when_its_batch_has_ended() {
        let (mut streams, mut items, now) = opened();
        assert_eq!(streams.close(7), Some(true));
        streams.grant(7, 1, 0);
        assert_eq!(streams.next_batch(7), None);
        assert_eq!(streams.batch_ended(7, false, now, now), BatchEnd::Closed);
        assert_eq!(streams.close(7), None);
        assert!(items.try_recv().is_err(), "nobody has told it anything");
    }
}
