//! Lost ports and resets at every stage, with and without a reconnect policy.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use belay::prelude::*;
use belay::{DeviceOutput, ErrorKind, Output, ReconnectPolicy, SessionEvent, SessionState, ThreadState};
use belay_tests::{PATIENCE, connected, connected_with, following, soon, unix, until_state};

#[belay::device]
pub trait Station {
    /// ```python
    /// import sys
    /// runs = sys.modules.setdefault("runs", [])
    /// ```
    #[setup(order = 1)]
    async fn open(&self) -> Result<()>;

    /// ```python
    /// rate = hertz
    /// ```
    #[setup(order = 2)]
    async fn configure(&self, hertz: u32) -> Result<()>;

    /// ```python
    /// return rate
    /// ```
    #[task]
    async fn current_rate(&self) -> Result<u32>;

    /// ```python
    /// import time
    /// runs.append(1)
    /// print("under way")
    /// time.sleep_ms(millis)
    /// return len(runs)
    /// ```
    #[task]
    async fn once(&self, millis: u32) -> Result<usize>;

    /// ```python
    /// import time
    /// print("under way")
    /// time.sleep_ms(millis)
    /// return millis
    /// ```
    #[task(idempotent)]
    async fn harmless(&self, millis: u32) -> Result<u32>;

    /// ```python
    /// import time
    /// i = 0
    /// while True:
    ///     yield i
    ///     i += 1
    ///     time.sleep_ms(1)
    /// ```
    #[task]
    fn items(&self) -> impl Stream<Item = Result<u32>>;

    /// ```python
    /// import time
    /// while True:
    ///     time.sleep_ms(1)
    /// ```
    #[thread(auto_restart = 3)]
    async fn keep_on(&self) -> Result<ThreadHandle>;

    /// ```python
    /// import time
    /// while True:
    ///     time.sleep_ms(1)
    /// ```
    #[thread]
    async fn go_once(&self) -> Result<ThreadHandle>;
}

fn policy() -> ReconnectPolicy {
    ReconnectPolicy::attempts(20).back_off(Duration::from_millis(10), Duration::from_millis(200))
}

/// Waits until the board prints that a call is running.
async fn under_way(mut output: DeviceOutput) {
    let mut heard = Vec::new();
    while !heard.windows(9).any(|words| words == b"under way") {
        let piece = soon("a word of the board", output.next()).await;
        if let Some(Output::Bytes(bytes)) = piece {
            heard.extend_from_slice(&bytes);
        }
    }
}

belay_tests::on_both_runtimes! {
    a_board_that_restarts_in_a_call_is_set_up_again_and_the_calls_fate_is_told
    only_an_idempotent_call_is_made_again
    without_a_policy_the_session_is_faulted_until_it_is_reset
    a_board_that_is_unplugged_and_comes_back_elsewhere_is_found_with_all_it_had
    a_reset_that_comes_while_the_device_connects_again_is_one
    threads_that_say_so_are_started_again_after_a_reset_and_others_are_lost
    attempts_that_all_fail_leave_the_session_faulted_with_the_reason
    closing_during_a_reconnection_ends_it
}

async fn a_board_that_restarts_in_a_call_is_set_up_again_and_the_calls_fate_is_told() {
    let mut board = unix().await;
    let device = Device::builder(board.port())
        .reconnect(policy())
        .connect()
        .await
        .unwrap();
    let station = StationDevice::attach(&device).await.unwrap();
    station.configure(50).await.unwrap();
    let mut events = device.session().events();
    let epoch = device.session().epoch();
    let output = device.output();
    let calling = tokio::spawn({
        let station = station.clone();
        async move { station.once(5_000).await }
    });
    under_way(output).await;
    board.restart().unwrap();
    let error = soon("the call's end", calling).await.unwrap().unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::Reset | ErrorKind::FateUnknown(_)),
        "{error}"
    );
    assert_eq!(error.method(), Some("Station.once"));
    assert_eq!(
        station.current_rate().await.unwrap(),
        50,
        "the setups have run again"
    );
    assert_eq!(device.session().epoch(), epoch + 1);
    let reconnected = async {
        loop {
            if let SessionEvent::Reconnected { epoch } = events.next().await.unwrap() {
                return epoch;
            }
        }
    };
    assert_eq!(soon("the event", reconnected).await, epoch + 1);
    device.close().await.err();
}

async fn only_an_idempotent_call_is_made_again() {
    let mut board = unix().await;
    let device = Device::builder(board.port())
        .reconnect(policy())
        .connect()
        .await
        .unwrap();
    let station = StationDevice::attach(&device).await.unwrap();
    let output = device.output();
    let calling = tokio::spawn({
        let station = station.clone();
        async move { station.harmless(700).await }
    });
    under_way(output).await;
    board.restart().unwrap();
    assert_eq!(soon("the call's end", calling).await.unwrap().unwrap(), 700);
    device.close().await.err();
}

async fn without_a_policy_the_session_is_faulted_until_it_is_reset() {
    let mut board = unix().await;
    let device = Device::connect(board.port()).await.unwrap();
    let station = StationDevice::attach(&device).await.unwrap();
    station.configure(7).await.unwrap();
    board.restart().unwrap();
    let error = soon("the call's end", station.once(0)).await.unwrap_err();
    assert!(!matches!(error.kind(), ErrorKind::Timeout { .. }), "{error}");
    until_state(&device, SessionState::Faulted).await;
    let error = station.once(0).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Disconnected(_)), "{error}");
    assert!(error.is_retryable(), "it was not sent");
    assert!(error.hint().is_some());
    device.reset().await.unwrap();
    assert_eq!(station.current_rate().await.unwrap(), 7);
    device.close().await.err();
}

async fn a_reset_that_comes_while_the_device_connects_again_is_one() {
    let mut board = unix().await;
    let port = Arc::new(Mutex::new(board.port().to_owned()));
    let device = following(&port).reconnect(policy()).connect().await.unwrap();
    let epoch = device.session().epoch();
    board.vanish().unwrap();
    until_state(&device, SessionState::Recovering).await;
    let resetting = device.clone();
    let resetting = tokio::spawn(async move { resetting.reset().await });
    tokio::task::yield_now().await;
    let appeared = board.appear().unwrap().to_owned();
    *port.lock().unwrap() = appeared;
    soon("the reset", resetting).await.unwrap().unwrap();
    assert!(device.session().epoch() > epoch, "the board was not reset");
    device.close().await.unwrap();
}

async fn a_board_that_is_unplugged_and_comes_back_elsewhere_is_found_with_all_it_had() {
    let mut board = unix().await;
    let port = Arc::new(Mutex::new(board.port().to_owned()));
    let device = following(&port).reconnect(policy()).connect().await.unwrap();
    let station = StationDevice::attach(&device).await.unwrap();
    station.configure(9).await.unwrap();
    let handle = station.go_once().await.unwrap();
    let epoch = device.session().epoch();
    let sent = device.session().deployment_stats().bytes;
    board.vanish().unwrap();
    until_state(&device, SessionState::Recovering).await;
    let appeared = board.appear().unwrap().to_owned();
    *port.lock().unwrap() = appeared;
    until_state(&device, SessionState::Ready).await;
    assert_eq!(device.session().epoch(), epoch, "the board was not reset");
    assert!(handle.is_running());
    handle.stop(PATIENCE).await.unwrap();
    assert_eq!(handle.state(), ThreadState::Stopped);
    station.go_once().await.unwrap();
    assert_eq!(
        device.session().deployment_stats().bytes,
        sent,
        "nothing is sent again"
    );
    assert_eq!(station.current_rate().await.unwrap(), 9);
    device.close().await.err();
}

async fn threads_that_say_so_are_started_again_after_a_reset_and_others_are_lost() {
    let (_board, device) = connected().await;
    let station = StationDevice::attach(&device).await.unwrap();
    let keeps_on = station.keep_on().await.unwrap();
    let goes_once = station.go_once().await.unwrap();
    device.reset().await.unwrap();
    assert_eq!(goes_once.state(), ThreadState::Lost);
    assert!(goes_once.join().await.is_err());
    assert!(keeps_on.is_running());
    let active = device.threads().active().await.unwrap();
    assert_eq!(active.len(), 1);
    assert_eq!(active[0].id, keeps_on.id());
    device.close().await.err();
}

async fn attempts_that_all_fail_leave_the_session_faulted_with_the_reason() {
    let (board, device) = connected_with(|builder| {
        let policy =
            ReconnectPolicy::attempts(3).back_off(Duration::from_millis(1), Duration::from_millis(1));
        builder.reconnect(policy)
    })
    .await;
    let station = StationDevice::attach(&device).await.unwrap();
    board.vanish().unwrap();
    until_state(&device, SessionState::Faulted).await;
    let error = station.harmless(1).await.unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::Disconnected(Some(_))),
        "{error}"
    );
    assert!(std::error::Error::source(&error).is_some());
    device.close().await.err();
}

async fn closing_during_a_reconnection_ends_it() {
    let (board, device) = connected_with(|builder| {
        let policy =
            ReconnectPolicy::attempts(1_000).back_off(Duration::from_secs(1), Duration::from_secs(1));
        builder.reconnect(policy)
    })
    .await;
    board.vanish().unwrap();
    until_state(&device, SessionState::Recovering).await;
    soon("the close", device.close()).await.err();
    assert_eq!(device.session().state(), SessionState::Closed);
}
