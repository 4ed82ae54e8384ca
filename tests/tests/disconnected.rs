//! A board is unplugged, or its cable goes dead, at any byte of any stage of a program: the caller gets the right
//! error, everything is cleaned up, and nothing is left on the host.

use std::time::Duration;

use belay::prelude::*;
use belay::{Deadlines, DeviceBuilder, ErrorKind, SessionState, ThreadState};
use belay_sim::{Board, Direction, Fault};
use belay_tests::{Held, soon, unix};
use futures_util::StreamExt;
use tokio::sync::{Mutex, MutexGuard};

/// A board that sends a lot, so that there are many bytes at which it can be disconnected.
#[belay::device]
pub trait Talking {
    /// ```python
    /// import time
    /// def talk():
    ///     for i in range(20):
    ///         print("set up", i)
    ///         time.sleep_ms(1)
    /// talk()
    /// ```
    #[setup]
    async fn open(&self) -> Result<()>;

    /// ```python
    /// talk()
    /// return [number] * 20
    /// ```
    #[task]
    async fn repeat(&self, number: u32) -> Result<Vec<u32>>;

    /// ```python
    /// for i in range(count):
    ///     yield i
    ///     time.sleep_ms(1)
    /// ```
    #[task]
    fn items(&self, count: u32) -> impl Stream<Item = Result<u32>>;

    /// ```python
    /// while True:
    ///     time.sleep_ms(1)
    /// ```
    #[thread]
    async fn keep_on(&self) -> Result<ThreadHandle>;

    /// ```python
    /// talk()
    /// ```
    #[teardown]
    async fn shut(&self) -> Result<()>;
}

/// What a program does with a board, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Connect,
    Setup,
    Task,
    Stream,
    ThreadStart,
    Teardown,
}

impl Stage {
    fn earlier(self) -> impl Iterator<Item = Self> {
        let all = [
            Self::Connect,
            Self::Setup,
            Self::Task,
            Self::Stream,
            Self::ThreadStart,
        ];
        all.into_iter().filter(move |other| *other < self)
    }
}

/// The values that the earlier stages have made.
#[derive(Default)]
struct Made {
    device: Option<Device>,
    talking: Option<TalkingDevice>,
    thread: Option<ThreadHandle>,
}

impl Made {
    fn talking(&self) -> &TalkingDevice {
        self.talking.as_ref().expect("the trait was attached")
    }

    /// Goes through one stage.
    async fn go_through(&mut self, stage: Stage, board: &Board) -> Result<()> {
        match stage {
            Stage::Connect => self.device = Some(hasty(board.port()).connect().await?),
            Stage::Setup => {
                let device = self.device.as_ref().expect("the board was connected");
                self.talking = Some(TalkingDevice::attach(device).await?);
            }
            Stage::Task => assert_eq!(self.talking().repeat(7).await?, [7; 20]),
            Stage::Stream => {
                let mut items = self.talking().items(40);
                for number in 0..40 {
                    let item = items.next().await.expect("a stream that breaks off says so");
                    assert_eq!(item?, number);
                }
                assert!(items.next().await.transpose()?.is_none());
            }
            Stage::ThreadStart => self.thread = Some(self.talking().keep_on().await?),
            Stage::Teardown => {
                let device = self.device.as_ref().expect("the board was connected");
                device.close().await?;
            }
        }
        Ok(())
    }
}

/// Short deadlines, so that a cable that goes dead is noticed soon.
fn hasty(port: &str) -> DeviceBuilder {
    let mut deadlines = Deadlines::default();
    deadlines.open = Duration::from_secs(1);
    deadlines.paste = Duration::from_millis(300);
    deadlines.compile = Duration::from_millis(300);
    deadlines.enter = Duration::from_millis(300);
    deadlines.interrupt = Duration::from_millis(200);
    deadlines.resync = Duration::from_millis(300);
    deadlines.execute = Duration::from_millis(700);
    deadlines.close = Duration::from_millis(300);
    Device::builder(port).deadlines(deadlines)
}

/// The tests count the resources of the whole process, so only one of them runs at a time.
async fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::const_new(());
    ALONE.lock().await
}

/// How many bytes a stage sends to the board and to the host when nothing disturbs it.
async fn length_of(stage: Stage) -> [u64; 2] {
    let board = unix().await;
    let mut made = Made::default();
    let carried = || Direction::BOTH.map(|way| board.cable().carried(way));
    for earlier in stage.earlier() {
        made.go_through(earlier, &board).await.unwrap();
    }
    let before = carried();
    made.go_through(stage, &board).await.unwrap();
    let after = carried();
    [after[0] - before[0], after[1] - before[1]]
}

/// When and how a board is disconnected.
#[derive(Debug, Clone, Copy)]
struct Moment {
    stage: Stage,
    /// In which direction the bytes of the stage are counted; the fault is injected at byte `at`.
    direction: Direction,
    at: u64,
    fault: Fault,
}

/// Whether an error says that the connection was lost, and at which port.
fn is_right(error: &Error, moment: Moment, port: &str) -> bool {
    let lost = |error: &Error| {
        matches!(
            error.kind(),
            ErrorKind::Transport(_)
                | ErrorKind::FateUnknown(_)
                | ErrorKind::Disconnected(_)
                | ErrorKind::Timeout { .. }
                | ErrorKind::Unresponsive { .. }
        )
    };
    let in_method = |error: &Error, method| lost(error) && error.method() == Some(method);
    let right = match (moment.stage, error.kind()) {
        (Stage::Connect, ErrorKind::Protocol { .. }) => true,
        (Stage::Setup, ErrorKind::Setup { cause, .. }) => in_method(cause, "Talking.open"),
        (Stage::Task, _) => in_method(error, "Talking.repeat"),
        (Stage::Stream, _) => in_method(error, "Talking.items"),
        (Stage::ThreadStart, _) => in_method(error, "Talking.keep_on"),
        (Stage::Teardown, ErrorKind::Teardown(failures)) => failures.iter().all(lost),
        (Stage::Connect | Stage::Teardown, _) => lost(error),
        _ => false,
    };
    right && error.device() == Some(port)
}

/// Goes through the program, disconnects the board at this moment, and checks that nothing is left. Gives whether the
/// stage failed because of it.
async fn disconnect(moment: Moment) -> bool {
    let mut board = unix().await;
    let before = Held::now();
    let mut made = Made::default();
    for earlier in moment.stage.earlier() {
        made.go_through(earlier, &board).await.unwrap();
    }
    let Moment {
        direction, at, fault, ..
    } = moment;
    board.cable().once(direction, at, fault).unwrap();
    let outcome = soon("the stage's end", made.go_through(moment.stage, &board)).await;
    if let Err(error) = &outcome {
        assert!(is_right(error, moment, board.port()), "{moment:?}: {error:?}");
    }
    if let Some(device) = &made.device {
        soon("the close", device.close()).await.err();
        assert_eq!(device.session().state(), SessionState::Closed);
    }
    if let Some(thread) = &made.thread {
        let joined = soon("the join", thread.join()).await;
        assert_eq!(joined.is_err(), thread.state() == ThreadState::Lost, "{moment:?}");
    }
    drop(made);
    board.cable().heal().unwrap();
    if fault == Fault::Vanish {
        board.appear().unwrap();
    }
    before.again(&format!("{moment:?}")).await;
    let device = Device::connect(board.port()).await.expect("the board is free");
    assert_eq!(device.execute_as::<u8>("1 + 1").await.unwrap(), 2);
    device.close().await.unwrap();
    before.again(&format!("after {moment:?}")).await;
    outcome.is_err()
}

/// How many moments there are for each fault and direction in a stage.
/// `BELAY_DISCONNECTIONS=20 cargo test -p belay-tests --test disconnected` looks at more of them.
fn moments() -> usize {
    let moments = std::env::var("BELAY_DISCONNECTIONS");
    moments.map_or(2, |text| text.parse().expect("a number of moments"))
}

async fn at_any_byte_of(stage: Stage) {
    let each = moments();
    let _alone = alone().await;
    let lengths = length_of(stage).await;
    let mut random = fastrand::Rng::with_seed(7);
    let mut failed = 0;
    for (direction, length) in Direction::BOTH.into_iter().zip(lengths) {
        for fault in [Fault::Cut, Fault::Vanish] {
            for _ in 0..each {
                let at = random.u64(..length);
                let moment = Moment {
                    stage,
                    direction,
                    at,
                    fault,
                };
                failed += usize::from(disconnect(moment).await);
            }
        }
    }
    // The number of bytes in a stage can vary by one or two.
    assert!(
        failed + each >= 4 * each,
        "only {failed} of {} moments were in {stage:?}",
        4 * each
    );
}

#[tokio::test]
async fn in_connecting() {
    at_any_byte_of(Stage::Connect).await;
}

#[tokio::test]
async fn in_a_setup() {
    at_any_byte_of(Stage::Setup).await;
}

#[tokio::test]
async fn in_a_task() {
    at_any_byte_of(Stage::Task).await;
}

#[tokio::test]
async fn in_a_stream() {
    at_any_byte_of(Stage::Stream).await;
}

#[tokio::test]
async fn in_the_start_of_a_thread() {
    at_any_byte_of(Stage::ThreadStart).await;
}

#[tokio::test]
async fn in_a_teardown() {
    at_any_byte_of(Stage::Teardown).await;
}
