//! The task that owns the port: it always drains it, sends requests, matches replies, interrupts and
//! resynchronises.

mod ahead;
mod ending;
mod engine;
mod exception;
mod ladder;
mod options;
mod output;
mod own_words;
mod pieces;
mod raw;
mod recover;
mod replies;
mod start;
mod streams;
mod timing;
mod unread;
mod wire;

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout_at};

use self::ending::Ending;
use self::engine::{Command, Engine, Item, Work};
pub(crate) use self::output::OutputHub;
use self::output::{OutputSender, OutputSource};
use self::start::Session;
use self::unread::{Room, Unread};
use self::wire::Wire;
use crate::clock::bounded;
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::protocol::{Checksum, Lines, Number};
use crate::python::Arguments;
use crate::transport::Connector;

pub use options::{CallPath, Deadlines, LinkOptions, ResetPolicy};
pub use output::{Output, OutputSubscription};

/// How many events wait for a subscriber that does not keep up.
const EVENTS: usize = 256;
/// How much source a small board gets at once.
const PART: usize = 120;

/// A conversation with one board, from opening its port to its end: a close, a reset or a lost port.
///
/// Cheap to clone; all clones are the same conversation. When the last one is dropped, the port is closed.
#[derive(Debug, Clone)]
pub struct Link {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    hello: Hello,
    commands: mpsc::UnboundedSender<Command>,
    events: broadcast::WeakSender<LinkEvent>,
    output: OutputSource,
    ending: Arc<Ending>,
    ids: AtomicU64,
    /// Whether a small board has what it needs to read bytes and arrays.
    bytes: AtomicBool,
    /// Held while source is sent in parts.
    parts: tokio::sync::Mutex<()>,
}

/// What is asked of the board.
#[derive(Debug, Clone)]
pub enum Request {
    /// Calls a function that was deployed.
    Call {
        /// The alias that the board gave it when it was deployed, or any name in the agent's globals.
        function: String,
        /// Its arguments.
        arguments: Arguments,
    },
    /// Evaluates one Python expression over the agent's globals: printable ASCII, one line.
    Evaluate(String),
}

/// What the board answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// The value as the board's `repr` writes it, without control characters.
    Repr(Vec<u8>),
    /// The value was a `bytes` or `memoryview` large enough to be sent as what it is.
    Bytes(Vec<u8>),
    /// The same of a `bytearray`.
    ByteArray(Vec<u8>),
}

impl Payload {
    /// How many bytes there are of it.
    fn len(&self) -> usize {
        match self {
            Self::Repr(bytes) | Self::Bytes(bytes) | Self::ByteArray(bytes) => bytes.len(),
        }
    }
}

/// What the board answered, with what it printed before that and since the answer before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What it answered.
    pub payload: Payload,
    /// What it printed.
    pub printed: Vec<u8>,
}

/// What the board said of itself in the first exchange.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Hello {
    /// The way that calls take: never [`CallPath::Auto`].
    pub call_path: CallPath,
    /// Identifies the run of the interpreter: it changes when the board is reset and at no other time.
    pub boot: u64,
    /// Whether the agent was on the board already, with whatever had been deployed then.
    pub attached: bool,
    /// Whether it is the agent for small boards, to which long source has to be sent in parts.
    pub small: bool,
    /// `sys.implementation.name`, such as `micropython`.
    pub implementation: String,
    /// `sys.platform`, such as `rp2`.
    pub platform: String,
    /// Free memory in bytes before the agent was put on the board and with it there, where the board says.
    pub free_memory: Option<(u64, u64)>,
}

/// Something that happened on the board or on the line, outside of any reply.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinkEvent {
    /// Python on the board said something of its own accord with `S(value)`: the `repr` of that value.
    Board(Arc<[u8]>),
    /// The board was reset; the link is at its end.
    Reset,
    /// The port failed or vanished; the link is at its end.
    Lost,
}

impl Link {
    /// Opens the port, enters the raw REPL and starts the agent, or finds it running.
    ///
    /// # Errors
    ///
    /// When the port cannot be opened or no MicroPython answers within the deadline.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the port.
    pub async fn connect(connector: &Connector, options: LinkOptions) -> Result<Self> {
        let hub = OutputHub::new(&options);
        Self::connect_to(hub, connector, options).await
    }

    /// The same, for somebody who has heard what the board printed before: from the beginning, what it prints while it
    /// is connected goes there.
    pub(crate) async fn connect_to(
        hub: OutputHub,
        connector: &Connector,
        options: LinkOptions,
    ) -> Result<Self> {
        let options = options.within_reason();
        let begun = Instant::now();
        let until = begun + options.deadlines.open;
        let transport = match timeout_at(until, connector.open_before(until)).await {
            Ok(transport) => transport.map_err(|error| Error::from(error).in_phase(Phase::Open))?,
            Err(_) => {
                return Err(Error::from(ErrorKind::Timeout {
                    after: options.deadlines.open,
                    received: Vec::new(),
                })
                .in_phase(Phase::Open));
            }
        };
        let session = Session::new();
        let output = hub.source();
        let sender = OutputSender::new(hub);
        let mut wire = Wire::new(transport, options.call_path, session.nonce, session.seed, sender);
        let hello = start::start(&mut wire, session, &options, begun).await?;
        let room = Room::of(&hello.implementation, wire.repl.has_raw_paste() != Some(false));
        let (commands, receiver) = mpsc::unbounded_channel();
        let events = broadcast::Sender::new(EVENTS);
        let ending = Arc::new(Ending::default());
        let shared = Shared {
            hello,
            commands,
            events: events.downgrade(),
            output,
            ending: Arc::clone(&ending),
            ids: AtomicU64::new(1),
            bytes: AtomicBool::new(false),
            parts: tokio::sync::Mutex::default(),
        };
        let engine = Engine {
            lines: Lines {
                seed: session.seed,
                block: start::block(&wire, shared.hello.call_path),
                long: !shared.hello.small,
                checksum: if shared.hello.small {
                    Checksum::Small
                } else {
                    Checksum::Crc32
                },
            },
            wire,
            path: shared.hello.call_path,
            boot: shared.hello.boot,
            options,
            commands: receiver,
            events,
            ending,
            queue: VecDeque::new(),
            flying: VecDeque::new(),
            next: Number::default(),
            sources: BTreeMap::new(),
            head_since: Instant::now(),
            silence: None,
            barrier: None,
            unread: Unread::new(room),
            heeded: 0,
            interrupt: None,
            ahead: None,
            probe: None,
            trouble: None,
            out_of_memory: 0,
            stuck: false,
            tokens: 0,
            timer: Box::pin(sleep_until(Instant::now())),
            turn: 0,
        };
        tokio::spawn(engine.run());
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Has the board do something and gives what it answered.
    ///
    /// `deadline` counts from when it is the board's turn to do it: so not while earlier requests are under way, the
    /// end of a stream that was dropped being one, nor while a long request is on its way and the board takes it; and
    /// anew with each part of an answer that is too long for one. When it has passed, the board is interrupted.
    /// That and coming back to a known state end after [`Deadlines::interrupt`] and [`Deadlines::resync`] at the
    /// latest, with the board given up until the next request.
    ///
    /// # Errors
    ///
    /// The exception that the code raised, or why there is no answer. A request that comes while the board is being
    /// interrupted waits for [`Deadlines::interrupt`] at least before it is told [`ErrorKind::Unresponsive`]. Of
    /// several requests at the same time, one that comes to run in the very moment in which the one before it is
    /// interrupted ends with [`ErrorKind::Interrupted`], too.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the request: the board is interrupted if it runs it already.
    pub async fn request(&self, request: Request, deadline: Duration) -> Result<Payload> {
        let work = work(request, self.shared.hello.small)?;
        self.provide_for(&work.body, deadline).await?;
        Ok(self.ask(work, false, deadline).await?.payload)
    }

    /// As [`request`](Self::request), and gives what was printed meanwhile, up to [`LinkOptions::answer_limit`]:
    /// what the request printed, and what threads did beside it.
    ///
    /// # Errors
    ///
    /// As [`request`](Self::request).
    ///
    /// # Cancel safety
    ///
    /// As [`request`](Self::request).
    pub async fn run(&self, request: Request, deadline: Duration) -> Result<Answer> {
        let work = work(request, self.shared.hello.small)?;
        self.provide_for(&work.body, deadline).await?;
        self.ask(work, true, deadline).await
    }

    /// Sends a small board what it needs to read bytes and arrays, once it has to read this. A [`request`](Self::request)
    /// does so by itself.
    ///
    /// # Errors
    ///
    /// As [`request`](Self::request).
    ///
    /// # Cancel safety
    ///
    /// It is sent again the next time when the future is dropped.
    pub async fn provide_for(&self, expression: &str, deadline: Duration) -> Result<()> {
        let has_bytes = || expression.contains("B('") || expression.contains("A('");
        if self.shared.hello.small && !self.shared.bytes.load(Ordering::Relaxed) && has_bytes() {
            self.run_in_parts("", start::SMALL_BYTES, deadline).await?;
            self.shared.bytes.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Runs statements at the global level of a namespace on a board that has the agent for small boards: in
    /// parts, since there is no room for them in one line. The source has to be ASCII.
    ///
    /// # Errors
    ///
    /// As [`request`](Self::request). `deadline` is for each part.
    ///
    /// # Cancel safety
    ///
    /// As [`request`](Self::request); what has been sent is dropped when other statements come.
    pub async fn run_in_parts(&self, namespace: &str, source: &str, deadline: Duration) -> Result<Answer> {
        let _one_at_a_time = self.shared.parts.lock().await;
        for (at, part) in source.as_bytes().chunks(PART).enumerate() {
            let kind = if at == 0 { b'T' } else { b't' };
            let body = String::from_utf8_lossy(part).into_owned();
            self.ask(Work { kind, body }, false, deadline).await?;
        }
        let body = namespace.to_owned();
        self.ask(Work { kind: b'x', body }, true, deadline).await
    }

    async fn ask(&self, work: Work, printed: bool, deadline: Duration) -> Result<Answer> {
        let id = self.shared.ids.fetch_add(1, Ordering::Relaxed);
        let (reply, answer) = oneshot::channel();
        self.tell(Command::Request {
            id,
            work,
            printed,
            deadline: bounded(deadline),
            reply,
        })?;
        let mut guard = Guard {
            commands: &self.shared.commands,
            armed: Some(Command::Cancel(id)),
        };
        let result = answer.await;
        guard.armed = None;
        result.unwrap_or_else(|_| Err(self.shared.ending.error()))
    }

    fn tell(&self, command: Command) -> Result<()> {
        match self.shared.commands.send(command) {
            Ok(()) => Ok(()),
            Err(_) => Err(self.shared.ending.error()),
        }
    }

    /// Has the board evaluate a request whose value is iterable, and gives its items as they come.
    ///
    /// `deadline` is for each item. Dropping the stream closes the generator on the board.
    pub fn stream(&self, request: Request, deadline: Duration) -> LinkStream {
        let stream = self.shared.ids.fetch_add(1, Ordering::Relaxed);
        let (items, receiver) = mpsc::unbounded_channel();
        let opened = expression(request).and_then(|expression| {
            self.tell(Command::Open {
                stream,
                expression,
                deadline: bounded(deadline),
                items,
            })
        });
        LinkStream {
            link: self.clone(),
            stream,
            items: receiver,
            taken: 0,
            bytes: 0,
            failed: opened.err(),
            ended: false,
        }
    }

    /// What the board tells of its own accord, and the end of the link.
    pub fn events(&self) -> broadcast::Receiver<LinkEvent> {
        match self.shared.events.upgrade() {
            Some(events) => events.subscribe(),
            // Of a link that is at its end there is nothing to hear.
            None => broadcast::channel(1).1,
        }
    }

    /// What the board prints, from now on.
    pub fn output(&self) -> OutputSubscription {
        self.shared.output.subscribe()
    }

    /// Why the conversation is at its end, if it is and was not closed.
    pub(crate) fn end(&self) -> Option<Error> {
        self.shared.ending.cause()
    }

    /// What the board said in the first exchange.
    pub fn hello(&self) -> &Hello {
        &self.shared.hello
    }

    /// Resets the board, which ends the link.
    ///
    /// # Errors
    ///
    /// When the board does not react, or not answer after it, which ends the link as well; and when the port has no
    /// modem lines to do it with, which changes nothing.
    pub async fn reset(&self, policy: ResetPolicy) -> Result<()> {
        let (done, result) = oneshot::channel();
        self.tell(Command::Reset(policy, done))?;
        result.await.unwrap_or_else(|_| Err(self.shared.ending.error()))
    }

    /// Ends all requests and streams with [`ErrorKind::Closed`], those that wait as well as what is under way, which
    /// is interrupted. What is asked for after this comes when the board has ended it.
    pub fn end_all(&self) {
        // A link that is at its end has ended them.
        let _ = self.tell(Command::EndAll);
    }

    /// Leaves the board at its friendly prompt, the agent and what is deployed still in its memory, and closes
    /// the port. What is under way is interrupted.
    ///
    /// # Errors
    ///
    /// When the board did not answer; the port is closed all the same.
    pub async fn close(&self) -> Result<()> {
        let (done, result) = oneshot::channel();
        if self.tell(Command::Close(done)).is_err() {
            return Ok(());
        }
        result.await.unwrap_or(Ok(()))
    }
}

/// Tells the task that nobody waits any more, unless it is disarmed.
struct Guard<'a> {
    commands: &'a mpsc::UnboundedSender<Command>,
    armed: Option<Command>,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if let Some(command) = self.armed.take() {
            // A link that is at its end has nothing to cancel.
            let _ = self.commands.send(command);
        }
    }
}

/// The line of a request. Functions of small integers, and of nothing, are called without compiling anything,
/// except on small boards, where each line is compiled. Others are called with what an expression gives, so that the
/// board can tell whether a function has begun.
fn work(request: Request, small: bool) -> Result<Work> {
    let Request::Call { function, arguments } = request else {
        return expression(request).map(|body| Work { kind: b'e', body });
    };
    let literals = arguments.literals()?;
    if small {
        let body = match literals {
            "" => format!("{function}(*G())"),
            _ => format!("{function}(*G({literals}))"),
        };
        return printable(body).map(|body| Work { kind: b'c', body });
    }
    if literals.is_empty() {
        let body = function;
        return Ok(Work { kind: b'c', body });
    }
    let by_blanks = arguments.are_small_ints();
    let mut body = String::with_capacity(function.len() + literals.len() + 1);
    body.push_str(&function);
    if by_blanks {
        body.push(' ');
        body.extend(literals.chars().map(|c| if c == ',' { ' ' } else { c }));
        return Ok(Work { kind: b'c', body });
    }
    body.push(',');
    body.push_str(literals);
    printable(body).map(|body| Work { kind: b'a', body })
}

fn expression(request: Request) -> Result<String> {
    let expression = match request {
        Request::Evaluate(expression) => expression,
        Request::Call {
            mut function,
            arguments,
        } => {
            let _ = write!(function, "({})", arguments.literals()?);
            function
        }
    };
    printable(expression)
}

fn printable(expression: String) -> Result<String> {
    if expression.bytes().all(|byte| (b' '..0x7f).contains(&byte)) {
        Ok(expression)
    } else {
        Err(ErrorKind::NotOneLine.into())
    }
}

/// The items of a generator on the board.
#[derive(Debug)]
pub struct LinkStream {
    link: Link,
    stream: u64,
    items: mpsc::UnboundedReceiver<Item>,
    /// How many items have been taken since credit was given.
    taken: usize,
    /// How many bytes they had.
    bytes: usize,
    failed: Option<Error>,
    ended: bool,
}

impl Stream for LinkStream {
    type Item = Result<Payload>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(error) = self.failed.take() {
            self.ended = true;
            return Poll::Ready(Some(Err(error)));
        }
        if self.ended {
            return Poll::Ready(None);
        }
        let item = match ready!(self.items.poll_recv(cx)) {
            Some(Ok(item)) => item.map(Ok),
            Some(Err(error)) => Some(Err(error)),
            // Nobody has said that this is the end of it.
            None => Some(Err(self.link.shared.ending.error())),
        };
        match &item {
            Some(Ok(item)) => {
                self.taken += 1;
                self.bytes += item.len();
                if self.taken >= streams::CREDIT / 2 || self.bytes >= streams::ROOM / 2 {
                    let (more, bytes) = (std::mem::take(&mut self.taken), std::mem::take(&mut self.bytes));
                    // A link that is at its end says so through the items.
                    let _ = self.link.tell(Command::Credit(self.stream, more, bytes));
                }
            }
            Some(Err(_)) | None => self.ended = true,
        }
        Poll::Ready(item)
    }
}

impl Drop for LinkStream {
    fn drop(&mut self) {
        if !self.ended {
            // A link that is at its end has nothing to close.
            let _ = self.link.tell(Command::CloseStream(self.stream));
        }
    }
}
