//! Teardowns: order, failures, host actions, once.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use belay::prelude::*;
use belay::{ErrorKind, SessionState};
use belay_tests::{connected, connected_with, soon, unix, until_state};

#[belay::device]
pub trait Lamp {
    /// ```python
    /// import sys
    /// done = sys.modules.setdefault("done", [])
    /// ```
    #[setup]
    async fn open(&self) -> Result<()>;

    /// ```python
    /// done.append("last")
    /// ```
    #[teardown(order = 9)]
    async fn last(&self) -> Result<()>;

    /// ```python
    /// done.append("first")
    /// raise ValueError("one")
    /// ```
    #[teardown(order = 1)]
    async fn first(&self) -> Result<()>;

    /// ```python
    /// done.append("ignored")
    /// raise ValueError("ignored")
    /// ```
    #[teardown(order = 2, ignore_errors)]
    async fn ignored(&self) -> Result<()>;

    /// ```python
    /// raise OSError(5)
    /// ```
    #[teardown(order = 3, critical)]
    async fn critical(&self) -> Result<()>;

    /// ```python
    /// import time
    /// time.sleep(60)
    /// ```
    #[teardown(order = 4, timeout_ms = 100, ignore_errors)]
    async fn endless(&self) -> Result<()>;
}

async fn done(port: &str) -> Vec<String> {
    let device = Device::connect(port).await.unwrap();
    device.execute("import sys").await.unwrap();
    let done = device.execute_as("sys.modules.get('done', [])").await.unwrap();
    device.close().await.unwrap();
    done
}

#[tokio::test]
async fn all_run_in_order_and_all_failures_are_told_the_critical_one_first() {
    let board = unix().await;
    let lamp = LampDevice::connect(board.port()).await.unwrap();
    let device = lamp.device().clone();
    let error = lamp.close().await.unwrap_err();
    let ErrorKind::Teardown(failures) = error.kind() else {
        panic!("{error}")
    };
    let methods: Vec<_> = failures.iter().map(Error::method).collect();
    assert_eq!(methods, [Some("Lamp.critical"), Some("Lamp.first")]);
    device.close().await.expect("it is closed already");
    assert_eq!(device.session().state(), SessionState::Closed);
    let error = device.execute("1").await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Closed), "{error}");
    assert_eq!(done(board.port()).await, ["first", "ignored", "last"]);
}

#[tokio::test]
async fn actions_of_the_host_run_after_those_of_the_board_last_one_first() {
    let (_board, device) = connected().await;
    let order = Arc::new(Mutex::new(Vec::new()));
    for name in ["a", "b"] {
        let order = Arc::clone(&order);
        device.teardowns().register(move || async move {
            order.lock().unwrap().push(name);
            Ok(())
        });
    }
    device.teardowns().register(|| async { panic!("a bad action") });
    let error = device.close().await.unwrap_err();
    assert!(error.to_string().contains("panicked"), "{error}");
    assert_eq!(*order.lock().unwrap(), ["b", "a"]);
}

#[tokio::test]
async fn an_action_that_takes_too_long_is_given_up() {
    let (_board, device) = connected_with(|builder| builder.host_action(Duration::from_millis(50))).await;
    device.teardowns().register(|| async {
        std::future::pending::<()>().await;
        Ok(())
    });
    let error = soon("the close", device.close()).await.unwrap_err();
    assert!(error.to_string().contains("50ms"), "{error}");
}

#[tokio::test]
async fn actions_of_the_host_run_when_the_board_is_gone() {
    let board = unix().await;
    let lamp = LampDevice::connect(board.port()).await.unwrap();
    let device = lamp.device().clone();
    let (send, receive) = tokio::sync::oneshot::channel();
    device.teardowns().register(move || async move {
        send.send(()).ok();
        Ok(())
    });
    board.vanish().unwrap();
    until_state(&device, SessionState::Faulted).await;
    let error = soon("the close", device.close()).await.unwrap_err();
    let ErrorKind::Teardown(failures) = error.kind() else {
        panic!("{error}")
    };
    assert!(
        failures
            .iter()
            .all(|error| matches!(error.kind(), ErrorKind::Disconnected(_))),
        "{error}"
    );
    soon("the action", receive).await.unwrap();
}

#[tokio::test]
async fn a_device_that_is_dropped_is_closed_in_the_background() {
    let board = unix().await;
    let lamp = LampDevice::connect(board.port()).await.unwrap();
    let mut state = lamp.device().session().watch_state();
    let (send, receive) = tokio::sync::oneshot::channel();
    lamp.device().teardowns().register(move || async move {
        send.send(()).ok();
        Ok(())
    });
    drop(lamp);
    soon("the action", receive).await.unwrap();
    soon("the close", async { while state.changed().await.is_ok() {} }).await;
    assert_eq!(done(board.port()).await, ["first", "ignored", "last"]);
}
