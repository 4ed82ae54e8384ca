//! Bodies that raise `SystemExit`, as `sys.exit` and `machine.soft_reset` do: the board is reset, the caller's error
//! says so, and the next call works.

use std::time::Duration;

use belay::prelude::*;
use belay::{CallPath, Deadlines, ErrorKind, ReconnectPolicy, SessionState, ThreadState};
use belay_sim::Board;
use belay_tests::{PATIENCE, connected, connected_with, soon};
use futures_util::StreamExt;

#[belay::device]
pub trait Exiting {
    /// ```python
    /// import machine
    /// machine.soft_reset()
    /// ```
    #[task]
    async fn soft_reset(&self) -> Result<()>;

    /// ```python
    /// import sys
    /// sys.exit()
    /// ```
    #[task]
    async fn exit(&self) -> Result<()>;

    /// ```python
    /// yield 1
    /// raise SystemExit
    /// ```
    #[task]
    fn exit_in_a_stream(&self) -> impl Stream<Item = Result<u8>>;

    /// ```python
    /// import sys
    /// sys.exit()
    /// ```
    #[thread]
    async fn exit_in_a_thread(&self) -> Result<ThreadHandle>;

    /// ```python
    /// return 7
    /// ```
    #[task]
    async fn seven(&self) -> Result<u8>;
}

const PATHS: [CallPath; 2] = [CallPath::Agent, CallPath::RawRepl];

/// A board whose device connects again after each reset.
async fn following(path: CallPath) -> (Board, Device) {
    let policy =
        ReconnectPolicy::attempts(20).back_off(Duration::from_millis(10), Duration::from_millis(200));
    connected_with(|builder| builder.reconnect(policy).call_path(path)).await
}

async fn resets(path: CallPath) {
    let (_board, device) = following(path).await;
    let exiting = ExitingDevice::attach(&device).await.unwrap();
    for epoch in 1..=3 {
        let error = match epoch {
            1 => soon("the end", exiting.exit()).await.unwrap_err(),
            2 => soon("the end", exiting.soft_reset()).await.unwrap_err(),
            _ => {
                let mut items = exiting.exit_in_a_stream();
                assert_eq!(soon("an item", items.next()).await.unwrap().unwrap(), 1);
                soon("the end", items.next()).await.unwrap().unwrap_err()
            }
        };
        assert!(matches!(error.kind(), ErrorKind::Reset), "{error:?}");
        // Plain code is never sent twice, so this works only if the session notices the reset before the caller gets
        // the error.
        assert_eq!(soon("code", device.execute_as::<u8>("1 + 1")).await.unwrap(), 2);
        assert_eq!(soon("another call", exiting.seven()).await.unwrap(), 7);
        assert_eq!(device.session().epoch(), epoch);
    }
    device.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_exits_resets_the_board_and_its_caller_is_told_so() {
    resets(CallPath::Agent).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_exits_resets_the_board_over_the_raw_repl_too() {
    resets(CallPath::RawRepl).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thread_that_exits_only_ends() {
    let (_board, device) = connected().await;
    let exiting = ExitingDevice::attach(&device).await.unwrap();
    let handle = exiting.exit_in_a_thread().await.unwrap();
    soon("the end", handle.join()).await.unwrap();
    assert_eq!(handle.state(), ThreadState::Finished);
    assert_eq!(device.session().epoch(), 0);
    device.close().await.unwrap();
}

#[belay::device]
pub trait Leaving {
    /// ```python
    /// before = 1
    /// ```
    #[setup(order = 1)]
    async fn prepare(&self) -> Result<()>;

    /// ```python
    /// import sys
    /// sys.exit()
    /// ```
    #[setup(order = 2)]
    async fn leave(&self) -> Result<()>;

    /// ```python
    /// before = 0
    /// ```
    #[teardown]
    async fn undo(&self) -> Result<()>;
}

#[belay::device]
pub trait LeavingLater {
    /// ```python
    /// import sys
    /// rate = hertz
    /// if rate == 0:
    ///     sys.exit()
    /// ```
    #[setup]
    async fn configure(&self, hertz: u32) -> Result<()>;

    /// ```python
    /// return rate
    /// ```
    #[task]
    async fn current_rate(&self) -> Result<u32>;

    /// ```python
    /// sys.exit()
    /// ```
    #[teardown(order = 1)]
    async fn leave(&self) -> Result<()>;

    /// ```python
    /// rate = None
    /// ```
    #[teardown(order = 2)]
    async fn undo(&self) -> Result<()>;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_setup_that_exits_fails_to_be_attached_and_the_board_is_reset() {
    for path in PATHS {
        let (_board, device) = following(path).await;
        let exiting = ExitingDevice::attach(&device).await.unwrap();
        let error = soon("the setup", LeavingDevice::attach(&device))
            .await
            .unwrap_err();
        let ErrorKind::Setup { cause, .. } = error.kind() else {
            panic!("{path:?}: {error:?}")
        };
        assert!(matches!(cause.kind(), ErrorKind::Reset), "{path:?}: {error:?}");
        assert_eq!(cause.method(), Some("Leaving.leave"));
        assert_eq!(soon("a call", exiting.seven()).await.unwrap(), 7, "{path:?}");
        assert_eq!(device.session().epoch(), 1, "{path:?}: it is not run again");
        device.close().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_setup_that_exits_when_it_is_called_says_so_and_those_before_it_are_run_again() {
    for path in PATHS {
        let (_board, device) = following(path).await;
        let leaving = LeavingLaterDevice::attach(&device).await.unwrap();
        leaving.configure(50).await.unwrap();
        let error = soon("the setup", leaving.configure(0)).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Reset), "{path:?}: {error:?}");
        assert_eq!(
            soon("a call", leaving.current_rate()).await.unwrap(),
            50,
            "{path:?}"
        );
        assert_eq!(
            soon("some code", device.execute_as::<u8>("1 + 1")).await.unwrap(),
            2
        );
        device.close().await.err();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_teardown_that_exits_when_it_is_called_says_so_and_what_follows_works() {
    for path in PATHS {
        let (_board, device) = following(path).await;
        let leaving = LeavingLaterDevice::attach(&device).await.unwrap();
        leaving.configure(50).await.unwrap();
        let error = soon("the teardown", leaving.leave()).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Reset), "{path:?}: {error:?}");
        assert_eq!(
            soon("some code", device.execute_as::<u8>("1 + 1")).await.unwrap(),
            2
        );
        assert_eq!(
            soon("a call", leaving.current_rate()).await.unwrap(),
            50,
            "{path:?}"
        );
        device.close().await.err();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_teardown_that_exits_on_closing_is_told_and_the_board_is_free() {
    for path in PATHS {
        let (board, device) = following(path).await;
        let leaving = LeavingLaterDevice::attach(&device).await.unwrap();
        leaving.configure(50).await.unwrap();
        let error = soon("the close", device.close()).await.unwrap_err();
        let ErrorKind::Teardown(failures) = error.kind() else {
            panic!("{path:?}: {error:?}")
        };
        assert!(
            matches!(failures[0].kind(), ErrorKind::Reset),
            "{path:?}: {error:?}"
        );
        assert_eq!(device.session().state(), SessionState::Closed);
        let device = Device::connect(board.port()).await.expect("the board is free");
        assert_eq!(device.execute_as::<u8>("1 + 1").await.unwrap(), 2);
        device.close().await.unwrap();
    }
}

/// The minimum for an emulated board: a task that exits, and one to call next.
#[belay::device]
pub trait Brief {
    /// ```python
    /// raise SystemExit
    /// ```
    #[task]
    async fn exit(&self) -> Result<()>;

    /// ```python
    /// return 7
    /// ```
    #[task]
    async fn seven(&self) -> Result<u8>;
}

async fn brief(board: &Board) -> BriefDevice {
    let policy =
        ReconnectPolicy::attempts(20).back_off(Duration::from_millis(10), Duration::from_millis(200));
    let mut deadlines = Deadlines::default();
    // An emulated board is slow beside other tests.
    deadlines.open = PATIENCE;
    let builder = Device::builder(board.port())
        .reconnect(policy)
        .deadlines(deadlines);
    builder.attach().await.unwrap()
}

#[tokio::test]
async fn a_task_that_exits_resets_the_awkward_board_too() {
    let board = Board::mps2().start().await.unwrap();
    let brief = brief(&board).await;
    for epoch in 1..=2 {
        let error = soon("the end", brief.exit()).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Reset), "{error:?}");
        assert_eq!(soon("a call", brief.seven()).await.unwrap(), 7);
        assert_eq!(brief.device().session().epoch(), epoch);
    }
    brief.close().await.unwrap();
}

/// The old board's raw REPL treats `SystemExit` as an ordinary exception.
#[tokio::test]
async fn a_task_that_exits_raises_on_the_old_board() {
    let board = Board::microbit().start().await.unwrap();
    let brief = brief(&board).await;
    for _ in 0..2 {
        let error = soon("the end", brief.exit()).await.unwrap_err();
        assert!(
            error.exception().is_some_and(|raised| raised.is("SystemExit")),
            "{error:?}"
        );
        assert_eq!(soon("a call", brief.seven()).await.unwrap(), 7);
        assert_eq!(brief.device().session().epoch(), 0);
    }
    brief.close().await.unwrap();
}
