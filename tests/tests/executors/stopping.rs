//! How bodies end when they are stopped: clean-up runs to its end, and a body that does not stop is reported.

use std::time::Duration;

use belay::prelude::*;
use belay::{ErrorKind, ThreadError, ThreadState};
use belay_tests::{CallPath, PATIENCE, connected, connected_with, over_both_paths, soon};
use futures_util::StreamExt;

#[belay::device]
pub trait Careful {
    /// ```python
    /// log = []
    /// done = []
    /// cleaning = []
    /// begun = []
    /// ```
    #[setup]
    async fn prepare(&self) -> Result<()>;

    /// ```python
    /// import time
    ///
    /// def off(word):
    ///     for i in range(2):
    ///         log.append(word)
    ///
    /// class Bus:
    ///     def __enter__(self):
    ///         return self
    ///
    ///     def __exit__(self, *_):
    ///         for i in range(2):
    ///             log.append("exit")
    ///         off("from exit")
    ///
    /// def readings():
    ///     try:
    ///         while True:
    ///             yield 1
    ///     finally:
    ///         for i in range(2):
    ///             log.append("generator")
    ///
    /// values = readings()
    /// next(values)
    /// try:
    ///     while True:
    ///         with Bus():
    ///             log.append("on")
    ///             while True:
    ///                 time.sleep_ms(1)
    /// finally:
    ///     try:
    ///         for i in range(2):
    ///             time.sleep_ms(20)
    ///             log.append("inner")
    ///         off("from finally")
    ///     finally:
    ///         for i in range(2):
    ///             if i < 5:
    ///                 log.append("outer")
    ///         values.close()
    ///         done.append(1)
    /// ```
    #[thread]
    async fn thorough(&self) -> Result<ThreadHandle>;

    /// ```python
    /// import time
    ///
    /// def off():
    ///     for i in range(10):
    ///         time.sleep_ms(10)
    ///         log.append("off")
    ///
    /// while True:
    ///     try:
    ///         log.append("on")
    ///     finally:
    ///         cleaning.append(1)
    ///         for i in range(10):
    ///             time.sleep_ms(10)
    ///             log.append("off")
    ///         off()
    /// ```
    #[thread]
    async fn always_tidying(&self) -> Result<ThreadHandle>;

    /// ```python
    /// import time
    /// try:
    ///     begun.append(1)
    ///     while True:
    ///         time.sleep_ms(1)
    /// finally:
    ///     cleaning.append(1)
    ///     for i in range(30):
    ///         time.sleep_ms(10)
    ///         log.append("off")
    /// ```
    #[thread]
    async fn slow_to_tidy(&self) -> Result<ThreadHandle>;

    /// ```python
    /// import time
    /// try:
    ///     while True:
    ///         time.sleep_ms(1)
    /// finally:
    ///     for i in range(3):
    ///         log.append("off")
    /// ```
    #[thread(max_runtime_ms = 30)]
    async fn brief(&self) -> Result<ThreadHandle>;

    /// ```python
    /// import time
    /// while True:
    ///     try:
    ///         log.append("on")
    ///         while True:
    ///             time.sleep_ms(1)
    ///     except BaseException:
    ///         log.append("swallowed")
    /// ```
    #[thread]
    async fn greedy(&self) -> Result<ThreadHandle>;

    /// ```python
    /// import time
    /// def wait():
    ///     while True:
    ///         time.sleep_ms(1)
    /// try:
    ///     begun.append(1)
    ///     wait()
    /// except BaseException:
    ///     for i in range(3):
    ///         log.append("caught")
    /// ```
    #[thread]
    async fn polite(&self) -> Result<ThreadHandle>;

    /// ```python
    /// import time
    /// log.append("on")
    /// try:
    ///     while True:
    ///         time.sleep_ms(1)
    /// finally:
    ///     for i in range(2):
    ///         log.append("off")
    ///     raise ValueError("stuck valve")
    /// ```
    #[thread(auto_restart = 3)]
    async fn failing_to_tidy(&self) -> Result<ThreadHandle>;

    /// ```python
    /// import micropython, time
    ///
    /// @micropython.viper
    /// def sum_up(n: int) -> int:
    ///     total = 0
    ///     for i in range(n):
    ///         for j in range(i):
    ///             total += j
    ///     return total
    ///
    /// @micropython.native
    /// def double(n):
    ///     while n < 40:
    ///         n += n
    ///     return n
    ///
    /// log.append(str(sum_up(10)))
    /// log.append(str(double(10)))
    /// while True:
    ///     time.sleep_ms(1)
    /// ```
    #[thread]
    async fn native(&self) -> Result<ThreadHandle>;

    /// ```python
    /// import time
    /// try:
    ///     log.append("on")
    ///     print("on")
    ///     while True:
    ///         time.sleep_ms(1)
    /// finally:
    ///     for i in range(10):
    ///         time.sleep_ms(60)
    ///         log.append("off")
    /// ```
    #[task]
    async fn measure(&self) -> Result<()>;

    /// ```python
    /// import time
    /// try:
    ///     log.append("on")
    ///     yield 1
    ///     while True:
    ///         time.sleep_ms(1)
    /// finally:
    ///     for i in range(10):
    ///         time.sleep_ms(60)
    ///         log.append("off")
    /// ```
    #[task]
    fn measurements(&self) -> impl Stream<Item = Result<u32>>;

    /// ```python
    /// import time
    /// try:
    ///     while True:
    ///         time.sleep_ms(1)
    /// finally:
    ///     for i in range(10):
    ///         time.sleep_ms(60)
    ///         log.append("off")
    /// ```
    #[task(timeout_ms = 50)]
    async fn measure_for_too_long(&self) -> Result<()>;

    /// ```python
    /// while True:
    ///     yield 1
    /// ```
    #[task(exclusive)]
    fn alone(&self) -> impl Stream<Item = Result<u32>>;

    /// ```python
    /// return len(log)
    /// ```
    #[task(exclusive)]
    async fn logged_alone(&self) -> Result<usize>;

    /// ```python
    /// return log
    /// ```
    #[task]
    async fn logged(&self) -> Result<Vec<String>>;

    /// ```python
    /// return len(log)
    /// ```
    #[task]
    async fn log_length(&self) -> Result<usize>;

    /// ```python
    /// return len(begun)
    /// ```
    #[task]
    async fn beginnings(&self) -> Result<u32>;

    /// ```python
    /// return len(cleaning)
    /// ```
    #[task]
    async fn cleanings(&self) -> Result<u32>;
}

/// What the bodies of a `Careful` have left on its board.
#[belay::device(namespace = "Careful", globals(log))]
pub trait Left {
    /// ```python
    /// return log
    /// ```
    #[task]
    async fn logged(&self) -> Result<Vec<String>>;
}

/// Waits until the thread has written something into its log.
async fn until_logged(careful: &CarefulDevice) {
    soon("an entry in the log", async {
        while careful.log_length().await.unwrap() == 0 {}
    })
    .await;
}

/// Waits until a thread has begun: one that is stopped before does nothing at all.
async fn until_begun(careful: &CarefulDevice) {
    soon("the beginning", async {
        while careful.beginnings().await.unwrap() == 0 {}
    })
    .await;
}

/// Waits until a clean-up has begun.
async fn until_cleaning(careful: &CarefulDevice) {
    soon("the clean-up", async {
        while careful.cleanings().await.unwrap() == 0 {}
    })
    .await;
}

async fn everything_that_cleans_up_runs_to_its_end_in_a_thread_that_is_stopped() {
    let (_board, device) = connected().await;
    let careful = CarefulDevice::attach(&device).await.unwrap();
    let handle = careful.thorough().await.unwrap();
    until_logged(&careful).await;
    handle.stop(PATIENCE).await.unwrap();
    assert_eq!(handle.state(), ThreadState::Stopped);
    let expected = [
        "on",
        "exit",
        "exit",
        "from exit",
        "from exit",
        "inner",
        "inner",
        "from finally",
        "from finally",
        "outer",
        "outer",
        "generator",
        "generator",
    ];
    assert_eq!(careful.logged().await.unwrap(), expected);
    device.close().await.unwrap();
}

#[tokio::test]
async fn everything_that_cleans_up_runs_to_its_end_in_a_thread_that_is_stopped_on_one_thread() {
    everything_that_cleans_up_runs_to_its_end_in_a_thread_that_is_stopped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_cleans_up_runs_to_its_end_in_a_thread_that_is_stopped_on_several_threads() {
    everything_that_cleans_up_runs_to_its_end_in_a_thread_that_is_stopped().await;
}

#[tokio::test]
async fn a_stop_that_comes_while_a_body_cleans_up_anyway_waits_for_that() {
    let (_board, device) = connected().await;
    let careful = CarefulDevice::attach(&device).await.unwrap();
    let handle = careful.always_tidying().await.unwrap();
    until_cleaning(&careful).await;
    handle.stop(PATIENCE).await.unwrap();
    let log = careful.logged().await.unwrap();
    let turns = log.iter().filter(|entry| *entry == "on").count();
    assert_eq!(log.len(), 21 * turns, "{log:?}");
    device.close().await.unwrap();
}

#[tokio::test]
async fn a_thread_whose_time_is_over_cleans_up_to_the_end() {
    let (_board, device) = connected().await;
    let careful = CarefulDevice::attach(&device).await.unwrap();
    let handle = careful.brief().await.unwrap();
    soon("the end", handle.join()).await.unwrap();
    assert_eq!(handle.state(), ThreadState::Stopped);
    assert_eq!(careful.logged().await.unwrap(), ["off"; 3]);
    device.close().await.unwrap();
}

#[tokio::test]
async fn clean_up_is_not_cut_short_by_being_asked_again_or_by_an_exclusive_task() {
    let (_board, device) = connected().await;
    let careful = CarefulDevice::attach(&device).await.unwrap();
    let handle = careful.slow_to_tidy().await.unwrap();
    until_begun(&careful).await;
    let (first, second, alone) = tokio::join!(
        handle.stop(PATIENCE),
        async {
            until_cleaning(&careful).await;
            handle.stop(PATIENCE).await
        },
        async {
            until_cleaning(&careful).await;
            careful.logged_alone().await
        },
    );
    first.unwrap();
    second.unwrap();
    assert_eq!(alone.unwrap(), 30, "it waits for the clean-up, and runs after it");
    assert_eq!(careful.logged().await.unwrap(), ["off"; 30]);
    device.close().await.unwrap();
}

#[tokio::test]
async fn a_thread_that_is_held_is_stopped_and_cleans_up_while_the_others_are_held() {
    let (_board, device) = connected().await;
    let careful = CarefulDevice::attach(&device).await.unwrap();
    let handle = careful.slow_to_tidy().await.unwrap();
    let other = careful.greedy().await.unwrap();
    until_logged(&careful).await;
    let mut items = Box::pin(careful.alone());
    items.next().await.unwrap().unwrap();
    let active = device.threads().active().await.unwrap();
    assert!(
        active.iter().all(|thread| thread.state == ThreadState::Paused),
        "{active:?}"
    );
    handle.stop(PATIENCE).await.unwrap();
    assert_eq!(handle.state(), ThreadState::Stopped);
    assert_eq!(
        device.threads().active().await.unwrap()[0].state,
        ThreadState::Paused
    );
    drop(items);
    let log = careful.logged().await.unwrap();
    assert_eq!(log.iter().filter(|entry| *entry == "off").count(), 30, "{log:?}");
    other.stop(Duration::from_millis(500)).await.unwrap();
    device.close().await.unwrap();
}

#[tokio::test]
async fn closing_the_device_lets_its_threads_clean_up() {
    let (board, device) = connected().await;
    let careful = CarefulDevice::attach(&device).await.unwrap();
    let handle = careful.slow_to_tidy().await.unwrap();
    until_begun(&careful).await;
    device.close().await.unwrap();
    assert_eq!(handle.state(), ThreadState::Stopped);
    let device = Device::connect(board.port()).await.unwrap();
    let left = LeftDevice::attach(&device).await.unwrap();
    assert_eq!(left.logged().await.unwrap(), ["off"; 30]);
    device.close().await.unwrap();
}

#[tokio::test]
async fn a_body_that_swallows_the_stop_is_told_again_within_the_deadline() {
    let (_board, device) = connected().await;
    let careful = CarefulDevice::attach(&device).await.unwrap();
    let handle = careful.greedy().await.unwrap();
    until_logged(&careful).await;
    handle.stop(Duration::from_secs(2)).await.unwrap();
    assert_eq!(handle.state(), ThreadState::Stopped);
    assert!(careful.logged().await.unwrap().contains(&"swallowed".to_owned()));
    device.close().await.unwrap();
}

#[tokio::test]
async fn a_body_that_catches_the_stop_and_ends_is_a_stopped_one() {
    let (_board, device) = connected().await;
    let careful = CarefulDevice::attach(&device).await.unwrap();
    let handle = careful.polite().await.unwrap();
    until_begun(&careful).await;
    handle.stop(PATIENCE).await.unwrap();
    assert_eq!(handle.state(), ThreadState::Stopped);
    assert_eq!(careful.logged().await.unwrap(), ["caught"; 3]);
    device.close().await.unwrap();
}

#[tokio::test]
async fn clean_up_that_takes_longer_than_the_deadline_is_told_of_and_then_cut_short() {
    let (_board, device) = connected().await;
    let careful = CarefulDevice::attach(&device).await.unwrap();
    let handle = careful.slow_to_tidy().await.unwrap();
    until_begun(&careful).await;
    let error = handle.stop(Duration::from_millis(60)).await;
    if let Err(error) = error {
        assert!(
            matches!(error.kind(), ErrorKind::Thread(ThreadError::StillRunning { .. })),
            "{error}"
        );
    }
    soon("the end", handle.join()).await.unwrap();
    assert_eq!(handle.state(), ThreadState::Stopped);
    assert!(careful.log_length().await.unwrap() < 30);
    device.close().await.unwrap();
}

#[tokio::test]
async fn a_thread_whose_clean_up_raises_has_failed_and_is_not_started_again() {
    let (_board, device) = connected().await;
    let careful = CarefulDevice::attach(&device).await.unwrap();
    let handle = careful.failing_to_tidy().await.unwrap();
    until_logged(&careful).await;
    handle.stop(PATIENCE).await.unwrap();
    assert_eq!(handle.state(), ThreadState::Failed);
    assert_eq!(handle.last_exception().unwrap().message, "stuck valve");
    assert_eq!(careful.logged().await.unwrap(), ["on", "off", "off"]);
    assert_eq!(handle.info().restarts, 0);
    device.close().await.unwrap();
}

#[tokio::test]
async fn native_functions_work_in_a_thread_that_can_be_stopped() {
    let (_board, device) = connected().await;
    let careful = CarefulDevice::attach(&device).await.unwrap();
    let handle = careful.native().await.unwrap();
    soon("both", async {
        while careful.log_length().await.unwrap() < 2 && handle.is_running() {}
    })
    .await;
    handle.stop(PATIENCE).await.unwrap();
    assert_eq!(
        handle.state(),
        ThreadState::Stopped,
        "{:?}",
        handle.last_exception()
    );
    assert_eq!(careful.logged().await.unwrap(), ["120", "40"]);
    device.close().await.unwrap();
}

/// Starts a call and ends it with `end`; its clean-up has to be complete when the next call runs.
async fn cleans_up(path: CallPath, end: impl AsyncFnOnce(&CarefulDevice)) {
    let (_board, device) = connected_with(|builder| builder.call_path(path)).await;
    let careful = CarefulDevice::attach(&device).await.unwrap();
    end(&careful).await;
    let log = careful.logged().await.unwrap();
    let cleaned = log.iter().filter(|entry| *entry == "off").count();
    assert_eq!(cleaned, 10, "{log:?}");
    device.close().await.unwrap();
}

async fn a_task_that_is_dropped_cleans_up_to_the_end(path: CallPath) {
    cleans_up(path, async |careful| {
        let dropped = tokio::time::timeout(Duration::from_millis(200), careful.measure()).await;
        assert!(dropped.is_err());
    })
    .await;
}

async fn a_task_whose_time_is_over_cleans_up_to_the_end(path: CallPath) {
    cleans_up(path, async |careful| {
        let error = careful.measure_for_too_long().await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Timeout { .. }), "{error}");
    })
    .await;
}

async fn a_stream_that_is_dropped_cleans_up_to_the_end(path: CallPath) {
    cleans_up(path, async |careful| {
        let mut items = Box::pin(careful.measurements());
        assert_eq!(items.next().await.unwrap().unwrap(), 1);
        // Meanwhile the board works on the second item, which never comes.
        let _ = tokio::time::timeout(Duration::from_millis(100), items.next()).await;
    })
    .await;
}

async fn a_task_under_which_the_device_is_closed_cleans_up_to_the_end(path: CallPath) {
    let (board, device) = connected_with(|builder| builder.call_path(path)).await;
    let careful = CarefulDevice::attach(&device).await.unwrap();
    let mut output = device.output();
    let calling = careful.clone();
    let call = tokio::spawn(async move { calling.measure().await });
    while !soon("its first words", output.next())
        .await
        .unwrap()
        .to_string()
        .contains("on")
    {}
    soon("the close", device.close()).await.unwrap();
    assert!(call.await.unwrap().is_err());
    let device = Device::connect(board.port()).await.unwrap();
    let left = LeftDevice::attach(&device).await.unwrap();
    let log = left.logged().await.unwrap();
    assert_eq!(log.iter().filter(|entry| *entry == "off").count(), 10, "{log:?}");
    device.close().await.unwrap();
}

over_both_paths! {
    a_task_that_is_dropped_cleans_up_to_the_end
    a_task_under_which_the_device_is_closed_cleans_up_to_the_end
    a_task_whose_time_is_over_cleans_up_to_the_end
    a_stream_that_is_dropped_cleans_up_to_the_end
}
