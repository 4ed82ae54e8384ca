//! One of many callers: the work that it does on the board, and the check of its results.

use std::fmt::Debug;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use belay::prelude::*;
use belay::python::Value;
use belay::{ErrorKind, ThreadState};
use belay_tests::tool::{BoardKind, tells_of_the_line};
use futures_util::StreamExt as _;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::board::{Soak as _, SoakDevice};
use super::report::Report;

/// How long to wait for an operation before it is said never to end.
const HUNG: Duration = Duration::from_secs(120);
/// How long a thread may take to stop, while many others call the board.
const STOP: Duration = Duration::from_secs(30);

/// The resets of one board: one that happens during an operation can explain its failure.
#[derive(Debug, Default)]
pub(crate) struct Resets {
    begun: AtomicU32,
    ended: AtomicU32,
    /// Locked by the caller that resets.
    turn: Mutex<()>,
}

impl Resets {
    fn ended(&self) -> u32 {
        self.ended.load(Ordering::SeqCst)
    }

    /// Whether no reset has been in progress since `ended` of them had ended.
    fn none_since(&self, ended: u32) -> bool {
        self.begun.load(Ordering::SeqCst) == ended
    }
}

/// Why an operation has failed.
#[derive(Debug)]
enum Failure {
    /// A wrong value.
    Wrong(String),
    /// The state on the board is gone, as it has to be after a reset.
    Forgotten(String),
    /// An error in the place of a result.
    Error(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

type Outcome = Result<(), Failure>;

/// One kind of operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    Add,
    AddUncached,
    AddAlone,
    Echo,
    Execute,
    Evaluate,
    Refuse,
    Items,
    ItemsDropped,
    Level,
    CallDropped,
    SpinDropped,
    TimeOut,
    Thread,
    FailingThread,
    Reset,
}

/// The operations for every board, each as often as it is to be drawn.
const EVERYWHERE: [Work; 12] = [
    Work::Add,
    Work::Add,
    Work::AddUncached,
    Work::AddAlone,
    Work::Echo,
    Work::Echo,
    Work::Execute,
    Work::Execute,
    Work::Evaluate,
    Work::Refuse,
    Work::Items,
    Work::Level,
];
/// The operations that need a board that reacts to Ctrl-C.
const WITH_INTERRUPTS: [Work; 4] = [
    Work::ItemsDropped,
    Work::CallDropped,
    Work::SpinDropped,
    Work::TimeOut,
];
const WITH_THREADS: [Work; 2] = [Work::Thread, Work::FailingThread];
/// One operation in so many is a reset.
const RESET_IN: u32 = 400;

/// A task of the host that uses the board.
pub(crate) struct Caller {
    pub(crate) kind: BoardKind,
    pub(crate) who: usize,
    pub(crate) board: SoakDevice,
    pub(crate) random: fastrand::Rng,
    pub(crate) resets: Arc<Resets>,
    /// How many of its calls the board has counted, if that is known (not after a reset).
    pub(crate) seen: Option<u32>,
}

impl Caller {
    /// Does one operation after the other until the time is over, and at least one.
    pub(crate) async fn work(mut self, until: Instant, report: Arc<Report>) {
        let work = self.possible();
        loop {
            let work = if self.random.u32(0..RESET_IN) == 0 {
                Work::Reset
            } else {
                work[self.random.usize(0..work.len())]
            };
            let ended = self.resets.ended();
            let done = timeout(HUNG, self.perform(work)).await;
            let undisturbed = self.resets.none_since(ended) || work == Work::Reset;
            if !undisturbed || !matches!(done, Ok(Ok(()))) {
                self.seen = None;
            }
            let who = format!("caller {}, {work:?}", self.who);
            match done {
                Ok(Ok(())) => report.right(),
                Err(_) => report.hung(&format!("{who}: it did not end")),
                Ok(Err(failure)) if self.may_be(&failure, undisturbed) => report.excused(),
                Ok(Err(Failure::Wrong(what) | Failure::Forgotten(what))) => {
                    report.wrong(&format!("{who}: {what}"));
                }
                Ok(Err(Failure::Error(error))) => report.lost(&format!("{who}: {error:?}")),
            }
            if Instant::now() >= until {
                return;
            }
        }
    }

    /// Whether a correct call can fail like this.
    fn may_be(&self, failure: &Failure, undisturbed: bool) -> bool {
        match failure {
            Failure::Wrong(_) => false,
            Failure::Forgotten(_) => !undisturbed,
            Failure::Error(error) => match error.kind() {
                // The call began to run at the very moment at which another one was interrupted.
                ErrorKind::Interrupted => true,
                // The board has a few kilobytes of memory only.
                ErrorKind::Python(exception) if exception.is("MemoryError") => {
                    self.kind == BoardKind::Microbit
                }
                ErrorKind::ThreadLost(_) => !undisturbed,
                _ => tells_of_the_line(error) && !undisturbed,
            },
        }
    }

    fn possible(&self) -> Vec<Work> {
        let mut work = EVERYWHERE.to_vec();
        if self.kind != BoardKind::Mps2 {
            work.extend(WITH_INTERRUPTS);
        }
        if self.kind == BoardKind::Unix {
            work.extend(WITH_THREADS);
        }
        work
    }

    async fn perform(&mut self, work: Work) -> Outcome {
        let n = self.random.u32(1..1000);
        let board = self.board.clone();
        match work {
            Work::Add => self.counted(n, board.add(self.who, n, 7).await),
            Work::AddUncached => self.counted(n, board.add_uncached(self.who, n, 7).await),
            Work::AddAlone => self.counted(n, board.add_alone(self.who, n, 7).await),
            Work::Echo => {
                let value = self.value(2);
                same(&board.echo(&value).await?, &value)
            }
            Work::Execute => {
                let name = format!("x{}", self.who);
                let code = format!("{name} = {n}\nprint({name} + 1, 'of', {})", self.who);
                let printed = board.device().execute(&code).await?;
                same(&printed.trim_end(), &&*format!("{} of {}", n + 1, self.who))
            }
            Work::Evaluate => same(&board.device().execute_as(&format!("{n} * 2")).await?, &(n * 2)),
            Work::Refuse => raised(board.refuse(n).await, n),
            Work::Items => self.items(n % 300, None).await,
            Work::ItemsDropped => self.items(n, Some(n % 50)).await,
            Work::Level => {
                board.set_level(self.who, n).await?;
                there(&board.level(self.who).await?, &n)
            }
            Work::CallDropped => {
                let soon = self.soon();
                self.seen = None;
                match timeout(soon, board.add(self.who, n, 7)).await {
                    Ok(given) => self.counted(n, given),
                    Err(_) => Ok(()),
                }
            }
            Work::SpinDropped => match timeout(self.soon(), board.spin()).await {
                Ok(ended) => endless(ended),
                Err(_) => Ok(()),
            },
            Work::TimeOut => match board.spin_too_long().await {
                // Another caller may have used the device exclusively for longer than that.
                Err(error) if matches!(error.kind(), ErrorKind::Timeout { .. } | ErrorKind::Busy { .. }) => {
                    Ok(())
                }
                ended => endless(ended),
            },
            Work::Thread => self.thread(n).await,
            Work::FailingThread => raised(board.wear_out(n).await?.join().await, n),
            Work::Reset => self.reset().await,
        }
    }

    /// Checks the sum, and that the board has counted one call more.
    fn counted(&mut self, n: u32, given: Result<(u32, u32)>) -> Outcome {
        let (sum, count) = given?;
        let before = self.seen.replace(count);
        same(&sum, &(n + 7))?;
        before.map_or(Ok(()), |before| there(&count, &(before + 1)))
    }

    /// Reads all items of a stream, or only the first ones.
    async fn items(&self, n: u32, only: Option<u32>) -> Outcome {
        let take = only.unwrap_or(n).min(n);
        let mut items = pin!(self.board.items(self.who, n).take(take as usize));
        let mut count = 0;
        while let Some(item) = items.next().await {
            same(&item?, &(self.who, count))?;
            count += 1;
        }
        same(&count, &take)
    }

    /// Starts a thread, stops it, and checks that it has cleaned up.
    async fn thread(&mut self, n: u32) -> Outcome {
        let (board, who) = (self.board.clone(), self.who);
        let ballast = self.bytes();
        board.forget_ticks(who).await?;
        let ended = self.resets.ended();
        let thread = board.tick(who, n, &ballast.clone().into()).await?;
        while board.ticks(who).await? == 0 {
            if !thread.is_running() || !self.resets.none_since(ended) {
                return Err(Failure::Forgotten("the thread has gone".into()));
            }
        }
        thread.stop(STOP).await?;
        thread.join().await?;
        there(&thread.state(), &ThreadState::Stopped)?;
        let length = i64::try_from(ballast.len()).unwrap_or(0);
        there(&board.ticks(who).await?, &-length)
    }

    /// Resets the board; one caller at a time does so.
    async fn reset(&mut self) -> Outcome {
        let resets = Arc::clone(&self.resets);
        let Ok(_turn) = resets.turn.try_lock() else {
            return Ok(());
        };
        self.seen = None;
        let device = self.board.device();
        let epoch = device.session().epoch();
        resets.begun.fetch_add(1, Ordering::SeqCst);
        let reset = device.reset().await;
        let now = device.session().epoch();
        resets.ended.fetch_add(1, Ordering::SeqCst);
        reset?;
        if now > epoch {
            Ok(())
        } else {
            wrong("the reset is no new epoch")
        }
    }

    /// A random delay, mostly a short one.
    fn soon(&mut self) -> Duration {
        let power = self.random.u32(5..15);
        Duration::from_micros(self.random.u64(0..1 << power))
    }

    /// A random size, mostly a small one.
    fn size(&mut self) -> usize {
        let largest = if self.kind == BoardKind::Unix { 14 } else { 5 };
        let power = self.random.u32(0..=largest);
        self.random.usize(0..=1 << power)
    }

    fn bytes(&mut self) -> Vec<u8> {
        let size = self.size();
        (0..size).map(|_| self.random.u8(..)).collect()
    }

    fn text(&mut self) -> String {
        let size = self.size();
        let ascii = self.kind != BoardKind::Unix;
        (0..size)
            .map(|_| match self.random.u8(0..8) {
                0 if !ascii => self.random.char('\u{80}'..='\u{2fff}'),
                1 => '\n',
                _ => self.random.char(' '..='~'),
            })
            .collect()
    }

    fn value(&mut self, depth: u32) -> Value {
        match self.random.u8(0..if depth == 0 { 5 } else { 8 }) {
            0 => Value::None,
            1 => Value::from(i64::from(self.random.i32(..))),
            2 => Value::Float(f64::from(self.random.i16(..)) / 8.0),
            3 => Value::from(self.text()),
            4 => Value::Bytes(self.bytes()),
            5 => {
                let size = self.size().min(1000);
                let number = |_| Value::from(i64::from(self.random.u16(..)));
                Value::List((0..size).map(number).collect())
            }
            6 => Value::Tuple((0..3).map(|_| self.value(depth - 1)).collect()),
            _ => {
                let key = Value::from(self.random.alphanumeric().to_string());
                Value::Dict(vec![(key, self.value(depth - 1))])
            }
        }
    }
}

fn wrong(what: impl Into<String>) -> Outcome {
    Err(Failure::Wrong(what.into()))
}

fn same<T: PartialEq + Debug>(given: &T, wanted: &T) -> Outcome {
    if given == wanted {
        Ok(())
    } else {
        wrong(format!("{given:.200?} instead of {wanted:.200?}"))
    }
}

/// Compares what the board has with what was put there before; a difference means that it was forgotten.
fn there<T: PartialEq + Debug>(given: &T, wanted: &T) -> Outcome {
    same(given, wanted).map_err(|failure| match failure {
        Failure::Wrong(what) => Failure::Forgotten(what),
        other => other,
    })
}

/// A body that never ends must not have ended by itself.
fn endless(ended: Result<()>) -> Outcome {
    ended?;
    wrong("an endless loop has ended")
}

/// A call that has to raise this number.
fn raised(given: Result<()>, n: u32) -> Outcome {
    let Err(error) = given else {
        return wrong(format!("nothing instead of ValueError({n})"));
    };
    match error.exception() {
        Some(exception) => same(&exception.message, &n.to_string()),
        None => Err(error.into()),
    }
}
