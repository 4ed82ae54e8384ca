//! What each frame from the board means.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tokio::time::Instant;

use super::engine::{Engine, Flying, Sink};
use super::exception;
use super::pieces::Piece;
use super::streams::CREDIT;
use super::timing::GRACE;
use super::unread::Sent;
use super::wire::UNASKED;
use super::{Answer, LinkEvent, Payload};
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::protocol::{Frame, Number};

/// How often the answer to one request is asked for again before it is given up.
const ASKING_AGAIN: u32 = 30;
/// The least that a part of an answer counts for, however short it is.
const PART: usize = 64;

impl Engine {
    pub(super) fn on_frame(&mut self, frame: Frame) {
        // Nobody but the agent makes frames, so it is there.
        self.stuck = false;
        self.probe = None;
        self.wire.let_output_go();
        self.wire.hand_out();
        self.out_of_memory = 0;
        // All others come while something runs.
        if !b"s+yzk".contains(&frame.kind) {
            self.heeded = 0;
            if let Some(number) = Number::from_char(frame.number) {
                self.unread.answered(Sent::Request(number));
            }
        }
        match frame.kind {
            b's' => {
                if frame.payload.len() > UNASKED {
                    return tracing::warn!(
                        bytes = frame.payload.len(),
                        "what the board told of its own accord is too long"
                    );
                }
                // An error says that nobody listens.
                let _ = self.events.send(LinkEvent::Board(Arc::from(frame.payload)));
            }
            b'h' => self.has_read(),
            b'n' => self.on_refusal(frame.number),
            b'o' => self.on_pong(frame.number, &frame.payload),
            _ => self.on_answer(frame),
        }
    }

    fn on_answer(&mut self, frame: Frame) {
        let Some(number) = Number::from_char(frame.number) else {
            return;
        };
        let Some(at) = self.flying.iter().position(|flying| flying.number == number) else {
            return;
        };
        self.hush();
        let Frame { kind, payload, .. } = frame;
        // In capitals: the same, as base64.
        let (kind, payload) = if b"VEY".contains(&kind) {
            match decode(&payload) {
                Some(payload) => (kind.to_ascii_lowercase(), payload),
                None => return,
            }
        } else {
            (kind, payload)
        };
        match kind {
            b'f' => self.piece(at, &payload),
            b't' if self.flying[at].pieces.are_at_their_end(count(&payload)) => self.ask_again(at),
            b'v' => self.complete(at, Ok(Payload::Repr(payload))),
            b'e' => {
                let exception = exception::parse(&payload);
                if self.has_all(at, exception.items) {
                    let error = exception.into_error(&self.wire.take_output());
                    self.complete(at, Err(error));
                }
            }
            b'i' if self.has_all(at, count(&payload)) => {
                self.complete(
                    at,
                    Err(Error::from(ErrorKind::Interrupted).in_phase(Phase::Execute)),
                );
            }
            b'+' => self.part(at, &payload),
            b'b' => self.whole(at, count(&payload), Payload::Bytes),
            b'a' => self.whole(at, count(&payload), Payload::ByteArray),
            b'w' => self.whole(at, count(&payload), Payload::Repr),
            b'y' | b'z' | b'k' => self.item(at, kind, &payload),
            b'p' | b'd' if self.has_all(at, count(&payload)) => self.end_batch(at, kind == b'd'),
            b'g' => self.complete(at, Err(lost())),
            _ => {}
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

    fn part(&mut self, at: usize, payload: &[u8]) {
        let Some((index, data)) = part(payload) else {
            return;
        };
        if self.is_unwanted(at) {
            return;
        }
        if !self.flying[at].parts.contains_key(&index)
            && let Some(data) = decode(data)
            && self.keep(at, index, data)
        {
            self.head_since = Instant::now();
        }
    }

    /// Keeps a part of an answer, unless there is too much of it by now: then that is its end.
    fn keep(&mut self, at: usize, index: usize, data: Vec<u8>) -> bool {
        let limit = self.options.answer_limit;
        let flying = &mut self.flying[at];
        flying.size += data.len().max(PART);
        if flying.size > limit {
            self.too_long(at);
            return false;
        }
        flying.asked_again = 0;
        flying.parts.insert(index, data);
        true
    }

    /// Takes a piece of a frame; when that is whole it is looked at as any other.
    fn piece(&mut self, at: usize, payload: &[u8]) {
        let Some(piece) = Piece::parse(payload) else {
            return;
        };
        if self.is_unwanted(at) {
            return;
        }
        let limit = self.options.answer_limit;
        let flying = &mut self.flying[at];
        let had = piece.frame < flying.delivered || flying.parts.contains_key(&piece.frame);
        if had || flying.pieces.have(&piece) {
            return;
        }
        flying.size += piece.text.len().max(PART);
        if flying.size > limit {
            return self.too_long(at);
        }
        flying.asked_again = 0;
        self.head_since = Instant::now();
        if let Some(frame) = self.flying[at].pieces.take(piece) {
            self.on_answer(frame);
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
    fn whole(&mut self, at: usize, count: usize, payload: fn(Vec<u8>) -> Payload) {
        if self.is_unwanted(at) {
            return self.complete(at, Ok(payload(Vec::new())));
        }
        let parts = &self.flying[at].parts;
        let data: Option<Vec<_>> = (0..count)
            .map(|index| parts.get(&index).map(Vec::as_slice))
            .take(parts.len() + 1)
            .collect();
        match data {
            Some(data) => {
                let data = data.concat();
                self.complete(at, Ok(payload(data)));
            }
            None => self.ask_again(at),
        }
    }

    fn item(&mut self, at: usize, kind: u8, payload: &[u8]) {
        let Some((index, data)) = part(payload) else {
            return;
        };
        let Sink::Batch(stream) = self.flying[at].job.sink else {
            return;
        };
        if index < self.flying[at].delivered || index >= CREDIT {
            return;
        }
        // One that comes before another that is missing is kept until the other one has come again.
        if !self.keep(at, index, [&[kind], data].concat()) {
            return;
        }
        while let Some(item) = self.flying[at].take_item() {
            self.head_since = Instant::now();
            let item = match item.as_slice() {
                [b'z', data @ ..] => decode(data).map(Payload::Bytes),
                [b'k', data @ ..] => decode(data).map(Payload::ByteArray),
                [_, data @ ..] => Some(Payload::Repr(data.to_vec())),
                [] => None,
            };
            if let Some(item) = item {
                self.deliver(stream, item);
            }
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
        self.answer(flying.job.sink, result.map(|payload| Answer { payload, printed }));
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
        let in_pieces = !self.is_small();
        let flying = &mut self.flying[at];
        if flying.pieces.are_under_way() {
            return;
        }
        flying.asked_again += 1;
        if flying.asked_again > ASKING_AGAIN {
            self.complete(at, Err(lost()));
            return;
        }
        let missing = if in_pieces {
            flying.ask_for_missing()
        } else {
            String::new()
        };
        let number = flying.number;
        let line = self.lines.control(number, b'R', &missing);
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
    fn ask_for_missing(&mut self) -> String {
        let mut missing = self.delivered..;
        let frame = missing.find(|frame| !self.parts.contains_key(frame)).unwrap_or(0);
        self.pieces.ask(frame, self.parts.contains_key(&(frame + 1)))
    }

    /// The next item of a batch, if it has come.
    fn take_item(&mut self) -> Option<Vec<u8>> {
        let item = self.parts.remove(&self.delivered)?;
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

pub(super) fn decode(data: &[u8]) -> Option<Vec<u8>> {
    BASE64_STANDARD.decode(data).ok()
}

fn count(payload: &[u8]) -> usize {
    std::str::from_utf8(payload)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(0)
}

/// An index and what belongs to it.
fn part(payload: &[u8]) -> Option<(usize, &[u8])> {
    let colon = payload.iter().position(|byte| *byte == b':')?;
    let index = std::str::from_utf8(&payload[..colon]).ok()?.parse().ok()?;
    Some((index, &payload[colon + 1..]))
}
