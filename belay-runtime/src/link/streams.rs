//! Generators on the board: batches of items as large as the consumer's credit.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::Payload;
use super::engine::{Engine, Flow, Item, Job, Sink};
use super::timing::GRACE;
use super::unread::Sent;
use crate::agent::Request;

/// How many items may come before the consumer has taken one, and in one batch.
pub(super) const CREDIT: usize = 64;
/// How many bytes may wait for the consumer when another batch is asked for.
pub(super) const ROOM: usize = 1 << 20;

impl Engine {
    pub(super) fn open_stream(
        &mut self,
        stream: u64,
        expression: String,
        deadline: Duration,
        items: mpsc::UnboundedSender<Item>,
    ) {
        self.sources.insert(
            stream,
            Flow {
                items,
                deadline,
                credit: CREDIT,
                waiting: 0,
                owed: None,
                busy: true,
                closed: false,
            },
        );
        let request = Request::Open {
            stream,
            credit: CREDIT,
            expression,
        };
        self.batch(stream, request, deadline);
    }

    fn batch(&mut self, stream: u64, request: Request, deadline: Duration) {
        self.queue.push_back(Job {
            id: 0,
            request,
            deadline,
            sink: Sink::Batch(stream),
            printed: false,
            since: Instant::now(),
        });
    }

    pub(super) fn grant(&mut self, stream: u64, more: usize, bytes: usize) {
        if let Some(source) = self.sources.get_mut(&stream) {
            source.credit += more;
            source.waiting = source.waiting.saturating_sub(bytes);
            self.go_on(stream);
        }
    }

    /// Asks for the next batch if there is credit for one.
    fn go_on(&mut self, stream: u64) {
        if let Some(source) = self.sources.get_mut(&stream)
            && source.credit > 0
            && source.waiting < ROOM
            && !source.busy
            && !source.closed
        {
            source.busy = true;
            let credit = source.credit.min(CREDIT);
            let deadline = source.deadline;
            self.batch(stream, Request::Next { stream, credit }, deadline);
        }
    }

    pub(super) fn deliver(&mut self, stream: u64, item: Payload) {
        if let Some(source) = self.sources.get_mut(&stream) {
            source.credit = source.credit.saturating_sub(1);
            source.waiting += item.len();
            source.owed = None;
            // An error says that the consumer is gone; it has said so itself, too.
            let _ = source.items.send(Ok(Some(item)));
        }
    }

    /// A batch has come to its end, and with it the generator, or not.
    pub(super) fn end_batch(&mut self, at: usize, exhausted: bool) {
        let nothing = Payload::Repr(Vec::new());
        let stream = match self.flying[at].job.sink {
            Sink::Batch(stream) => stream,
            Sink::Nobody => return self.complete(at, Ok(nothing)),
            Sink::Reply(_) => return,
        };
        let turn_began = self.turn_began();
        if !exhausted && let Some(source) = self.sources.get_mut(&stream) {
            if self.flying[at].delivered == 0 {
                let owed = *source.owed.get_or_insert(turn_began);
                if Instant::now() >= owed + source.deadline {
                    let deadline = source.deadline;
                    let error = self.timeout(deadline);
                    self.close_on_board(stream);
                    return self.complete(at, Err(error));
                }
            }
            source.busy = false;
            if source.closed {
                self.sources.remove(&stream);
                self.close_on_board(stream);
            }
            self.flying[at].job.sink = Sink::Nobody;
        }
        self.complete(at, Ok(nothing));
        self.go_on(stream);
    }

    pub(super) fn close_stream(&mut self, stream: u64) {
        let Some(source) = self.sources.get_mut(&stream) else {
            return;
        };
        source.closed = true;
        if !source.busy {
            self.sources.remove(&stream);
            self.close_on_board(stream);
            return;
        }
        let of_stream = |sink: &Sink| matches!(sink, Sink::Batch(of) if *of == stream);
        if let Some(at) = self.queue.iter().position(|job| of_stream(&job.sink)) {
            // One that was opened and not sent does not exist on the board.
            let goes_on = self.queue[at].request.goes_on();
            self.queue.remove(at);
            self.sources.remove(&stream);
            if goes_on {
                self.close_on_board(stream);
            }
            return;
        }
        // The batch is under way. It ends by itself when something else waits for the board; a generator that
        // takes long for its next item is interrupted.
        if let Some(flying) = self.flying.iter_mut().find(|flying| of_stream(&flying.job.sink)) {
            flying.abandoned = Some(Instant::now() + GRACE);
        }
        if !self.flavour.stays() {
            return;
        }
        let token = self.token();
        let ping = self.lines.ping(self.next, token, 1);
        if self.unread.has_any_room_for(ping.len()) {
            self.watch_ping(token, &ping);
            self.say(&ping, Sent::Ping(token));
        }
    }

    pub(super) fn close_on_board(&mut self, stream: u64) {
        self.queue.push_front(Job {
            id: 0,
            request: Request::Close { stream },
            // Others may wait for this, who do not know of it.
            deadline: self.options.deadlines.resync,
            sink: Sink::Nobody,
            printed: false,
            since: Instant::now(),
        });
    }
}
