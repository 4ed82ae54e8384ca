//! Bodies with `await`: each runs in an event loop, its `finally` blocks run when it is ended, and it leaves nothing
//! behind.

use std::time::Duration;

use belay::prelude::*;
use belay::{CallPath, ErrorKind, ThreadState};
use belay_sim::Board;
use belay_tests::{PATIENCE, connected_with, soon};

/// A board whose bodies await.
#[belay::device]
pub trait Waiter {
    /// ```python
    /// import asyncio
    /// log = []
    ///
    /// async def child(name, milliseconds):
    ///     try:
    ///         await asyncio.sleep_ms(milliseconds)
    ///         return name
    ///     finally:
    ///         log.append(name)
    ///
    /// class Context:
    ///     async def __aenter__(self):
    ///         await asyncio.sleep_ms(1)
    ///         return 7
    ///
    ///     async def __aexit__(self, *_):
    ///         await asyncio.sleep_ms(1)
    ///         log.append("exit")
    ///
    /// class Numbers:
    ///     def __init__(self, many):
    ///         self.left = many
    ///
    ///     def __aiter__(self):
    ///         return self
    ///
    ///     async def __anext__(self):
    ///         await asyncio.sleep_ms(0)
    ///         if not self.left:
    ///             raise StopAsyncIteration
    ///         self.left -= 1
    ///         return self.left
    /// ```
    #[setup]
    async fn prepare(&self) -> Result<()>;

    /// ```python
    /// names = await asyncio.gather(child("a", 20), child("b", 10))
    /// return names
    /// ```
    #[task]
    async fn gathered(&self) -> Result<Vec<String>>;

    /// ```python
    /// total = 0
    /// async with Context() as start:
    ///     async for number in Numbers(many):
    ///         total += number
    /// return start, total
    /// ```
    #[task]
    async fn counted(&self, many: u32) -> Result<(u32, u32)>;

    /// ```python
    /// before = await gathered()
    /// return before, await counted(many)
    /// ```
    #[task]
    async fn of_both(&self, many: u32) -> Result<(Vec<String>, (u32, u32))>;

    /// ```python
    /// return counted(3)
    /// ```
    #[task]
    async fn at_once(&self) -> Result<(u32, u32)>;

    /// ```python
    /// try:
    ///     return await asyncio.wait_for(child("slow", 60_000), 0.02)
    /// except asyncio.TimeoutError:
    ///     return "too late"
    /// ```
    #[task]
    async fn times_out(&self) -> Result<String>;

    /// ```python
    /// asyncio.create_task(child("left over", 60_000))
    /// await asyncio.sleep_ms(1)
    /// raise ValueError("wrong")
    /// ```
    #[task]
    async fn fails(&self) -> Result<()>;

    /// ```python
    /// try:
    ///     await child("waits", 60_000)
    /// finally:
    ///     await asyncio.sleep_ms(5)
    ///     log.append("ended")
    /// ```
    #[task(timeout_ms = 300)]
    async fn waits(&self) -> Result<()>;

    /// ```python
    /// try:
    ///     while True:
    ///         await asyncio.sleep_ms(0)
    /// finally:
    ///     log.append("spun")
    /// ```
    #[task(timeout_ms = 300)]
    async fn spins(&self) -> Result<()>;

    /// ```python
    /// result = list(log)
    /// log.clear()
    /// return result
    /// ```
    #[task]
    async fn logged(&self) -> Result<Vec<String>>;

    /// ```python
    /// log.append("begun")
    /// try:
    ///     while True:
    ///         await child("slept", 60_000)
    /// finally:
    ///     await asyncio.sleep_ms(1)
    ///     log.append("stopped")
    /// ```
    #[thread]
    async fn sleeps(&self) -> Result<ThreadHandle>;

    /// ```python
    /// while True:
    ///     await asyncio.sleep_ms(1)
    /// ```
    #[thread]
    async fn ticks(&self) -> Result<ThreadHandle>;

    /// ```python
    /// await asyncio.sleep_ms(milliseconds)
    /// log.append("done")
    /// ```
    #[thread]
    async fn ends(&self, milliseconds: u32) -> Result<ThreadHandle>;
}

async fn waiter(path: CallPath) -> (Board, WaiterDevice) {
    let (board, device) = connected_with(|builder| builder.call_path(path)).await;
    let waiter = WaiterDevice::attach(&device).await.unwrap();
    (board, waiter)
}

async fn a_body_that_awaits_gives_its_value(path: CallPath) {
    let (_board, waiter) = waiter(path).await;
    assert_eq!(waiter.gathered().await.unwrap(), ["a", "b"]);
    assert_eq!(waiter.logged().await.unwrap(), ["b", "a"], "beside each other");
    assert_eq!(waiter.counted(5).await.unwrap(), (7, 10));
    assert_eq!(waiter.logged().await.unwrap(), ["exit"]);
    assert_eq!(waiter.times_out().await.unwrap(), "too late");
    assert_eq!(waiter.logged().await.unwrap(), ["slow"]);
    let (names, counted) = waiter.of_both(4).await.unwrap();
    assert_eq!((names.len(), counted), (2, (7, 6)));
    assert_eq!(
        waiter.at_once().await.unwrap(),
        (7, 3),
        "one that does not await gets the value"
    );
}

async fn an_exception_is_an_error_with_its_line_and_ends_what_was_begun(path: CallPath) {
    let (_board, waiter) = waiter(path).await;
    let error = waiter.fails().await.unwrap_err();
    let raised = error.exception().expect("an exception");
    assert_eq!(
        (raised.type_name.as_str(), raised.message.as_str()),
        ("ValueError", "wrong")
    );
    let frame = raised.traceback.last().expect("a frame");
    assert!(frame.rust.is_some(), "{raised:?}");
    assert_eq!(waiter.logged().await.unwrap(), ["left over"]);
    assert_eq!(waiter.counted(1).await.unwrap(), (7, 0));
}

async fn a_time_out_and_a_dropped_future_end_it_through_its_finally_blocks(path: CallPath) {
    let (_board, waiter) = waiter(path).await;
    let error = waiter.waits().await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Timeout { .. }), "{error:?}");
    assert_eq!(waiter.logged().await.unwrap(), ["waits", "ended"]);
    let error = waiter.spins().await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Timeout { .. }), "{error:?}");
    assert_eq!(waiter.logged().await.unwrap(), ["spun"]);
    for _ in 0..5 {
        let dropped = tokio::time::timeout(Duration::from_millis(50), waiter.waits()).await;
        assert!(dropped.is_err());
        assert_eq!(waiter.gathered().await.unwrap(), ["a", "b"]);
        let logged = waiter.logged().await.unwrap();
        // The body may have been dropped before it began.
        assert!(
            logged == ["waits", "ended", "b", "a"] || logged == ["b", "a"],
            "{logged:?}"
        );
    }
}

async fn a_thread_that_awaits_stops_while_it_waits(path: CallPath) {
    let (_board, waiter) = waiter(path).await;
    for _ in 0..3 {
        let handle = waiter.sleeps().await.unwrap();
        let begun = async {
            while waiter.logged().await.unwrap() != ["begun"] {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        soon("the thread begins", begun).await;
        handle.stop(PATIENCE).await.unwrap();
        assert_eq!(handle.state(), ThreadState::Stopped);
        assert_eq!(waiter.logged().await.unwrap(), ["slept", "stopped"]);
    }
    let ends = waiter.ends(20).await.unwrap();
    soon("the thread ends", ends.join()).await.unwrap();
    assert_eq!(waiter.logged().await.unwrap(), ["done"]);
    assert_eq!(
        waiter.gathered().await.unwrap(),
        ["a", "b"],
        "the loop is free again"
    );
}

async fn one_body_awaits_at_a_time(path: CallPath) {
    let (_board, waiter) = waiter(path).await;
    let handle = waiter.ticks().await.unwrap();
    let refused = async {
        loop {
            // The thread may not have begun to await yet.
            if let Err(error) = waiter.counted(1).await {
                return error;
            }
        }
    };
    let error = soon("a refusal", refused).await;
    let raised = error.exception().expect("an exception");
    assert_eq!(raised.type_name, "RuntimeError");
    assert!(raised.message.contains("a thread awaits"), "{raised:?}");
    assert!(waiter.logged().await.is_ok(), "others run");
    handle.stop(PATIENCE).await.unwrap();
    assert_eq!(waiter.counted(3).await.unwrap(), (7, 3));
}

belay_tests::on_both_runtimes! { over both paths:
    a_body_that_awaits_gives_its_value
    an_exception_is_an_error_with_its_line_and_ends_what_was_begun
    a_time_out_and_a_dropped_future_end_it_through_its_finally_blocks
    a_thread_that_awaits_stops_while_it_waits
    one_body_awaits_at_a_time
}

#[belay::device]
trait Plain {
    /// ```python
    /// import asyncio
    /// await asyncio.sleep(0)
    /// ```
    #[task]
    async fn awaits(&self) -> Result<()>;
}

#[tokio::test]
async fn a_board_without_asyncio_says_so() {
    let small = Board::unix().heap_kb(40).start().await.unwrap();
    let without = Board::circuitpython_like().start().await.unwrap();
    for board in [small, without] {
        let plain = PlainDevice::connect(board.port()).await.unwrap();
        let error = plain.awaits().await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Unsupported { .. }), "{error:?}");
        assert!(error.to_string().contains("asyncio"), "{error}");
        plain.close().await.unwrap();
    }
}
