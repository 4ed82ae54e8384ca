//! The conversation with a board, without a port and without a clock. Received bytes and the current time go in. The
//! bytes to write come out, and the instant at which something is due even if nothing arrives.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::ahead::Ahead;
use super::asked::{Asked, Told};
use super::calls::{Calls, Job, Launched, Reply, Sink};
use super::ending::{End, Ending};
use super::events::EventSender;
use super::line::{Item as Come, Line, UNASKED};
use super::liveness::Liveness;
use super::questions::Waiting;
use super::streams::{Item, Streams};
use super::taken::Watch;
use super::told::ToldHub;
use super::unread::{Room, Sent};
use super::{Deadlines, Hello, LinkOptions, ResetPolicy};
use crate::agent::{self, Flavour, Lines};
use crate::error::Result;

/// A command from the rest of the program to the link's task.
#[derive(Debug)]
pub(super) enum Command {
    Request {
        id: u64,
        request: agent::Request,
        /// Whether what it prints is part of its answer.
        printed: bool,
        deadline: Duration,
        reply: Reply,
    },
    /// The caller no longer waits for this request.
    Cancel(u64),
    Open {
        stream: u64,
        request: agent::Request,
        deadline: Duration,
        items: mpsc::UnboundedSender<Item>,
    },
    /// A stream may have so many more items, after so many bytes of it were taken.
    Credit(u64, usize, usize),
    /// The consumer wants no more of this stream.
    CloseStream(u64),
    /// All requests and streams are to end.
    EndAll,
    Reset(ResetPolicy, oneshot::Sender<Result<()>>),
    Close(oneshot::Sender<Result<()>>),
    /// The host has answered a question of the board's.
    Told(Told),
}

/// The state of a conversation.
pub(super) struct Conversation {
    pub(super) line: Line,
    /// The current time.
    pub(super) now: Instant,
    pub(super) options: LinkOptions,
    pub(super) flavour: Flavour,
    /// The seed of the checksums.
    pub(super) seed: u32,
    pub(super) boot: u64,
    pub(super) events: EventSender,
    /// Where the events go that function bodies send.
    pub(super) told: Arc<ToldHub>,
    pub(super) ending: Arc<Ending>,
    pub(super) calls: Calls,
    pub(super) streams: Streams,
    pub(super) liveness: Liveness,
    pub(super) watch: Watch,
    /// Bytes on their way to the board, if they may take a while.
    pub(super) ahead: Ahead,
    /// Whether the conversation is about to end, so that nothing new is sent.
    leaving: bool,
    /// The callers of the requests that a reset ends. They are told once it is known what became of the board.
    pub(super) untold: Vec<Sink>,
    /// The board's questions, and the channel by which this link receives the answers.
    pub(super) asked: Arc<Asked>,
    pub(super) commands: mpsc::WeakUnboundedSender<Command>,
    /// The question that the call in flight has asked.
    pub(super) waiting: Option<Waiting>,
}

/// Something that needs the port for itself: the conversation is handed nothing before it is done.
#[derive(Debug)]
pub(super) enum Way {
    /// Resume the agent: the board is in the raw REPL.
    Back,
    Reset(ResetPolicy, oneshot::Sender<Result<()>>),
    Close(oneshot::Sender<Result<()>>),
    /// The conversation has ended.
    End(End),
}

/// The result of handling an event: an error is something that needs the port for itself.
pub(super) type Handled = Result<(), Way>;

impl Conversation {
    /// A conversation that begins now, with a board that has completed the handshake.
    #[expect(
        clippy::too_many_arguments,
        reason = "each is something else that it begins with"
    )]
    pub(super) fn new(
        line: Line,
        hello: &Hello,
        seed: u32,
        options: LinkOptions,
        (events, told): (EventSender, Arc<ToldHub>),
        ending: Arc<Ending>,
        (asked, commands): (Arc<Asked>, mpsc::WeakUnboundedSender<Command>),
        now: Instant,
    ) -> Self {
        let flavour = hello.flavour;
        let room = Room::of(&hello.implementation, line.repl.has_raw_paste() != Some(false));
        let lines = Lines::new(flavour, seed, line.flow_control());
        let Deadlines {
            interrupt, resync, ..
        } = options.deadlines;
        let liveness = Liveness::new(room, interrupt, resync);
        Self {
            line,
            now,
            options,
            flavour,
            seed,
            boot: hello.boot,
            events,
            told,
            ending,
            calls: Calls::new(flavour, lines, now),
            streams: Streams::default(),
            liveness,
            watch: Watch::default(),
            ahead: Ahead::default(),
            leaving: false,
            untold: Vec::new(),
            asked,
            commands,
            waiting: None,
        }
    }

    /// Handles received bytes.
    pub(super) fn on_bytes(&mut self, now: Instant, bytes: &[u8]) -> Handled {
        self.line.take(bytes);
        self.go_on(now)
    }

    /// Handles what has been received and not handled yet.
    pub(super) fn go_on(&mut self, now: Instant) -> Handled {
        self.now = now;
        self.settle();
        while let Some(item) = self.line.next_item() {
            self.on_item(item)?;
            self.settle();
        }
        Ok(())
    }

    /// Handles a command.
    pub(super) fn on_command(&mut self, now: Instant, command: Command) -> Handled {
        self.now = now;
        self.take_command(command)?;
        self.settle();
        Ok(())
    }

    /// Does what is due at the [next instant](Self::next_instant), which has come.
    pub(super) fn on_instant(&mut self, now: Instant) {
        self.now = now;
        self.on_timer();
        self.settle();
    }

    /// No more bytes are available for now, so the output so far is published.
    pub(super) fn on_pause(&mut self) {
        if self.liveness.may_be_left(self.now) {
            self.line.hand_out_but_end();
        } else {
            self.line.hand_out();
        }
    }

    /// Sends what may be sent.
    pub(super) fn settle(&mut self) {
        self.mind_questions();
        self.fill();
        self.limit_frames();
    }

    /// Sets the longest frame that is accepted, by whether an answer is expected.
    fn limit_frames(&mut self) {
        self.line.limit_frames(if self.calls.none_flies() {
            UNASKED
        } else {
            self.options.answer_limit
        });
    }

    fn fill(&mut self) {
        if self.leaving {
            return;
        }
        if self.liveness.is_stuck() && self.calls.any_waits() {
            // It did not react to earlier interrupts; perhaps it does by now.
            self.interrupt();
        }
        if self.liveness.is_asking() || self.liveness.is_interrupting() || self.reads_answers() {
            return;
        }
        let window = self.flavour.window(self.line.flow_control());
        while self.calls.any_waits() {
            let unread = &self.liveness.unread;
            let has_read_all = unread.is_empty();
            let has_room_for = |bytes| unread.has_room_for(bytes);
            let launched = self.calls.launch(window, has_read_all, has_room_for, self.now);
            let Some(launched) = launched else {
                if self.calls.none_flies() {
                    // What counts as unread may have been meant for a prompt. If there is none, nothing else would
                    // answer it.
                    self.ping();
                }
                break;
            };
            self.send(&launched);
        }
    }

    fn send(&mut self, launched: &Launched) {
        if launched.first {
            self.liveness.hush(self.now);
            self.line.forget_tail();
            self.keep_printed(launched.printed);
        }
        self.transmit(&launched.line, Sent::Request(launched.number));
        self.line.mark_request();
        self.watch_request(launched.line.len());
    }

    /// From now on, keeps output for a request that wants it, or not.
    pub(super) fn keep_printed(&mut self, wanted: bool) {
        let limit = self.options.answer_limit;
        self.line.keep_printed(wanted.then_some(limit));
    }

    /// Sends the agent a line, by itself or typed as a source.
    pub(super) fn transmit(&mut self, line: &[u8], what: Sent) {
        if self.flavour.stays() {
            self.say(line, what);
        } else {
            self.type_line(line, what);
        }
    }

    fn take_command(&mut self, command: Command) -> Handled {
        match command {
            Command::Request {
                id,
                request,
                printed,
                deadline,
                reply,
            } => {
                let alone = self.calls.push(Job {
                    id,
                    request,
                    deadline,
                    sink: Sink::Reply(reply),
                    printed,
                    since: self.now,
                });
                if alone {
                    self.liveness.hasten(self.now);
                }
            }
            Command::Cancel(id) => self.cancel(id),
            Command::Open {
                stream,
                request,
                deadline,
                items,
            } => self.open_stream(stream, request, deadline, items),
            Command::Credit(stream, more, bytes) => self.grant(stream, more, bytes),
            Command::CloseStream(stream) => self.close_stream(stream),
            Command::EndAll => self.end_all(),
            Command::Reset(policy, done) => return Err(Way::Reset(policy, done)),
            Command::Close(done) => return Err(Way::Close(done)),
            Command::Told(told) => self.on_told(&told),
        }
        Ok(())
    }

    fn on_item(&mut self, item: Come) -> Handled {
        match item {
            Come::Frame(frame) => self.on_frame(frame),
            Come::TooLong(number) => self.on_too_long(number),
            Come::Damaged { number, kind } => self.on_damaged(number, kind),
            Come::Repl(event) => return self.on_event(event),
        }
        Ok(())
    }

    /// Prepares for the end: nothing new is sent, and what is in flight is interrupted.
    pub(super) fn begin_to_leave(&mut self, now: Instant) {
        self.now = now;
        self.leaving = true;
        if !self.calls.none_flies() && !self.liveness.is_interrupting() {
            self.interrupt();
        }
    }

    /// Prepares for a reset, which ends what is in flight once that has cleaned up. Callers are told after the reset.
    pub(super) fn begin_to_reset(&mut self, now: Instant) {
        self.untold = self.calls.abandon_untold(now);
        self.begin_to_leave(now);
    }

    /// What goes over the line.
    pub(super) fn line(&mut self) -> &mut Line {
        &mut self.line
    }

    pub(super) fn deadlines(&self) -> Deadlines {
        self.options.deadlines
    }

    /// How many bytes the agent reads at once.
    pub(super) fn reads_at_once(&self) -> i64 {
        self.flavour.reads_at_once(self.line.flow_control())
    }

    /// Whether something is being interrupted.
    pub(super) fn interrupts(&self) -> bool {
        self.liveness.is_interrupting()
    }

    /// Whether the board may be doing anything but waiting for a line.
    pub(super) fn is_busy(&self) -> bool {
        !self.calls.none_flies() || self.liveness.is_asking()
    }

    /// The line that makes the agent quit.
    pub(super) fn farewell(&self) -> Vec<u8> {
        self.calls.farewell()
    }
}
