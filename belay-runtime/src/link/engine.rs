//! The task that owns the port: what it knows, and its loop.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::task::coop::consume_budget;
use tokio::time::{Instant, Sleep};

use super::ahead::Ahead;
use super::ending::{End, Ending};
use super::pieces::Pieces;
use super::taken::Watch;
use super::timing::{Barrier, Interrupt, Probe};
use super::unread::{Sent, Unread};
use super::wire::{self, UNASKED, Wire};
use super::{Answer, LinkEvent, LinkOptions, Payload, ResetPolicy};
use crate::agent::{self, Flavour, Lines, Number};
use crate::error::{Phase, Result};

/// What the rest of the program tells the task.
#[derive(Debug)]
pub(super) enum Command {
    Request {
        id: u64,
        request: agent::Request,
        /// Whether what it prints belongs to its answer.
        printed: bool,
        deadline: Duration,
        reply: Reply,
    },
    /// Nobody waits for this request any more.
    Cancel(u64),
    Open {
        stream: u64,
        expression: String,
        deadline: Duration,
        items: mpsc::UnboundedSender<Item>,
    },
    /// So many more items of a stream may come, after so many bytes of it were taken.
    Credit(u64, usize, usize),
    /// Nobody wants more of this stream.
    CloseStream(u64),
    /// All requests and streams are to end.
    EndAll,
    Reset(ResetPolicy, oneshot::Sender<Result<()>>),
    Close(oneshot::Sender<Result<()>>),
}

pub(super) type Reply = oneshot::Sender<Result<Answer>>;

/// An item of a stream; nothing is the end of it.
pub(super) type Item = Result<Option<Payload>>;

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
    pub(super) request: agent::Request,
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
    pub(super) line: Vec<u8>,
    /// Whether something ran when it was sent.
    pub(super) behind: bool,
    /// The parts of its answer, or the items of a batch that are not delivered yet, by index.
    pub(super) parts: BTreeMap<usize, Part>,
    /// How much room they have taken.
    pub(super) size: usize,
    /// How many items of a batch have been delivered.
    pub(super) delivered: usize,
    /// When the board is interrupted (again) because nobody waits any more.
    pub(super) abandoned: Option<Instant>,
    /// Whether that is because its deadline passed.
    pub(super) timed_out: bool,
    /// How often its answer was asked for again since anything of it came.
    pub(super) asked_again: u32,
    /// What has come of it in pieces.
    pub(super) pieces: Pieces,
}

/// A part of an answer that has come before the rest.
#[derive(Debug)]
pub(super) enum Part {
    /// Of a value.
    Bytes(Vec<u8>),
    /// Of a batch.
    Item(Payload),
}

impl Part {
    /// What there is of a value.
    pub(super) fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Item(_) => None,
        }
    }
}

/// A stream's host side.
#[derive(Debug)]
pub(super) struct Flow {
    pub(super) items: mpsc::UnboundedSender<Item>,
    pub(super) deadline: Duration,
    /// How many more items may come.
    pub(super) credit: usize,
    /// How many bytes wait for the consumer.
    pub(super) waiting: usize,
    /// Since when an item is owed, if batches have come without one.
    pub(super) owed: Option<Instant>,
    /// Whether a batch is queued or under way.
    pub(super) busy: bool,
    /// Whether nobody wants more of it.
    pub(super) closed: bool,
}

pub(super) struct Engine {
    pub(super) wire: Wire,
    pub(super) lines: Lines,
    pub(super) options: LinkOptions,
    pub(super) flavour: Flavour,
    /// What checksums begin with.
    pub(super) seed: u32,
    pub(super) boot: u64,
    pub(super) commands: mpsc::UnboundedReceiver<Command>,
    pub(super) events: broadcast::Sender<LinkEvent>,
    pub(super) ending: Arc<Ending>,
    pub(super) queue: VecDeque<Job>,
    pub(super) flying: VecDeque<Flying>,
    /// The number of the next request that is sent.
    pub(super) next: Number,
    pub(super) sources: BTreeMap<u64, Flow>,
    /// When the request at the head began to be the board's business, or gave its last sign of life.
    pub(super) head_since: Instant,
    /// When to ask, after silence, whether the board is there; and how long to wait before asking again.
    pub(super) silence: Option<(Instant, Duration)>,
    pub(super) barrier: Option<Barrier>,
    pub(super) watch: Watch,
    /// What the board may not have read yet.
    pub(super) unread: Unread,
    /// How many signs of a restart have been looked into since then.
    pub(super) heeded: u32,
    pub(super) interrupt: Option<Interrupt>,
    /// What is on its way to the board, if that may take a while.
    pub(super) ahead: Option<Ahead>,
    pub(super) probe: Option<Probe>,
    /// When the first interrupt, or return from a prompt, came since a request was last answered.
    pub(super) trouble: Option<Instant>,
    /// How often in a row a source ran out of memory on the board without an answer.
    pub(super) out_of_memory: u32,
    /// Whether the board did not react to Ctrl-C in time and has not been heard of since.
    pub(super) stuck: bool,
    pub(super) tokens: u32,
    pub(super) timer: Pin<Box<Sleep>>,
    /// Which source of work is looked at first the next time.
    pub(super) turn: usize,
}

/// The sources of work, each of which is looked at first in its turn: none that never runs dry keeps the others from
/// being heard.
const SOURCES: [Source; 3] = [Source::Timer, Source::Commands, Source::Line];

#[derive(Debug, Clone, Copy)]
enum Source {
    Timer,
    Commands,
    Line,
}

pub(super) enum Step {
    Item(wire::Item),
    Command(Option<Command>),
    Timer,
}

impl Engine {
    /// Works until the conversation is at its end, and tells everybody who waits.
    pub(super) async fn run(mut self) {
        let end = loop {
            self.fill();
            self.limit_frames();
            let handled = match self.step(true).await {
                Ok(Step::Item(item)) => self.on_item(item).await,
                Ok(Step::Command(Some(command))) => self.on_command(command).await,
                Ok(Step::Command(None)) => {
                    // Nobody is left to be told whether the board took part in it.
                    let _ = self.leave().await;
                    Err(End::Closed)
                }
                Ok(Step::Timer) => {
                    self.on_timer();
                    Ok(())
                }
                Err(error) => Err(error.into()),
            };
            if let Err(end) = handled {
                break end;
            }
        };
        self.finish(end).await;
    }

    /// How long a frame may be depends on whether one was asked for.
    fn limit_frames(&mut self) {
        self.wire.limit_frames(if self.flying.is_empty() {
            UNASKED
        } else {
            self.options.answer_limit
        });
    }

    /// Waits for the next thing that happens; of commands only if they are wanted.
    pub(super) async fn step(&mut self, commands_too: bool) -> io::Result<Step> {
        let wanted = self.next_instant();
        if let Some(wanted) = wanted
            && (wanted < self.timer.deadline() || self.timer.is_elapsed())
        {
            self.timer.as_mut().reset(wanted);
        }
        let first = self.turn;
        self.turn = (first + 1) % SOURCES.len();
        // Work that is always there must not keep other tasks from running either.
        consume_budget().await;
        let Self {
            wire,
            commands,
            timer,
            ..
        } = self;
        std::future::poll_fn(|cx| {
            for at in 0..SOURCES.len() {
                let step = match SOURCES[(first + at) % SOURCES.len()] {
                    Source::Timer if wanted.is_some() => timer.as_mut().poll(cx).map(|()| Ok(Step::Timer)),
                    Source::Timer => Poll::Pending,
                    Source::Commands if !commands_too => Poll::Pending,
                    Source::Commands => commands.poll_recv(cx).map(|command| Ok(Step::Command(command))),
                    Source::Line => wire.poll(cx).map(|item| item.map(Step::Item)),
                };
                if step.is_ready() {
                    return step;
                }
            }
            Poll::Pending
        })
        .await
    }

    /// Sends what may be sent.
    fn fill(&mut self) {
        if self.stuck && !self.queue.is_empty() && self.interrupt.is_none() {
            // Perhaps it reacts by now.
            self.interrupt();
        }
        if self.queue.is_empty() || self.barrier.is_some() || self.interrupt.is_some() {
            return;
        }
        while let Some(job) = self.queue.front() {
            if !self.may_send(&job.request) {
                if self.flying.is_empty() {
                    // What stands before it may be for a prompt, and is answered by nobody if there is none.
                    self.ping();
                }
                break;
            }
            let Some(job) = self.queue.pop_front() else { break };
            self.launch(job);
        }
    }

    fn may_send(&self, request: &agent::Request) -> bool {
        let window = self.flavour.window(self.wire.flow_control());
        let long = |length: usize| length > 64;
        if self.flying.is_empty() {
            return self.unread.is_empty() || self.has_room_for(self.length(request));
        }
        self.flying.len() < window
            && !long(request.encode(self.flavour).1.len())
            && !self.flying.iter().any(|flying| long(flying.line.len()))
            && self.has_room_for(self.length(request))
            // The interrupt that will end such a one could hit what comes behind it.
            && self.flying.iter().all(|flying| flying.abandoned.is_none())
    }

    /// How long the line of a request is.
    fn length(&self, request: &agent::Request) -> usize {
        self.encode(self.next, request).len()
    }

    fn launch(&mut self, job: Job) {
        let number = self.next;
        self.next = number.next();
        let line = self.encode(number, &job.request);
        let behind = !self.flying.is_empty();
        if !behind {
            self.head_since = Instant::now();
            self.hush();
            self.wire.forget_tail();
            self.keep_printed(job.printed);
        }
        self.transmit(&line, Sent::Request(number));
        self.wire.mark_request();
        self.watch_request(line.len());
        self.flying.push_back(Flying {
            job,
            number,
            line,
            behind,
            parts: BTreeMap::new(),
            size: 0,
            delivered: 0,
            abandoned: None,
            timed_out: false,
            asked_again: 0,
            pieces: Pieces::default(),
        });
    }

    /// From now on, what is printed belongs to somebody's answer, or not.
    pub(super) fn keep_printed(&mut self, wanted: bool) {
        let limit = self.options.answer_limit;
        self.wire.keep_printed(wanted.then_some(limit));
    }

    /// The line of a request, which tells the board how many answers before it are still missing here.
    pub(super) fn encode(&self, number: Number, request: &agent::Request) -> Vec<u8> {
        let oldest = self.flying.front().map_or(number, |flying| flying.number);
        self.lines.request(number, number.since(oldest), request)
    }

    /// Gets a line to the board, in the way of this link.
    pub(super) fn transmit(&mut self, line: &[u8], what: Sent) {
        if self.flavour.stays() {
            self.say(line, what);
        } else {
            self.type_line(line, what);
        }
    }

    async fn on_command(&mut self, command: Command) -> Result<(), End> {
        match command {
            Command::Request {
                id,
                request,
                printed,
                deadline,
                reply,
            } => {
                self.queue.push_back(Job {
                    id,
                    request,
                    deadline,
                    sink: Sink::Reply(reply),
                    printed,
                    since: Instant::now(),
                });
                if self.queue.len() == 1 && self.flying.is_empty() {
                    self.hasten();
                }
            }
            Command::Cancel(id) => self.cancel(id),
            Command::Open {
                stream,
                expression,
                deadline,
                items,
            } => self.open_stream(stream, expression, deadline, items),
            Command::Credit(stream, more, bytes) => self.grant(stream, more, bytes),
            Command::CloseStream(stream) => self.close_stream(stream),
            Command::EndAll => self.end_all(),
            Command::Reset(policy, done) => return self.reset(policy, done).await,
            Command::Close(done) => {
                let left = self.leave().await;
                self.wire.close(self.options.deadlines.close).await;
                let _ = done.send(left.map_err(|error| error.in_phase(Phase::Close)));
                return Err(End::Closed);
            }
        }
        Ok(())
    }

    pub(super) async fn on_item(&mut self, item: wire::Item) -> Result<(), End> {
        match item {
            wire::Item::Frame(frame) => {
                self.on_frame(frame);
                Ok(())
            }
            wire::Item::TooLong(number) => {
                self.on_too_long(number);
                Ok(())
            }
            wire::Item::Damaged { number, kind } => {
                self.on_damaged(number, kind);
                Ok(())
            }
            wire::Item::Repl(event) => self.on_event(event).await,
        }
    }
}
