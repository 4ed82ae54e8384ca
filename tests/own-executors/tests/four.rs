//! A trait with all four kinds of methods on a board, by executors that a crate of its own has brought.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use belay::prelude::*;
use belay::{ErrorKind, ThreadState};
use belay_sim::Board;
use belay_tests_own_executors::{Log, OwnExecutors};

const PATIENCE: Duration = Duration::from_secs(30);

/// One method of each kind, and more.
#[belay::device]
pub trait Rig {
    /// ```python
    /// import time
    /// height = 1
    /// turned = 0
    /// torn = False
    /// ```
    #[setup(order = -1)]
    async fn open(&self) -> Result<()>;

    /// ```python
    /// height = by
    /// ```
    #[setup]
    async fn raise(&self, by: i32) -> Result<()>;

    /// ```python
    /// return height + more
    /// ```
    #[task]
    async fn level(&self, more: i32) -> Result<i32>;

    /// ```python
    /// for i in range(limit):
    ///     yield i
    /// ```
    #[task]
    fn count(&self, limit: u32) -> impl Stream<Item = Result<u32>>;

    /// ```python
    /// return turned
    /// ```
    #[task]
    async fn turns(&self) -> Result<u32>;

    /// ```python
    /// global turned
    /// while True:
    ///     turned += step
    ///     time.sleep_ms(1)
    /// ```
    #[thread]
    async fn turn(&self, step: u32) -> Result<ThreadHandle>;

    /// ```python
    /// raise ValueError("worn out")
    /// ```
    #[thread]
    async fn wear_out(&self) -> Result<ThreadHandle>;

    /// ```python
    /// torn = True
    /// ```
    #[teardown]
    async fn tear(&self) -> Result<()>;
}

async fn rig() -> (Board, RigDevice, Log) {
    let board = Board::unix().start().await.unwrap();
    let executors = OwnExecutors::default();
    let log = executors.log.clone();
    let builder = RigDevice::builder(board.port()).executors(executors);
    (board, builder.connect().await.unwrap(), log)
}

/// All items of a stream.
async fn all<T>(items: impl Stream<Item = T>) -> Vec<T> {
    let mut items = std::pin::pin!(items);
    let mut all = Vec::new();
    while let Some(item) = std::future::poll_fn(|cx| items.as_mut().poll_next(cx)).await {
        all.push(item);
    }
    all
}

async fn each_kind_of_method_is_run_by_the_executor_that_was_brought_for_it() {
    let (_board, rig, log) = rig().await;
    assert_eq!(log.take(), ["set up Rig.open"]);
    rig.raise(40).await.unwrap();
    assert_eq!(rig.level(2).await.unwrap(), 42);
    let items: Result<Vec<u32>> = all(rig.count(3)).await.into_iter().collect();
    assert_eq!(items.unwrap(), [0, 1, 2]);
    assert_eq!(
        log.take(),
        ["set up Rig.raise", "called Rig.level", "opened Rig.count"]
    );
    let handle = rig.turn(2).await.unwrap();
    while rig.turns().await.unwrap() == 0 {}
    assert_eq!(rig.device().threads().active().await.unwrap().len(), 1);
    handle.stop(PATIENCE).await.unwrap();
    assert_eq!(handle.state(), ThreadState::Stopped);
    log.take();
    let acted = Arc::new(AtomicBool::new(false));
    let done = Arc::clone(&acted);
    rig.device().teardowns().register(move || async move {
        done.store(true, Ordering::Relaxed);
        Ok(())
    });
    rig.turn(1).await.unwrap();
    rig.close().await.unwrap();
    assert_eq!(
        log.take(),
        [
            "started Rig.turn",
            "stopped Rig.turn",
            "tore down Rig.tear",
            "acted on the host"
        ]
    );
    assert!(acted.load(Ordering::Relaxed));
}

async fn what_a_body_raises_comes_from_executors_of_ones_own_too() {
    let (_board, rig, _log) = rig().await;
    let handle = rig.wear_out().await.unwrap();
    let error = handle.join().await.unwrap_err();
    assert_eq!(error.exception().unwrap().message, "worn out");
    assert_eq!(handle.state(), ThreadState::Failed);
    let error = rig.device().execute_as::<u8>("1 // 0").await.unwrap_err();
    assert!(error.exception().unwrap().is("ZeroDivisionError"));
    rig.close().await.unwrap();
}

async fn after_a_reset_they_do_again_what_has_to_be_done_again() {
    let (_board, rig, log) = rig().await;
    rig.raise(40).await.unwrap();
    let handle = rig.turn(1).await.unwrap();
    log.take();
    rig.device().reset().await.unwrap();
    assert_eq!(log.take(), ["set up Rig.open again", "set up Rig.raise again"]);
    let error = handle.join().await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::ThreadLost(_)), "{error}");
    assert_eq!(rig.level(2).await.unwrap(), 42);
    let handle = rig.turn(1).await.unwrap();
    handle.stop(PATIENCE).await.unwrap();
    rig.close().await.unwrap();
    log.take();
}

macro_rules! on_both_runtimes {
    ($($test:ident)*) => {
        mod on_one_thread {
            $(#[tokio::test] async fn $test() { super::$test().await; })*
        }
        mod on_many_threads {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() { super::$test().await; })*
        }
    };
}

on_both_runtimes! {
    each_kind_of_method_is_run_by_the_executor_that_was_brought_for_it
    what_a_body_raises_comes_from_executors_of_ones_own_too
    after_a_reset_they_do_again_what_has_to_be_done_again
}
