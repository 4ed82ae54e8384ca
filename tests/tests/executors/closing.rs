//! Closing a device while it is in use: running and waiting calls end with an error, clean-up is done, and all of this
//! within the deadlines.

use std::time::Duration;

use belay::prelude::*;
use belay::{CallPath, ErrorKind, ReconnectPolicy, SessionEvent, SessionState};
use belay_tests::{connected, connected_with, soon, unix, until_state};
use futures_util::StreamExt as _;
use tokio::task::JoinSet;

#[belay::device]
pub trait Press {
    /// ```python
    /// import sys, time
    /// done = sys.modules.setdefault("done", [])
    /// ```
    #[setup]
    async fn prepare(&self) -> Result<()>;

    /// ```python
    /// print("under way")
    /// time.sleep(15)
    /// ```
    #[task(timeout_ms = 60_000)]
    async fn slow(&self) -> Result<()>;

    /// ```python
    /// print("under way")
    /// try:
    ///     time.sleep(15)
    /// finally:
    ///     done.append("released")
    /// ```
    #[task(exclusive, timeout_ms = 60_000)]
    async fn alone(&self) -> Result<()>;

    /// ```python
    /// try:
    ///     for i in range(1000):
    ///         yield i
    /// finally:
    ///     done.append("released")
    /// ```
    #[task(exclusive, timeout_ms = 60_000)]
    fn items(&self) -> impl Stream<Item = Result<u32>>;

    /// ```python
    /// while True:
    ///     time.sleep_ms(1)
    /// ```
    #[thread]
    async fn turn(&self) -> Result<ThreadHandle>;

    /// ```python
    /// done.append("torn down")
    /// ```
    #[teardown(timeout_ms = 5_000)]
    async fn stop(&self) -> Result<()>;
}

async fn press(path: CallPath) -> (belay_sim::Board, PressDevice) {
    let (board, device) = connected_with(|builder| builder.call_path(path)).await;
    let press = PressDevice::attach(&device).await.unwrap();
    (board, press)
}

/// Starts a call, and waits until the board is executing it.
async fn under_way<T: Send + 'static>(
    press: &PressDevice,
    call: impl Future<Output = Result<T>> + Send + 'static,
) -> tokio::task::JoinHandle<Result<T>> {
    let mut output = press.device().output();
    let call = tokio::spawn(call);
    soon("a sign of the call", output.next()).await.unwrap();
    call
}

async fn done(board: &belay_sim::Board) -> Vec<String> {
    let device = Device::connect(board.port()).await.unwrap();
    device.execute("import sys").await.unwrap();
    let done = device.execute_as("sys.modules.get('done', [])").await.unwrap();
    device.close().await.unwrap();
    done
}

fn is_closed<T: std::fmt::Debug>(result: Result<T>) {
    let error = result.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Closed), "{error}");
}

async fn what_is_under_way_and_what_waits_ends_with_an_error(path: CallPath) {
    let (board, press) = press(path).await;
    let first = press.clone();
    let first = under_way(&press, async move { first.slow().await }).await;
    let mut waiting = JoinSet::new();
    for _ in 0..4 {
        let press = press.clone();
        waiting.spawn(async move { press.slow().await });
    }
    tokio::task::yield_now().await;
    let device = press.device().clone();
    soon("the end", device.close()).await.unwrap();
    is_closed(soon("the end of the first", first).await.unwrap());
    for result in soon("the end of the others", waiting.join_all()).await {
        is_closed(result);
    }
    is_closed(press.slow().await);
    assert_eq!(done(&board).await, ["torn down"]);
}

async fn an_exclusive_call_is_interrupted_and_then_torn_down(path: CallPath) {
    let (board, press) = press(path).await;
    let holder = press.clone();
    let holder = under_way(&press, async move { holder.alone().await }).await;
    let waiting = press.clone();
    let waiting = tokio::spawn(async move { waiting.slow().await });
    tokio::task::yield_now().await;
    soon("the end", press.close()).await.unwrap();
    is_closed(soon("the end of the holder", holder).await.unwrap());
    is_closed(soon("the end of what waits", waiting).await.unwrap());
    assert_eq!(done(&board).await, ["released", "torn down"]);
}

async fn an_exclusive_stream_that_nobody_reads_is_closed_and_then_torn_down(path: CallPath) {
    let (board, press) = press(path).await;
    let mut items = press.items();
    assert_eq!(soon("an item", items.next()).await.unwrap().unwrap(), 0);
    soon("the end", press.device().close()).await.unwrap();
    let rest: Vec<_> = soon("the end of the stream", items.collect()).await;
    is_closed(rest.into_iter().next_back().unwrap());
    assert_eq!(done(&board).await, ["released", "torn down"]);
}

async fn threads_that_are_held_for_an_exclusive_stream_are_stopped(path: CallPath) {
    let (board, press) = press(path).await;
    let thread = press.turn().await.unwrap();
    let mut items = press.items();
    soon("an item", items.next()).await.unwrap().unwrap();
    soon("the end", press.device().close()).await.unwrap();
    assert!(!thread.is_running());
    drop(items);
    assert_eq!(done(&board).await, ["released", "torn down"]);
}

belay_tests::on_both_runtimes! { over both paths:
    what_is_under_way_and_what_waits_ends_with_an_error
    an_exclusive_call_is_interrupted_and_then_torn_down
    an_exclusive_stream_that_nobody_reads_is_closed_and_then_torn_down
    threads_that_are_held_for_an_exclusive_stream_are_stopped
}

#[tokio::test]
async fn a_board_that_cannot_be_interrupted_does_not_keep_a_device_from_closing() {
    let (_board, device) = connected().await;
    let mut output = device.output();
    let stubborn = device.clone();
    let stubborn = tokio::spawn(async move {
        let code = "import micropython\nmicropython.kbd_intr(-1)\nprint('under way')\nwhile True: pass";
        stubborn.execute(code).await
    });
    soon("a sign of the call", output.next()).await.unwrap();
    soon("the end", device.close()).await.unwrap_err();
    is_closed(soon("the end of the call", stubborn).await.unwrap());
    assert_eq!(device.session().state(), SessionState::Closed);
}

/// Settings that reconnect (almost) for ever.
fn for_ever(builder: belay::DeviceBuilder) -> belay::DeviceBuilder {
    builder
        .reconnect(ReconnectPolicy::attempts(1_000))
        .timeout(Duration::from_millis(300))
}

#[tokio::test]
async fn a_call_waits_for_a_connection_no_longer_than_its_time_out() {
    let (board, device) = connected_with(for_ever).await;
    board.vanish().unwrap();
    until_state(&device, SessionState::Recovering).await;
    let error = soon("the end of the call", device.execute("1"))
        .await
        .unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Disconnected(_)), "{error}");
    assert_eq!(device.session().state(), SessionState::Recovering);
    soon("the end", device.close()).await.unwrap();
}

#[tokio::test]
async fn a_call_that_waits_for_a_connection_ends_when_the_device_is_closed() {
    let (board, device) = connected_with(|builder| for_ever(builder).timeout(Duration::MAX)).await;
    board.vanish().unwrap();
    until_state(&device, SessionState::Recovering).await;
    let waiting = device.clone();
    let waiting = tokio::spawn(async move { waiting.execute("1").await });
    tokio::task::yield_now().await;
    soon("the end", device.close()).await.unwrap();
    is_closed(soon("the end of the call", waiting).await.unwrap());
}

/// A device whose tokio runtime has ended.
async fn left_behind() -> (belay_sim::Board, PressDevice, ThreadHandle) {
    let board = unix().await;
    let port = board.port().to_owned();
    let made = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let made = runtime.block_on(async {
            let press = PressDevice::connect(&port).await.unwrap();
            let thread = press.turn().await.unwrap();
            (press, thread)
        });
        runtime.shutdown_background();
        made
    });
    let (press, thread) = made.await.unwrap();
    (board, press, thread)
}

fn is_gone<T: std::fmt::Debug>(result: Result<T>) {
    let error = result.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::RuntimeGone), "{error}");
    assert!(error.hint().is_some());
}

#[tokio::test]
async fn what_needs_a_runtime_that_has_ended_says_so() {
    let (_board, press, thread) = left_behind().await;
    let device = press.device().clone();
    let mut output = device.output();
    let mut states = device.session().states();
    is_gone(soon("the end of the reset", device.reset()).await);
    is_gone(soon("the end of the call", press.slow()).await);
    is_gone(soon("the end of the code", device.execute("1")).await);
    is_gone(soon("the end of the expression", device.execute_as::<u32>("1")).await);
    is_gone(soon("the end of the stream", press.items().next()).await.unwrap());
    is_gone(soon("the end of the start", press.turn()).await);
    is_gone(soon("the end of the setup", press.prepare()).await);
    is_gone(soon("the end of the teardown", press.stop()).await);
    is_gone(soon("the threads", device.threads().active()).await);
    is_gone(soon("the end of the stop", thread.stop(Duration::from_secs(1))).await);
    let error = soon("the end of the thread", thread.join()).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::ThreadLost(_)), "{error}");
    assert!(soon("the end of the output", output.next()).await.is_none());
    let closed = async { while states.next().await != Some(SessionState::Closed) {} };
    soon("the state", closed).await;
    assert_eq!(states.next().await, None);
    let (send, receive) = tokio::sync::oneshot::channel();
    device.teardowns().register(move || async move {
        send.send(()).ok();
        Ok(())
    });
    soon("the end", device.close()).await.unwrap_err();
    soon("the action", receive).await.unwrap();
}

#[tokio::test]
async fn what_waits_while_its_runtime_ends_is_told_so() {
    let board = unix().await;
    let port = board.port().to_owned();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let connecting = runtime.spawn(async move {
        let press = PressDevice::connect(&port).await.unwrap();
        let thread = press.turn().await.unwrap();
        (press, thread)
    });
    let (press, thread) = soon("a connection", connecting).await.unwrap();
    let device = press.device().clone();
    let mut events = device.session().events();
    let (send, first) = tokio::sync::oneshot::channel();
    let rest = tokio::spawn(async move {
        let mut items = press.items();
        send.send(items.next().await.unwrap().unwrap()).unwrap();
        items.collect::<Vec<_>>().await
    });
    soon("an item", first).await.unwrap();
    let other = device.clone();
    let call = tokio::spawn(async move { other.execute("import time\ntime.sleep(15)").await });
    let mut output = device.output();
    let silence = tokio::spawn(async move { while output.next().await.is_some() {} });
    let joining = tokio::spawn(async move { thread.join().await });
    runtime.shutdown_background();
    let items = soon("the end of the stream", rest).await.unwrap();
    assert!(
        items.last().unwrap().is_err() || items.len() == 999,
        "a stream that is cut short is no whole one"
    );
    is_gone(soon("the end of the call", call).await.unwrap());
    soon("the end of the output", silence).await.unwrap();
    soon("the end of the thread", joining).await.unwrap().unwrap_err();
    let told = async { while !matches!(events.next().await.unwrap(), SessionEvent::Faulted(_)) {} };
    soon("the event", told).await;
}
