//! What each frame from the board means.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::engine::{Engine, Flying, Part, Sink};
use super::streams::CREDIT;
use super::timing::GRACE;
use super::unread::Sent;
use super::wire::UNASKED;
use super::{Answer, LinkEvent, Payload};
use crate::agent::{Form, Missing, Number, Piece, Reply, ReplyKind, Request};
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::protocol::Frame;

/// How often the answer to one request is asked for again before it is given up.
const ASKING_AGAIN: u32 = 30;
/// The least that a part of an answer counts for, however short it is.
const LEAST: usize = 64;

impl Engine {
    pub(super) fn on_frame(&mut self, frame: Frame) {
        // Nobody but the agent makes frames, so it is there.
        self.stuck = false;
        self.probe = None;
        self.wire.let_output_go();
        self.wire.hand_out();
        self.out_of_memory = 0;
        // The others come while something runs.
        if !ReplyKind::of(frame.kind).is_some_and(ReplyKind::is_in_between) {
            self.heeded = 0;
            if let Some(number) = Number::from_char(frame.number) {
                self.unread.answered(Sent::Request(number));
            }
        }
        let number = frame.number;
        match Reply::decode(frame) {
            Some(Reply::Event(value)) => self.on_board_event(value),
            Some(Reply::Hello(_)) => self.has_read(),
            Some(Reply::Refusal) => self.on_refusal(number),
            Some(Reply::Pong(pong)) => self.on_pong(number, &pong),
            Some(reply) => self.on_answer(number, reply),
            None => {}
        }
    }

    fn on_board_event(&mut self, value: Vec<u8>) {
        if value.len() > UNASKED {
            return tracing::warn!(
                bytes = value.len(),
                "what the board told of its own accord is too long"
            );
        }
        // An error says that nobody listens.
        let _ = self.events.send(LinkEvent::Board(Arc::from(value)));
    }

    fn on_answer(&mut self, number: u8, reply: Reply) {
        let Some(number) = Number::from_char(number) else {
            return;
        };
        let Some(at) = self.flying.iter().position(|flying| flying.number == number) else {
            return;
        };
        self.hush();
        match reply {
            Reply::Value(value) => self.complete(at, Ok(Payload::Repr(value))),
            Reply::Part { index, data } => self.part(at, index, data),
            Reply::Whole { parts, form } => self.whole(at, parts, form),
            Reply::Item { index, item } => self.item(at, index, item),
            Reply::Batch { items, exhausted } => {
                if self.has_all(at, items) {
                    self.end_batch(at, exhausted);
                }
            }
            Reply::Raised(raised) => {
                if self.has_all(at, raised.items) {
                    let error = raised.into_error(&self.wire.take_output());
                    self.complete(at, Err(error));
                }
            }
            Reply::Interrupted(items) => {
                if self.has_all(at, items) {
                    let interrupted = Error::from(ErrorKind::Interrupted).in_phase(Phase::Execute);
                    self.complete(at, Err(interrupted));
                }
            }
            Reply::Piece(piece) => self.piece(at, piece),
            Reply::Pieces(from) => {
                if self.flying[at].pieces.are_at_their_end(from) {
                    self.ask_again(at);
                }
            }
            Reply::Forgotten => self.complete(at, Err(lost())),
            // They belong to no request.
            Reply::Hello(_)
            | Reply::Event(_)
            | Reply::Refusal
            | Reply::Pong(_)
            | Reply::Farewell
            | Reply::Received => {}
        }
    }

    /// Whether all items of a batch have come; if not, they are asked for again.
    fn has_all(&mut self, at: usize, items: usize) -> bool {
        let all = self.flying[at].delivered >= items || self.is_unwanted(at);
        if !all {
            self.ask_again(at);
        }
        all
    }

    fn part(&mut self, at: usize, index: usize, data: Vec<u8>) {
        if self.is_unwanted(at) || self.flying[at].parts.contains_key(&index) {
            return;
        }
        if self.keep(at, index, data.len(), Part::Bytes(data)) {
            self.head_since = Instant::now();
        }
    }

    /// Keeps a part of an answer, unless there is too much of it by now: then that is its end.
    fn keep(&mut self, at: usize, index: usize, length: usize, part: Part) -> bool {
        let limit = self.options.answer_limit;
        let flying = &mut self.flying[at];
        flying.size += length.max(LEAST);
        if flying.size > limit {
            self.too_long(at);
            return false;
        }
        flying.asked_again = 0;
        flying.parts.insert(index, part);
        true
    }

    /// Takes a piece of a frame; when that is whole it is looked at as any other.
    fn piece(&mut self, at: usize, piece: Piece) {
        if self.is_unwanted(at) {
            return;
        }
        let limit = self.options.answer_limit;
        let flying = &mut self.flying[at];
        let had = piece.frame < flying.delivered || flying.parts.contains_key(&piece.frame);
        if had || flying.pieces.have(&piece) {
            return;
        }
        flying.size += piece.text.len().max(LEAST);
        if flying.size > limit {
            return self.too_long(at);
        }
        flying.asked_again = 0;
        self.head_since = Instant::now();
        if let Some(frame) = self.flying[at].pieces.take(piece) {
            let number = frame.number;
            if let Some(reply) = Reply::decode(frame) {
                self.on_answer(number, reply);
            }
        }
    }

    /// What is longer than it may be has no checksum that could be looked at.
    pub(super) fn on_too_long(&mut self, number: u8) {
        let number = Number::from_char(number);
        if let Some(at) = self
            .flying
            .iter()
            .position(|flying| Some(flying.number) == number)
        {
            self.too_long(at);
        }
    }

    fn too_long(&mut self, at: usize) {
        let flying = &mut self.flying[at];
        // The board is interrupted if it goes on sending.
        flying.abandoned = Some(Instant::now() + GRACE);
        flying.parts.clear();
        let sink = std::mem::replace(&mut flying.job.sink, Sink::Nobody);
        if let Sink::Batch(stream) = sink {
            self.close_on_board(stream);
        }
        let limit = self.options.answer_limit;
        let error = Error::from(ErrorKind::TooLong { limit }).in_phase(Phase::Execute);
        self.answer(sink, Err(error));
    }

    /// Whether nobody waits for this answer any more.
    fn is_unwanted(&self, at: usize) -> bool {
        matches!(self.flying[at].job.sink, Sink::Nobody)
    }

    /// An answer in parts is at its end.
    fn whole(&mut self, at: usize, count: usize, form: Form) {
        if self.is_unwanted(at) {
            return self.complete(at, Ok(form.of(Vec::new())));
        }
        let parts = &self.flying[at].parts;
        let data: Option<Vec<_>> = (0..count)
            .map(|index| parts.get(&index).and_then(Part::bytes))
            .take(parts.len() + 1)
            .collect();
        match data {
            Some(data) => {
                let data = data.concat();
                self.complete(at, Ok(form.of(data)));
            }
            None => self.ask_again(at),
        }
    }

    fn item(&mut self, at: usize, index: usize, item: Payload) {
        let Sink::Batch(stream) = self.flying[at].job.sink else {
            return;
        };
        if index < self.flying[at].delivered || index >= CREDIT {
            return;
        }
        // One that comes before another that is missing is kept until the other one has come again.
        if !self.keep(at, index, item.len(), Part::Item(item)) {
            return;
        }
        while let Some(item) = self.flying[at].take_item() {
            self.head_since = Instant::now();
            self.deliver(stream, item);
        }
    }

    /// The answer at this place has come.
    pub(super) fn complete(&mut self, at: usize, result: Result<Payload>) {
        let Some(flying) = self.flying.remove(at) else {
            return;
        };
        self.head_since = Instant::now();
        self.trouble = None;
        self.hush();
        let result = if flying.timed_out && result.is_err() {
            Err(self.timeout(flying.job.deadline))
        } else {
            result
        };
        // What was printed before this answer is its own, and what comes now belongs to the next one.
        let printed = if flying.job.printed {
            self.wire.take_printed()
        } else {
            Vec::new()
        };
        let wanted = self.flying.iter().any(|flying| flying.job.printed);
        self.keep_printed(wanted);
        self.hand_over(flying.job.sink, result.map(|payload| Answer { payload, printed }));
        self.wire.forget_output();
        // Answers come in order: those before this one are lost.
        for earlier in 0..at {
            self.ask_again(earlier);
        }
        self.mind_head(GRACE);
        if at == 0 && !self.flying.is_empty() {
            // The board has ended what it was interrupted for. What it goes on with is interrupted in its turn, or
            // not at all.
            self.interrupt = None;
        }
    }

    pub(super) fn answer(&mut self, sink: Sink, result: Result<Answer>) {
        self.wire.hand_out();
        match sink {
            Sink::Reply(reply) => {
                // An error says that nobody waits any more.
                let _ = reply.send(result);
            }
            Sink::Batch(stream) => {
                if let Some(source) = self.sources.remove(&stream) {
                    let _ = source.items.send(result.map(|_| None));
                }
            }
            Sink::Nobody => {}
        }
    }

    /// Asks for an answer that the board keeps and that was lost on the way.
    pub(super) fn ask_again(&mut self, at: usize) {
        let in_pieces = self.flavour.answers_in_pieces();
        let flying = &mut self.flying[at];
        if flying.pieces.are_under_way() {
            return;
        }
        flying.asked_again += 1;
        if flying.asked_again > ASKING_AGAIN {
            self.complete(at, Err(lost()));
            return;
        }
        let missing = in_pieces.then(|| flying.ask_for_missing());
        let number = flying.number;
        let line = self.lines.control(number, &Request::Again(missing));
        self.transmit(&line, Sent::Request(number));
    }

    /// The call's deadline has passed. What it printed is said, and not how the link talked to the board.
    pub(super) fn timeout(&mut self, after: Duration) -> Error {
        Error::from(ErrorKind::Timeout {
            after,
            received: self.wire.take_output(),
        })
        .in_phase(Phase::Execute)
    }
}

impl Flying {
    /// What to ask for: what is missing between what has come, in the order of the answer.
    fn ask_for_missing(&mut self) -> Missing {
        let mut missing = self.delivered..;
        let frame = missing.find(|frame| !self.parts.contains_key(frame)).unwrap_or(0);
        self.pieces.ask(frame, self.parts.contains_key(&(frame + 1)))
    }

    /// The next item of a batch, if it has come.
    fn take_item(&mut self) -> Option<Payload> {
        let Part::Item(item) = self.parts.remove(&self.delivered)? else {
            return None;
        };
        self.delivered += 1;
        Some(item)
    }
}

/// The call has run, and its result did not get through.
fn lost() -> Error {
    ErrorKind::FateUnknown(Some(Box::new(
        ErrorKind::Protocol {
            what: "the answer was damaged each time it was sent".into(),
            received: Vec::new(),
        }
        .into(),
    )))
    .into()
}
