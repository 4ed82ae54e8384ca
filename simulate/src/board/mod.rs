//! A model of a board: it answers what the host sends like MicroPython's REPL and the agents do, without any
//! Python. Its functions have the names of the agents' functions, so that each can be read beside its
//! original.

mod answers;
mod asking;
mod events;
mod lines;
mod objects;
mod repl;
mod resident;
mod session;
mod small;
mod source;
mod tasks;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use self::asking::Asking;
use self::events::Events;
use self::objects::Objects;
use self::resident::Resident;
use self::session::Session;
use self::small::Small;
use crate::choices::Choices;
use crate::line::Line;

pub(crate) use self::asking::Query;
pub(crate) use self::events::EVENTS;
pub(crate) use self::source::learn;
pub(crate) use self::tasks::{Yielded, data, item, numbers, pack, repr_of_bytes};

/// The properties of a board.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is about something else that boards have or not"
)]
pub(crate) struct Kind {
    /// Whether it lacks the memory for the resident agent.
    pub(crate) small: bool,
    /// Whether it can load precompiled code.
    pub(crate) loads: bool,
    /// The window size of raw-paste mode, if the board has that mode.
    pub(crate) window: Option<u16>,
    /// The size of its input buffer, in bytes.
    pub(crate) ring: usize,
    /// Whether a Ctrl-C discards unread input.
    pub(crate) flushes: bool,
    /// Whether the line has flow control, so that the board can hold the sender back.
    pub(crate) flow_control: bool,
    /// The probability, in thousandths, that the interpreter pauses at a step.
    pub(crate) slowness: u64,
    /// How long it takes to start.
    pub(crate) boot: Duration,
    /// The name of its implementation.
    pub(crate) implementation: &'static str,
}

/// What a thread on the board does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Background {
    /// Prints this number, between marks of its own.
    Print(u32),
    /// Sends this number to the host unasked.
    Tell(u32),
    /// Asks the host this question.
    Ask(Query),
    /// Sends this number as an event.
    Event(usize, u32),
}

/// What has truly happened on the board, against which the judge checks what the host reports.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// How often each call has begun.
    pub(crate) ran: BTreeMap<u32, u32>,
    /// When each call last began, and when its function ended.
    pub(crate) begun: BTreeMap<u32, Instant>,
    pub(crate) ended: BTreeMap<u32, Instant>,
    /// How often the board has started.
    pub(crate) boots: u32,
    /// The numbers that it has sent unasked.
    pub(crate) told: Vec<u32>,
    /// The numbers that it has sent as events, by the token that the host gave the event.
    pub(crate) events: BTreeMap<u32, Vec<u32>>,
    /// The answers that threads have got, and how many threads are still waiting.
    pub(crate) answers: Vec<(u32, String)>,
    pub(crate) waiting: usize,
    /// The numbers of the objects that stay for the host.
    pub(crate) objects: BTreeSet<u64>,
    /// The objects that somebody has there, by the run of the interpreter and the number; and those that were let go all the same.
    pub(crate) held: BTreeSet<(u64, u64)>,
    pub(crate) gone: Vec<u64>,
    /// How often Ctrl-C has come while something ran.
    pub(crate) interrupts: u32,
}

/// The facts, shared with the judge.
#[derive(Debug, Clone, Default)]
pub(crate) struct Witness(Arc<Mutex<Facts>>);

impl Witness {
    /// The facts so far.
    pub(crate) fn facts(&self) -> MutexGuard<'_, Facts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a piece of Python ends early.
#[derive(Debug, Clone)]
enum Raised {
    /// The board is reset from outside.
    Power,
    /// An exception.
    Exception(Exception),
}

#[derive(Debug, Clone)]
struct Exception {
    name: &'static str,
    /// `str` of the exception, and `repr` of its arguments.
    message: String,
    arguments: String,
}

impl Exception {
    fn new(name: &'static str, message: &str) -> Self {
        let arguments = if message.is_empty() {
            "()".to_owned()
        } else {
            format!("('{message}',)")
        };
        Self {
            name,
            message: message.to_owned(),
            arguments,
        }
    }

    /// The traceback that a board prints for it.
    fn traceback(&self) -> String {
        format!(
            "Traceback (most recent call last):\r\n  File \"<stdin>\", line 1, in <module>\r\n{}: {}\r\n",
            self.name, self.message
        )
    }
}

fn raised(name: &'static str, message: &str) -> Raised {
    Raised::Exception(Exception::new(name, message))
}

impl Raised {
    fn is(&self, name: &str) -> bool {
        matches!(self, Self::Exception(exception) if exception.name == name)
    }
}

type Python<T> = Result<T, Raised>;

/// The interpreter's memory, which a reset clears.
#[derive(Debug, Default)]
struct Heap {
    session: Session,
    resident: Option<Resident>,
    small: Option<Small>,
    /// How many pieces of the agent for small boards have arrived.
    pieces: usize,
    boot: u64,
    aliases: BTreeMap<String, String>,
    names: BTreeMap<String, String>,
    /// Whether it has the code that packs results.
    packs: bool,
    /// Whether it has the code that reads attached arguments.
    reads_attached: bool,
    streams: BTreeMap<String, tasks::Generator>,
    asking: Asking,
    events: Events,
    objects: Objects,
    /// What threads still do.
    threads: VecDeque<(Instant, Background)>,
}

/// The board.
#[derive(Debug)]
pub(crate) struct Machine {
    line: Line,
    kind: Kind,
    choices: Choices,
    witness: Witness,
    ring: VecDeque<u8>,
    /// Whether a Ctrl-C interrupts, instead of being an ordinary character; and whether one is pending.
    heeds: bool,
    pending: bool,
    raw: bool,
    timer: Pin<Box<Sleep>>,
    heap: Heap,
}

impl Machine {
    /// A board that has just been powered on. Its threads do these things at these times after the start.
    pub(crate) fn new(
        line: Line,
        kind: Kind,
        choices: Choices,
        witness: Witness,
        background: &[(Duration, Background)],
    ) -> Self {
        let now = Instant::now();
        let threads = background.iter().map(|(after, what)| (now + *after, *what));
        let heap = Heap {
            threads: threads.collect(),
            ..Heap::default()
        };
        witness.facts().boots += 1;
        Self {
            line,
            kind,
            choices,
            witness,
            ring: VecDeque::new(),
            heeds: false,
            pending: false,
            raw: false,
            timer: Box::pin(sleep_until(now)),
            heap,
        }
    }

    /// Runs for ever, through any number of resets.
    pub(crate) async fn run(mut self) {
        loop {
            let Err(why) = self.repl().await else { continue };
            let mut soft = !matches!(why, Raised::Power);
            loop {
                self.forget(soft);
                if self.start(soft).await.is_ok() {
                    break;
                }
                soft = false;
            }
        }
    }

    fn forget(&mut self, soft: bool) {
        self.line.note(&if soft {
            "the board restarts"
        } else {
            "the board is reset"
        });
        self.heap = Heap::default();
        self.tell_objects();
        self.heeds = false;
        self.pending = false;
        self.witness.facts().boots += 1;
        if !soft {
            self.ring.clear();
            self.raw = false;
        }
    }

    /// Prints the banner that a board prints when it starts.
    async fn start(&mut self, soft: bool) -> Python<()> {
        if soft {
            self.put(b"MPY: soft reboot\r\n").await?;
        }
        let boot = self.kind.boot;
        self.pause(boot, false).await?;
        if !self.raw {
            self.put(
                b"MicroPython v1.26.1 on 2026-01-01; model\r\nType \"help()\" for more information.\r\n>>> ",
            )
            .await?;
        }
        Ok(())
    }

    /// Reads what has arrived, and lets threads do what is due. Returns when more of either is due.
    fn pump(&mut self, now: Instant, waker: Option<&Waker>) -> Option<Instant> {
        let Self {
            line,
            kind,
            ring,
            heeds,
            pending,
            witness,
            ..
        } = self;
        let next = line.receive(now, waker, |byte| {
            if byte == 3 && *heeds {
                *pending = true;
                witness.facts().interrupts += 1;
                if kind.flushes {
                    ring.clear();
                }
            } else if ring.len() < kind.ring {
                ring.push_back(byte);
            } else if kind.flow_control {
                return false;
            }
            true
        });
        while self.heap.threads.front().is_some_and(|(at, _)| *at <= now) {
            if let Some((_, what)) = self.heap.threads.pop_front() {
                self.do_in_background(what, now);
            }
        }
        self.attend_to_threads(now);
        let thread = self.heap.threads.front().map(|(at, _)| *at);
        let asks = self.heap.asking.next();
        next.into_iter().chain(thread).chain(asks).min()
    }

    /// Lets threads ask the host questions, and take its answers.
    fn attend_to_threads(&mut self, now: Instant) {
        let Self {
            heap, line, witness, ..
        } = self;
        let session = &heap.session;
        let answers = heap.asking.attend(now, |question| {
            if let Some(frame) = session.frame(&format!("-{question}")) {
                line.say(&frame);
            }
        });
        let mut facts = witness.facts();
        facts.answers.extend(answers);
        facts.waiting = heap.asking.waiting();
    }

    fn do_in_background(&mut self, what: Background, now: Instant) {
        match what {
            Background::Print(number) => self.line.say(format!("~{number}~\r\n").as_bytes()),
            Background::Tell(number) => {
                if let Some(frame) = self.heap.session.frame(&format!("-s{number}")) {
                    self.witness.facts().told.push(number);
                    self.line.say(&frame);
                }
            }
            Background::Ask(query) => self.heap.asking.begin_thread(query, now),
            Background::Event(at, value) => {
                let text = self.event(at, value);
                if let Some(frame) = text.and_then(|text| self.heap.session.frame(&text)) {
                    self.line.say(&frame);
                }
            }
        }
    }

    /// Waits until `done` returns something, or until the given time. If the wait is not interruptible, only
    /// a reset ends it early.
    async fn wait<T>(
        &mut self,
        until: Option<Instant>,
        interruptible: bool,
        mut done: impl FnMut(&mut Self) -> Option<T>,
    ) -> Python<Option<T>> {
        poll_fn(|cx| {
            let now = Instant::now();
            let next = self.pump(now, Some(cx.waker()));
            if self.line.take_reset() {
                return Poll::Ready(Err(Raised::Power));
            }
            if interruptible && std::mem::take(&mut self.pending) {
                return Poll::Ready(Err(raised("KeyboardInterrupt", "")));
            }
            if let Some(found) = done(self) {
                return Poll::Ready(Ok(Some(found)));
            }
            if until.is_some_and(|until| now >= until) {
                return Poll::Ready(Ok(None));
            }
            if let Some(wake) = next.into_iter().chain(until).min() {
                self.timer.as_mut().reset(wake);
                if self.timer.as_mut().poll(cx).is_ready() {
                    cx.waker().wake_by_ref();
                }
            }
            Poll::Pending
        })
        .await
    }

    async fn pause(&mut self, time: Duration, interruptible: bool) -> Python<()> {
        let until = Instant::now() + time;
        self.wait::<()>(Some(until), interruptible, |_| None).await?;
        Ok(())
    }

    /// A point between two steps of the interpreter, at which a pending Ctrl-C is raised.
    async fn tick(&mut self) -> Python<()> {
        let slowness = self.kind.slowness;
        if slowness > 0 && self.choices.chance(slowness) {
            return self.pause(Duration::from_millis(1), true).await;
        }
        self.pump(Instant::now(), None);
        if std::mem::take(&mut self.pending) {
            return Err(raised("KeyboardInterrupt", ""));
        }
        Ok(())
    }

    /// Sends bytes to the host, which takes as long as the line needs.
    async fn put(&mut self, bytes: &[u8]) -> Python<()> {
        self.line.say(bytes);
        if let Some(until) = self.line.said_until() {
            let soon = Instant::now() + Duration::from_millis(20);
            if until > soon {
                let until = until - Duration::from_millis(20);
                self.wait::<()>(Some(until), false, |_| None).await?;
            }
        }
        Ok(())
    }

    /// Reads one character at the prompt.
    async fn key(&mut self) -> Python<u8> {
        if let Some(byte) = self.ring.pop_front() {
            return Ok(byte);
        }
        match self.wait(None, false, |board| board.ring.pop_front()).await? {
            Some(byte) => Ok(byte),
            None => Err(Raised::Power),
        }
    }

    /// Reads one character for a program.
    async fn character(&mut self) -> Python<u8> {
        if !self.pending
            && let Some(byte) = self.ring.pop_front()
        {
            return Ok(if byte == b'\r' { b'\n' } else { byte });
        }
        match self.wait(None, true, |board| board.ring.pop_front()).await? {
            Some(b'\r') => Ok(b'\n'),
            Some(byte) => Ok(byte),
            None => Err(Raised::Power),
        }
    }

    /// `sys.stdin.readinto`.
    async fn read(&mut self, size: usize) -> Python<Vec<u8>> {
        let mut text = Vec::with_capacity(size);
        while text.len() < size {
            text.push(self.character().await?);
        }
        Ok(text)
    }

    /// `sys.stdin.readline`.
    async fn readline(&mut self) -> Python<Vec<u8>> {
        let mut text = Vec::new();
        loop {
            let byte = self.character().await?;
            text.push(byte);
            if byte == b'\n' {
                return as_text(text);
            }
        }
    }
}

/// The host sends ASCII only; decoding anything else fails.
fn as_text(text: Vec<u8>) -> Python<Vec<u8>> {
    if text.is_ascii() {
        Ok(text)
    } else {
        Err(raised("UnicodeError", ""))
    }
}
