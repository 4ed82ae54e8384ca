//! Streams and iterators of the program that bodies on the board read, each item once and in order.

use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use belay::prelude::*;
use belay::python::{Bytes, Value};
use belay::{ErrorKind, HostFunctionError};
use belay_sim::Board;
use belay_tests::{on_both_runtimes, soon};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::sync::mpsc;

#[path = "streams_in/bad_line.rs"]
mod bad_line;
#[path = "streams_in/conversations.rs"]
mod conversations;
#[path = "streams_in/ends.rs"]
mod ends;

/// Bodies that read.
#[belay::device]
pub trait Reader {
    /// ```python
    /// return sum(items)
    /// ```
    #[task]
    async fn add_up(&self, items: impl Stream<Item = u32>) -> Result<u32>;

    /// ```python
    /// return list(items)
    /// ```
    #[task]
    async fn all(&self, items: impl IntoIterator<Item = Value>) -> Result<Vec<Value>>;

    /// ```python
    /// size = 0
    /// for chunk in chunks:
    ///     size += len(chunk)
    /// return size
    /// ```
    #[task]
    async fn length(&self, chunks: impl Iterator<Item = Bytes>) -> Result<usize>;

    /// ```python
    /// return [label, list(zip(left, right)), len(data)]
    /// ```
    #[task]
    async fn beside(
        &self,
        label: &str,
        left: impl Stream<Item = u32>,
        data: &Bytes,
        right: impl IntoIterator<Item = String>,
    ) -> Result<(String, Vec<(u32, String)>, usize)>;

    /// ```python
    /// found = []
    /// for item in items:
    ///     if len(found) == many:
    ///         break
    ///     found.append(item)
    /// return found
    /// ```
    #[task]
    async fn first(&self, many: usize, items: impl Stream<Item = u32>) -> Result<Vec<u32>>;

    /// ```python
    /// return sum(items)
    /// ```
    #[task]
    async fn fallible(&self, items: impl Stream<Item = Result<u32, Broken>>) -> Result<u32>;

    /// ```python
    /// found = []
    /// try:
    ///     for item in items:
    ///         found.append(item)
    /// except Exception as error:
    ///     found.append(str(error))
    /// found.append(len(list(items)))
    /// return found
    /// ```
    #[task]
    async fn caught(&self, items: impl Stream<Item = Result<u32, String>>) -> Result<Vec<Value>>;

    /// ```python
    /// return sum([1, 2, 3]) + sum(iter(range(many)))
    /// ```
    #[task]
    async fn of_its_own(&self, many: u32) -> Result<u32>;

    /// ```python
    /// return fallible([many] * many)
    /// ```
    #[task]
    async fn through_another(&self, many: u32) -> Result<u32>;

    /// ```python
    /// import time
    /// for item in items:
    ///     time.sleep_ms(item)
    /// ```
    #[task(timeout_ms = 300)]
    async fn impatient(&self, items: impl Stream<Item = u32>) -> Result<()>;

    /// ```python
    /// import _thread
    /// found = []
    /// def add():
    ///     found.append(sum(items))
    /// _thread.start_new_thread(add, ())
    /// for _ in ticks:
    ///     if found:
    ///         return found[0]
    /// ```
    #[task]
    async fn from_thread(
        &self,
        items: impl Stream<Item = u32>,
        ticks: impl Stream<Item = ()>,
    ) -> Result<Option<u32>>;

    /// ```python
    /// total = 0
    /// for item in items:
    ///     total += item
    ///     yield total
    /// yield -1
    /// ```
    #[task]
    fn totals(&self, items: impl Stream<Item = u32>) -> impl Stream<Item = Result<i64>>;

    /// ```python
    /// while True:
    ///     yield 1
    ///     print("said:", next(answers))
    /// ```
    #[task]
    fn asks(&self, answers: impl Stream<Item = String>) -> impl Stream<Item = Result<u32>>;

    /// ```python
    /// return a + b
    /// ```
    #[task]
    async fn add(&self, a: u32, b: u32) -> Result<u32>;
}

/// The program's own error type.
#[derive(Debug, PartialEq)]
pub struct Broken(&'static str);

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "it broke: {}", self.0)
    }
}

impl std::error::Error for Broken {}

/// Counts how many marked streams are still alive.
#[derive(Debug, Clone, Default)]
struct Alive(Arc<AtomicU32>);

struct Mark(Arc<AtomicU32>);

impl Alive {
    fn mark(&self) -> Mark {
        self.0.fetch_add(1, Ordering::SeqCst);
        Mark(Arc::clone(&self.0))
    }

    fn count(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }

    /// A stream that is counted for as long as it exists.
    fn of<S: Stream>(&self, stream: S) -> impl Stream<Item = S::Item> + use<S> {
        let mark = self.mark();
        stream.map(move |item| {
            let _there = &mark;
            item
        })
    }

    /// Waits until no stream is left.
    async fn none(&self) {
        let none = async {
            while self.count() > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        soon("the stream to be dropped", none).await;
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn start() -> (Board, ReaderDevice) {
    let board = Board::unix().start().await.expect("a board");
    let reader = connect(&board).await;
    (board, reader)
}

async fn connect(board: &Board) -> ReaderDevice {
    let connecting = ReaderDevice::connect(board.port());
    soon("connecting", connecting).await.expect("the board answers")
}

on_both_runtimes! {
    a_body_reads_every_item_once_and_in_order
    every_value_arrives_as_it_is
    iterators_and_several_at_once_are_read_beside_other_arguments
    what_a_body_does_not_read_is_dropped_with_the_call
    an_error_raises_in_the_body_and_is_the_source_of_its_own
    a_body_catches_an_error_and_the_stream_has_ended
    bodies_give_each_other_what_they_iterate_over
    a_body_and_a_thread_of_it_read_side_by_side
    the_time_that_a_stream_takes_is_its_own
}

/// The sum of so many numbers.
fn total(many: u32) -> u32 {
    (0..many).sum()
}

async fn a_body_reads_every_item_once_and_in_order() {
    let (_board, reader) = start().await;
    for many in [0, 1, 2, 63, 64, 65, 128, 1000] {
        let sum = reader.add_up(stream::iter(0..many)).await.unwrap();
        assert_eq!(sum, total(many));
    }
    let found = reader.first(500, stream::iter(0..500)).await.unwrap();
    assert_eq!(found, (0..500).collect::<Vec<u32>>());
    // One by one, as they come.
    let (sender, receiver) = mpsc::channel(1);
    let sending = async {
        for item in 0..50 {
            sender.send(item).await.unwrap();
            tokio::task::yield_now().await;
        }
        drop(sender);
    };
    let (sum, ()) = tokio::join!(reader.add_up(of(receiver)), sending);
    assert_eq!(sum.unwrap(), total(50));
    reader.close().await.unwrap();
}

fn of<T: Send + 'static>(mut receiver: mpsc::Receiver<T>) -> impl Stream<Item = T> + Send + 'static {
    stream::poll_fn(move |cx| receiver.poll_recv(cx))
}

async fn every_value_arrives_as_it_is() {
    let (_board, reader) = start().await;
    let bytes: Vec<u8> = (0..=255).collect();
    let items = vec![
        Value::from(-(1_i64 << 60)),
        Value::from("it's \"no\"\n\u{e9}\u{10000}"),
        Value::from("x".repeat(3000)),
        Value::None,
        Value::from(true),
        Value::Float(0.1),
        Value::Bytes(bytes.clone()),
        Value::Bytes(bytes.repeat(100)),
        Value::List((0..300).map(Value::from).collect()),
        Value::Tuple(vec![Value::from(1), Value::List(Vec::new())]),
    ];
    assert_eq!(reader.all(items.clone()).await.unwrap(), items);
    assert_eq!(reader.all(Vec::new()).await.unwrap(), Vec::new());
    for (size, chunk) in [(16_384, 512), (16_384, 4096), (50_000, 50_000), (1000, 1)] {
        let chunks = vec![Bytes(vec![7; chunk]); size / chunk];
        let length = reader.length(chunks.into_iter()).await.unwrap();
        assert_eq!(length, size / chunk * chunk);
    }
    reader.close().await.unwrap();
}

async fn iterators_and_several_at_once_are_read_beside_other_arguments() {
    let (_board, reader) = start().await;
    for size in [3, 5000] {
        let words = (0..100).map(|i| format!("word {i}"));
        let data = Bytes(vec![1; size]);
        let (label, pairs, length) = reader
            .beside("it's", stream::iter(0..70), &data, words)
            .await
            .unwrap();
        assert_eq!((label.as_str(), length), ("it's", size));
        let expected = (0..70).map(|i| (i, format!("word {i}")));
        assert_eq!(pairs, expected.collect::<Vec<(u32, String)>>());
    }
    reader.close().await.unwrap();
}

async fn what_a_body_does_not_read_is_dropped_with_the_call() {
    let (_board, reader) = start().await;
    let alive = Alive::default();
    let endless = alive.of(stream::iter(0..));
    assert_eq!(reader.first(3, endless).await.unwrap(), [0, 1, 2]);
    assert_eq!(alive.count(), 0);
    let silent = alive.of(stream::iter(0..3).chain(stream::pending()));
    assert_eq!(reader.first(2, silent).await.unwrap(), [0, 1]);
    assert_eq!(alive.count(), 0);
    assert_eq!(reader.add(1, 2).await.unwrap(), 3);
    reader.close().await.unwrap();
}

async fn an_error_raises_in_the_body_and_is_the_source_of_its_own() {
    let (_board, reader) = start().await;
    let alive = Alive::default();
    let items = stream::iter([Ok(1), Ok(2), Err(Broken("in two")), Ok(3)]);
    let error = reader.fallible(alive.of(items)).await.unwrap_err();
    assert_eq!(alive.count(), 0);
    let raised = error.exception().expect("it was raised on the board");
    assert_eq!(
        (raised.type_name.as_str(), raised.message.as_str()),
        ("HostError", "it broke: in two")
    );
    assert!(raised.rust_line().is_some(), "{error:?}");
    let source = error.source().and_then(|source| source.downcast_ref::<Broken>());
    assert_eq!(source, Some(&Broken("in two")), "{error:?}");

    let why = |error: Error| {
        let source = error
            .source()
            .and_then(|source| source.downcast_ref::<HostFunctionError>());
        source.cloned().unwrap_or_else(|| panic!("{error:?}"))
    };
    let panics = stream::iter(0..3).map(|item| if item < 2 { item } else { panic!("on purpose") });
    let panicked = why(reader.add_up(panics).await.unwrap_err());
    assert_eq!(panicked, HostFunctionError::Panicked("on purpose".into()));
    assert_eq!(reader.add(1, 2).await.unwrap(), 3);
    reader.close().await.unwrap();
}

async fn a_body_catches_an_error_and_the_stream_has_ended() {
    let (_board, reader) = start().await;
    let items = stream::iter([Ok(1), Err("it broke".to_owned()), Ok(3)]);
    let found = reader.caught(items).await.unwrap();
    assert_eq!(found, [Value::from(1), Value::from("it broke"), Value::from(0)]);
    reader.close().await.unwrap();
}

async fn bodies_give_each_other_what_they_iterate_over() {
    let (_board, reader) = start().await;
    assert_eq!(reader.through_another(4).await.unwrap(), 16);
    assert_eq!(reader.of_its_own(4).await.unwrap(), 12);
    reader.close().await.unwrap();
}

async fn a_body_and_a_thread_of_it_read_side_by_side() {
    let (_board, reader) = start().await;
    let ticks = stream::repeat(()).then(|()| tokio::time::sleep(Duration::from_millis(1)));
    let sum = soon("the sum", reader.from_thread(stream::iter(0..200), ticks)).await;
    assert_eq!(sum.unwrap(), Some(total(200)));
    reader.close().await.unwrap();
}

async fn the_time_that_a_stream_takes_is_its_own() {
    let (_board, reader) = start().await;
    let slow = stream::iter(0..3).then(|item| async move {
        tokio::time::sleep(Duration::from_millis(250)).await;
        item
    });
    reader.impatient(slow).await.unwrap();
    let alive = Alive::default();
    let too_long = alive.of(stream::iter([1, 60_000]));
    let error = soon("an error", reader.impatient(too_long)).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Timeout { .. }), "{error:?}");
    assert_eq!(alive.count(), 0);
    assert_eq!(reader.add(1, 2).await.unwrap(), 3);
    reader.close().await.unwrap();
}

#[tokio::test]
async fn boards_that_cannot_ask_say_so_at_the_call() {
    let board = Board::unix().start().await.expect("a board");
    let builder = ReaderDevice::builder(board.port()).call_path(belay::CallPath::RawRepl);
    let reader = builder.connect().await.expect("the board answers");
    let error = reader.add_up(stream::iter(0..3)).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Unsupported { .. }), "{error:?}");
    let error = reader.totals(stream::iter(0..3)).try_collect::<Vec<_>>().await;
    let error = error.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Unsupported { .. }), "{error:?}");
    assert_eq!(reader.add(1, 2).await.unwrap(), 3);
    reader.close().await.unwrap();
}
