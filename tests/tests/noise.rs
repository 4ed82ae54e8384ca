//! Threads print in the middle of answers, as on a board that does not lock its output: every answer arrives, and is
//! right.

use std::ops::RangeInclusive;

use belay::prelude::*;
use belay::{CallPath, Device};
use belay_runtime::python::Bytes;
use belay_sim::{Board, Direction, Fault, Rates};
use belay_tests::{AGENT_LAID_OPEN, connected_with, soon};
use futures_util::TryStreamExt as _;

/// A board whose answers are long.
#[belay::device]
pub trait Talker {
    /// Prepares the state.
    ///
    /// ```python
    /// import __main__
    /// notes = []
    /// made = [0]
    /// ```
    #[setup]
    async fn prepare(&self) -> Result<()>;

    /// A list.
    ///
    /// ```python
    /// made[0] += 1
    /// return list(range(count))
    /// ```
    #[task(timeout_ms = 30_000)]
    async fn numbers(&self, count: u32) -> Result<Vec<u32>>;

    /// A text of which half is escaped, and half is beyond ASCII.
    ///
    /// ```python
    /// return "\u20ac\u00e4\x02\x03" * count
    /// ```
    #[task(timeout_ms = 30_000)]
    async fn text(&self, count: u32) -> Result<String>;

    /// Bytes.
    ///
    /// ```python
    /// return bytes(count)
    /// ```
    #[task(timeout_ms = 30_000)]
    async fn data(&self, count: u32) -> Result<Bytes>;

    /// Long items.
    ///
    /// ```python
    /// for i in range(count):
    ///     yield str(i) * 100
    /// ```
    #[task(timeout_ms = 30_000)]
    fn items(&self, count: u32) -> impl Stream<Item = Result<String>>;

    /// Raises an exception with a long message.
    ///
    /// ```python
    /// raise ValueError("x" * 300)
    /// ```
    #[task(timeout_ms = 30_000)]
    async fn fail(&self) -> Result<()>;

    /// How often a list was made.
    ///
    /// ```python
    /// return made[0]
    /// ```
    #[task]
    async fn calls(&self) -> Result<u32>;

    /// A thread that prints nothing.
    ///
    /// ```python
    /// import time
    /// while True:
    ///     time.sleep_ms(1)
    /// ```
    #[thread]
    async fn idle(&self) -> Result<ThreadHandle>;

    /// Notes all calls that pause threads or resume them.
    ///
    /// ```python
    /// library = __main__.names["N"]("_threads")
    /// def noting(what):
    ///     original = library[what]
    ///     def noted(*arguments):
    ///         notes.append(what)
    ///         return original(*arguments)
    ///     library[what] = noted
    /// noting("pause")
    /// noting("resume")
    /// ```
    #[task]
    async fn note_holders(&self) -> Result<()>;

    /// The notes.
    ///
    /// ```python
    /// return notes
    /// ```
    #[task]
    async fn held(&self) -> Result<Vec<String>>;
}

/// The rates of noise over USB from a thread that sleeps for a millisecond between prints, and from one that does not
/// sleep.
const RATES: RangeInclusive<u32> = 1..=2;

fn make_noise(board: &Board, rate: u32) {
    let rates = Rates {
        noise: f64::from(rate) / 100.0,
        ..Rates::default()
    };
    { board.cable() }
        .set_rates(Direction::ToHost, rates, u64::from(rate))
        .expect("the cable takes it");
}

async fn attached(path: CallPath) -> (Board, Device, TalkerDevice) {
    let (board, device) = connected_with(|builder| builder.call_path(path)).await;
    let talker = TalkerDevice::attach(&device).await.expect("the trait attaches");
    (board, device, talker)
}

async fn all_arrives(path: CallPath) {
    let (board, device, talker) = attached(path).await;
    for rate in RATES {
        make_noise(&board, rate);
        for count in [5, 50, 300] {
            let list = soon("a list", talker.numbers(count)).await;
            assert_eq!(list.unwrap(), (0..count).collect::<Vec<_>>());
        }
        let text = soon("a text", talker.text(50)).await;
        assert_eq!(text.unwrap(), "\u{20ac}\u{e4}\x02\x03".repeat(50));
        let bytes = soon("bytes", talker.data(2000)).await;
        assert_eq!(bytes.unwrap(), Bytes(vec![0; 2000]));
        let items = soon("a stream", talker.items(6).try_collect::<Vec<_>>()).await;
        let expected: Vec<_> = (0..6).map(|i| i.to_string().repeat(100)).collect();
        assert_eq!(items.unwrap(), expected);
        let error = soon("an exception", talker.fail()).await.unwrap_err();
        assert_eq!(error.exception().unwrap().message, "x".repeat(300));
    }
    board.cable().heal().expect("the cable takes it");
    assert_eq!(talker.calls().await.unwrap(), 6, "none ran twice");
    device.close().await.expect("it closes");
}

#[tokio::test]
async fn answers_arrive_although_threads_print_into_them() {
    all_arrives(CallPath::Agent).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_arrive_although_threads_print_into_them_on_several_threads() {
    all_arrives(CallPath::Agent).await;
}

#[tokio::test]
async fn only_what_was_damaged_of_an_answer_is_sent_again() {
    let (board, device, talker) = attached(CallPath::Agent).await;
    // A text is sent in one frame; numbers would be packed, and sent in parts.
    let count = 1600_u16;
    let expected = "\u{20ac}\u{e4}\x02\x03".repeat(count.into());
    let before = board.cable().carried(Direction::ToHost);
    assert_eq!(talker.text(count.into()).await.unwrap(), expected);
    let once = board.cable().carried(Direction::ToHost) - before;
    // The faults hit the answer, and its retransmission, which is longer, as it is base64.
    for at in [once / 2, once * 3 / 2, once * 7 / 4] {
        { board.cable() }
            .once(Direction::ToHost, at, Fault::Noise)
            .expect("the cable takes it");
    }
    let before = board.cable().carried(Direction::ToHost);
    assert_eq!(talker.text(count.into()).await.unwrap(), expected);
    let damaged = board.cable().carried(Direction::ToHost) - before;
    assert!(
        damaged > once * 2 && damaged < once * 27 / 10,
        "{once} bytes, then {damaged}"
    );
    device.close().await.expect("it closes");
}

#[tokio::test]
async fn threads_are_held_while_an_answer_does_not_get_through_and_then_let_go() {
    let board = { Board::unix().file("main.py", AGENT_LAID_OPEN) }
        .start()
        .await
        .unwrap();
    let device = Device::connect(board.port()).await.unwrap();
    let talker = TalkerDevice::attach(&device).await.unwrap();
    let thread = talker.idle().await.unwrap();
    talker.note_holders().await.unwrap();
    make_noise(&board, 2);
    let list = soon("a list", talker.numbers(500)).await;
    assert_eq!(list.unwrap().len(), 500);
    board.cable().heal().unwrap();
    let held = talker.held().await.unwrap();
    assert!(!held.is_empty());
    for pair in held.chunks(2) {
        assert_eq!(pair, ["pause", "resume"]);
    }
    soon("the end of the thread", thread.stop(belay_tests::PATIENCE))
        .await
        .unwrap();
    device.close().await.unwrap();
}
