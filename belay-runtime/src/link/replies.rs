//! What each frame from the board means.

use std::sync::Arc;
use std::time::Duration;

use super::calls::Sink;
use super::conversation::Conversation;
use super::incoming::{AskAgain, Kept};
use super::line::UNASKED;
use super::timing::GRACE;
use super::unread::Sent;
use super::{Answer, LinkEvent, Payload};
use crate::agent::{Form, Number, Piece, Reply, ReplyKind, Request};
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::protocol::Frame;

impl Conversation {
    pub(super) fn on_frame(&mut self, frame: Frame) {
        let kind = ReplyKind::of(frame.kind);
        if kind.is_some_and(ReplyKind::is_unasked) {
            self.line.hand_out();
        } else {
            self.agent_is_there();
        }
        // Frames of the other kinds come while something runs, so they do not show that anything was read.
        if !kind.is_some_and(ReplyKind::is_in_between) {
            self.liveness.unread.some_is_read();
            if let Some(number) = Number::from_char(frame.number) {
                self.liveness.unread.answered(Sent::Request(number));
            }
        }
        let number = frame.number;
        match Reply::decode(frame) {
            Some(Reply::Event(value)) => self.on_board_event(value),
            Some(Reply::Told(told)) => self.told.take(told, self.now),
            Some(Reply::Heard) => self.on_heard(),
            Some(Reply::Question(question)) => self.on_question(number, question),
            Some(Reply::Hello(_)) => self.liveness.unread.all_is_read(),
            Some(Reply::Refusal) => self.on_refusal(number),
            Some(Reply::Pong(pong)) => self.on_pong(number, &pong),
            Some(reply) => self.on_answer(number, reply),
            None => {}
        }
    }

    /// Handles a sign that the agent is there: a frame that only the agent sends, or a body that it runs. The frames
    /// of threads are none, since threads go on when the board has left the agent.
    pub(super) fn agent_is_there(&mut self) {
        self.liveness.heard();
        self.line.let_output_go();
        self.line.hand_out();
    }

    pub(super) fn on_board_event(&mut self, value: Vec<u8>) {
        if value.len() > UNASKED {
            return tracing::warn!(
                bytes = value.len(),
                "what the board has sent unasked is too long and is dropped"
            );
        }
        self.events.send(LinkEvent::Board(Arc::from(value)));
    }

    fn on_answer(&mut self, number: u8, reply: Reply) {
        let Some(at) = self.calls.place(number) else {
            return;
        };
        self.liveness.hush(self.now);
        match reply {
            Reply::Value(value) => self.complete(at, Ok(Payload::Repr(value))),
            Reply::Packed(code, data) => self.complete(at, Ok(Payload::Packed(code, data))),
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
                    let error = raised.into_error(&self.line.take_output());
                    let error = self.with_host_failure(self.calls.flying(at).number, error);
                    self.complete(at, Err(error));
                }
            }
            Reply::Interrupted(items) => {
                // A line error can turn any byte into a Ctrl-C, which costs unread input as one of ours does.
                self.watch.cut(!self.flavour.stays() || self.calls.any_behind(at));
                if self.has_all(at, items) {
                    let interrupted = Error::from(ErrorKind::Interrupted).in_phase(Phase::Execute);
                    self.complete(at, Err(interrupted));
                }
            }
            Reply::Piece(piece) => self.piece(at, piece),
            Reply::Pieces(from) => {
                let flying = self.calls.flying_mut(at);
                let number = flying.number;
                if flying.incoming.pieces_end(from) && !self.asks(number) {
                    self.ask_again(at);
                }
            }
            Reply::Forgotten => self.complete(at, Err(lost())),
            // These belong to no request.
            Reply::Hello(_)
            | Reply::Event(_)
            | Reply::Told(_)
            | Reply::Question(_)
            | Reply::Heard
            | Reply::Refusal
            | Reply::Pong(_)
            | Reply::Farewell
            | Reply::Received => {}
        }
    }

    /// Whether all items of a batch have come; if not, requests the missing ones again.
    fn has_all(&mut self, at: usize, items: usize) -> bool {
        let flying = self.calls.flying(at);
        let all = flying.incoming.delivered() >= items || flying.is_unwanted();
        if !all {
            self.ask_again(at);
        }
        all
    }

    fn part(&mut self, at: usize, index: usize, data: Vec<u8>) {
        let limit = self.options.answer_limit;
        let flying = self.calls.flying_mut(at);
        if !flying.is_unwanted() {
            let kept = flying.incoming.part(index, data, limit);
            self.kept(at, kept);
        }
    }

    /// Takes a piece of a frame. A frame that it completes is handled like any other.
    fn piece(&mut self, at: usize, piece: Piece) {
        let limit = self.options.answer_limit;
        let flying = self.calls.flying_mut(at);
        if flying.is_unwanted() {
            return;
        }
        let kept = flying.incoming.piece(piece, limit);
        if let Some(frame) = self.kept(at, kept) {
            let number = frame.number;
            if let Some(reply) = Reply::decode(frame) {
                self.on_answer(number, reply);
            }
        }
    }

    /// Records that a part of an answer has come, and ends the answer if it exceeds the limit. Returns the frame that
    /// the part has completed.
    fn kept(&mut self, at: usize, kept: Kept) -> Option<Frame> {
        match kept {
            Kept::New(frame) => {
                self.calls.head_lives(self.now);
                frame
            }
            Kept::Had => None,
            Kept::TooMuch => {
                self.too_long(at);
                None
            }
        }
    }

    /// An answer exceeds the limit. Its frame was not kept, so there is no checksum to verify.
    pub(super) fn on_too_long(&mut self, number: u8) {
        if let Some(at) = self.calls.place(number) {
            self.too_long(at);
        }
    }

    fn too_long(&mut self, at: usize) {
        let flying = self.calls.flying_mut(at);
        // If the board goes on sending, it is interrupted.
        flying.abandoned = Some(self.now + GRACE);
        flying.incoming.forget();
        let sink = std::mem::replace(&mut flying.job.sink, Sink::Nobody);
        if let Sink::Batch(stream) = sink {
            self.close_on_board(stream);
        }
        let limit = self.options.answer_limit;
        let error = Error::from(ErrorKind::TooLong { limit }).in_phase(Phase::Execute);
        self.answer(sink, Err(error));
    }

    /// The end of an answer in parts has come.
    fn whole(&mut self, at: usize, count: usize, form: Form) {
        let flying = self.calls.flying(at);
        if flying.is_unwanted() {
            return self.complete(at, Ok(form.of(Vec::new())));
        }
        match flying.incoming.whole(count) {
            Some(data) => self.complete(at, Ok(form.of(data))),
            None => drop(self.ask_again(at)),
        }
    }

    fn item(&mut self, at: usize, index: usize, item: Payload) {
        let limit = self.options.answer_limit;
        let flying = self.calls.flying_mut(at);
        let Sink::Batch(stream) = flying.job.sink else {
            return;
        };
        match flying.incoming.item(index, item, limit) {
            Kept::New(_) => {}
            Kept::Had => return,
            Kept::TooMuch => return self.too_long(at),
        }
        while let Some(item) = self.calls.flying_mut(at).incoming.next_item() {
            self.calls.head_lives(self.now);
            self.deliver(stream, item);
        }
    }

    /// Ends the request at this position with this result.
    pub(super) fn complete(&mut self, at: usize, result: Result<Payload>) {
        let Some(flying) = self.calls.remove(at) else {
            return;
        };
        self.calls.head_lives(self.now);
        self.liveness.answered(self.now);
        let result = if flying.timed_out && result.is_err() {
            Err(self.timeout(flying.job.deadline))
        } else {
            result
        };
        // What was printed before this answer belongs to it, and what comes now belongs to the next one.
        let printed = if flying.job.printed {
            self.line.take_printed()
        } else {
            Vec::new()
        };
        let wanted = self.calls.any_wants_printed();
        self.keep_printed(wanted);
        self.hand_over(flying.job.sink, result.map(|payload| Answer { payload, printed }));
        self.line.forget_output();
        // Answers come in order: those before this one that have not come are lost.
        self.ask_again_before(at);
        self.mind_head(GRACE);
        if at == 0 && !self.calls.none_flies() {
            // The board has ended what was interrupted. The request that it goes on with is interrupted in its turn,
            // or not at all.
            self.liveness.interrupt_is_over();
        }
    }

    pub(super) fn answer(&mut self, sink: Sink, result: Result<Answer>) {
        self.line.hand_out();
        match sink {
            Sink::Reply(reply) => {
                // An error means that the caller no longer waits.
                let _ = reply.send(result);
            }
            Sink::Batch(stream) => self.streams.end(stream, result.map(drop)),
            Sink::Nobody => {}
        }
    }

    /// Requests all answers before this one again.
    pub(super) fn ask_again_before(&mut self, at: usize) {
        for earlier in (0..at).rev() {
            if !self.ask_again(earlier) {
                break;
            }
        }
    }

    /// Requests an answer again that was lost on the way; the board keeps it. Returns false if it was requested too
    /// often: then the request has failed, and the answers before it have been requested.
    pub(super) fn ask_again(&mut self, at: usize) -> bool {
        let in_pieces = self.flavour.answers_in_pieces();
        let flying = self.calls.flying_mut(at);
        let number = flying.number;
        match flying.incoming.ask_again(in_pieces) {
            AskAgain::UnderWay => {}
            AskAgain::GivenUp => {
                self.complete(at, Err(lost()));
                return false;
            }
            AskAgain::For(missing) => {
                let line = self.calls.question(number, &Request::Again(missing));
                self.transmit(&line, Sent::Request(number));
            }
        }
        true
    }

    /// The error of a call whose deadline has passed. It has what the call printed, and none of the protocol text.
    pub(super) fn timeout(&mut self, after: Duration) -> Error {
        Error::from(ErrorKind::Timeout {
            after,
            received: self.line.take_output(),
        })
        .in_phase(Phase::Execute)
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
