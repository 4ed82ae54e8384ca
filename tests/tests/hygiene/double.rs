//! Host code is written against the trait, so that a test double can replace the board.

use std::time::Duration;

use belay::prelude::*;
use belay::{DeviceException, ErrorKind, ThreadDouble, ThreadState};
use futures_util::{StreamExt as _, stream};
use mockall::automock;

/// What the host code needs from a board.
#[belay::device]
#[automock]
pub trait Scale {
    /// ```python
    /// return 12 / times
    /// ```
    #[task]
    async fn grams(&self, times: u32) -> Result<f64>;

    /// ```python
    /// yield times
    /// ```
    #[task]
    fn samples(&self, times: u32) -> impl Stream<Item = Result<u32>>;

    /// ```python
    /// while True:
    ///     pass
    /// ```
    #[thread]
    async fn watch(&self) -> Result<ThreadHandle>;
}

/// Watches for a while, and gives the thread's final state.
async fn watch_for_a_while(scale: &impl Scale) -> Result<ThreadState> {
    let watching = scale.watch().await?;
    watching.stop(Duration::from_secs(1)).await?;
    watching.join().await?;
    Ok(watching.state())
}

async fn mean(scale: &impl Scale) -> Result<f64> {
    Ok(f64::midpoint(scale.grams(1).await?, scale.grams(2).await?))
}

/// A fake without mockall, with plain `async fn`s.
struct Fake;

impl Scale for Fake {
    async fn grams(&self, times: u32) -> Result<f64> {
        Ok(f64::from(times))
    }

    fn samples(&self, times: u32) -> impl Stream<Item = Result<u32>> {
        stream::iter((0..times).map(Ok))
    }

    async fn watch(&self) -> Result<ThreadHandle> {
        Ok(ThreadDouble::new("Scale.watch").handle())
    }
}

#[tokio::test]
async fn a_mock_stands_in_for_the_board() {
    let mut scale = MockScale::new();
    scale
        .expect_grams()
        .returning(|times| Box::pin(async move { Ok(10.0 * f64::from(times)) }));
    assert!((mean(&scale).await.expect("a mean") - 15.0).abs() < f64::EPSILON);
}

#[tokio::test]
async fn a_fake_stands_in_for_the_board() {
    assert!((mean(&Fake).await.expect("a mean") - 1.5).abs() < f64::EPSILON);
    let samples: Vec<_> = Fake.samples(3).map(Result::unwrap).collect().await;
    assert_eq!(samples, [0, 1, 2]);
}

#[tokio::test]
async fn a_mock_and_a_fake_have_threads_that_are_stopped() {
    let thread = ThreadDouble::new("Scale.watch");
    let handle = thread.handle();
    let mut scale = MockScale::new();
    scale
        .expect_watch()
        .return_once(|| Box::pin(async { Ok(handle) }));
    let ended = [
        watch_for_a_while(&scale).await.expect("an end"),
        watch_for_a_while(&Fake).await.expect("an end"),
        thread.state(),
    ];
    assert_eq!(ended, [ThreadState::Stopped; 3]);
}

#[tokio::test]
async fn what_becomes_of_a_double_of_a_thread_is_what_its_handle_tells() {
    let thread = ThreadDouble::new("Scale.watch");
    let handle = thread.handle();
    assert!(handle.is_running());
    assert_eq!(handle.name(), "Scale.watch");
    let joined = tokio::spawn({
        let handle = handle.clone();
        async move { handle.join().await }
    });
    thread.fail(DeviceException::new("OSError", "-5"));
    let error = joined.await.expect("no panic").expect_err("the exception");
    assert!(error.exception().is_some_and(|exception| exception.is("OSError")));
    assert_eq!(error.method(), Some("Scale.watch"));
    assert!(handle.last_exception().is_some());
    thread.finish();
    assert_eq!(handle.state(), ThreadState::Failed, "it has ended before");

    let thread = ThreadDouble::new("Scale.watch");
    let handle = thread.handle();
    thread.finish();
    handle.join().await.expect("its end");

    let thread = ThreadDouble::new("Scale.watch");
    let handle = thread.handle();
    thread.lose(ErrorKind::Reset);
    drop(thread);
    let error = handle.join().await.expect_err("a loss");
    assert!(matches!(error.kind(), ErrorKind::ThreadLost(_)), "{error}");
}
