//! Teardowns: their order, failures, host actions, and that each runs once.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use belay::prelude::*;
use belay::{ActionError, ErrorKind, SessionState};
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

belay_tests::on_both_runtimes! {
    all_run_in_order_and_all_failures_are_told_the_critical_one_first
    actions_of_the_host_run_after_those_of_the_board_last_one_first
    whatever_panics_in_an_action_the_rest_is_done
    a_value_that_panics_while_it_is_written_or_read_leaves_the_device_as_it_was
    an_action_that_takes_too_long_is_given_up
    actions_of_the_host_run_when_the_board_is_gone
    a_device_that_is_dropped_is_closed_in_the_background
}

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
    assert!(error.to_string().contains("a bad action"), "{error}");
    assert!(
        matches!(of_the_action(&error), ActionError::Panicked(Some(_))),
        "{error:?}"
    );
    assert_eq!(*order.lock().unwrap(), ["b", "a"]);
}

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "dropped");
    }
}

/// An argument or result that panics in its serialisation.
#[derive(Debug)]
struct Panicking;

impl serde::Serialize for Panicking {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("while it is written")
    }
}

impl<'de> serde::Deserialize<'de> for Panicking {
    fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        panic!("while it is read")
    }
}

#[belay::device(namespace = "Shaky")]
trait Shaky {
    /// ```python
    /// import sys
    /// done = sys.modules.setdefault("done", [])
    /// ```
    #[setup]
    async fn open(&self) -> Result<()>;

    /// ```python
    /// return value
    /// ```
    #[task]
    async fn pass_on(&self, value: Panicking) -> Result<u8>;

    /// ```python
    /// return 1
    /// ```
    #[task(exclusive)]
    async fn give(&self) -> Result<Panicking>;

    /// ```python
    /// done.append("closed")
    /// ```
    #[teardown]
    async fn shut(&self) -> Result<()>;
}

/// Panics at every point of a host action: the other actions and the teardowns are still done, the port is free, and
/// each panic is reported.
async fn whatever_panics_in_an_action_the_rest_is_done() {
    let board = unix().await;
    let device = Device::builder(board.port())
        .host_action(Duration::from_millis(500))
        .connect()
        .await
        .unwrap();
    let shaky = ShakyDevice::attach(&device).await.unwrap();
    let order = Arc::new(Mutex::new(Vec::new()));
    let register_good = |name: &'static str| {
        let order = Arc::clone(&order);
        device.teardowns().register(move || async move {
            order.lock().unwrap().push(name);
            Ok(())
        });
    };
    register_good("first");
    device
        .teardowns()
        .register(|| -> std::future::Ready<Result<()>> { panic!("in the closure") });
    register_good("second");
    device.teardowns().register(|| async { panic!("in the future") });
    let bomb = Bomb;
    device.teardowns().register(move || {
        let _bomb = bomb;
        std::future::ready(Ok(()))
    });
    let bomb = Bomb;
    device.teardowns().register(move || async move {
        let _bomb = bomb;
        Ok(())
    });
    let bomb = Bomb;
    device.teardowns().register(move || async move {
        let _bomb = bomb;
        std::future::pending().await
    });
    register_good("last");
    let session = device.session().clone();
    drop(shaky);
    let error = soon("the close", device.close()).await.unwrap_err();
    assert_eq!(*order.lock().unwrap(), ["last", "second", "first"]);
    let ErrorKind::Teardown(failures) = error.kind() else {
        panic!("{error}")
    };
    let told: Vec<String> = failures.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 5, "{told:?}");
    for (told, expected) in
        told.iter()
            .zip(["500ms", "dropped", "dropped", "in the future", "in the closure"])
    {
        assert!(told.contains(expected), "{told:?}");
    }
    assert_eq!(session.state(), SessionState::Closed);
    assert_eq!(done(board.port()).await, ["closed"], "and the port is free");
}

async fn a_value_that_panics_while_it_is_written_or_read_leaves_the_device_as_it_was() {
    let board = unix().await;
    let shaky = ShakyDevice::connect(board.port()).await.unwrap();
    let calling = shaky.clone();
    let call = tokio::spawn(async move { calling.pass_on(Panicking).await });
    assert!(call.await.unwrap_err().is_panic());
    let calling = shaky.clone();
    let call = tokio::spawn(async move { calling.give().await });
    assert!(call.await.unwrap_err().is_panic());
    assert_eq!(shaky.device().execute_as::<u8>("1 + 1").await.unwrap(), 2);
    shaky.close().await.unwrap();
    assert_eq!(done(board.port()).await, ["closed"]);
}

/// The error of the one host action that failed.
fn of_the_action(error: &Error) -> &ActionError {
    let ErrorKind::Teardown(failures) = error.kind() else {
        panic!("{error:?}")
    };
    let mut actions = failures.iter().filter_map(|error| match error.kind() {
        ErrorKind::HostAction(error) => Some(error),
        _ => None,
    });
    actions.next_back().unwrap_or_else(|| panic!("{error:?}"))
}

async fn an_action_that_takes_too_long_is_given_up() {
    let (_board, device) = connected_with(|builder| builder.host_action(Duration::from_millis(50))).await;
    device.teardowns().register(|| async {
        std::future::pending::<()>().await;
        Ok(())
    });
    let error = soon("the close", device.close()).await.unwrap_err();
    let limit = Duration::from_millis(50);
    assert_eq!(*of_the_action(&error), ActionError::TooLong(limit));
}

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
async fn an_action_that_has_the_device_uses_it_and_lets_it_go_when_it_is_closed() {
    let board = unix().await;
    let device = Device::connect(board.port()).await.unwrap();
    let (send, receive) = tokio::sync::oneshot::channel();
    let captured = device.clone();
    device.teardowns().register(move || async move {
        send.send(captured.execute_as::<u32>("6 * 7").await?).ok();
        Ok(())
    });
    device.close().await.unwrap();
    assert_eq!(soon("the action", receive).await.unwrap(), 42);
    done(board.port()).await;
}

async fn a_device_that_is_dropped_is_closed_in_the_background() {
    let board = unix().await;
    let lamp = LampDevice::connect(board.port()).await.unwrap();
    let mut states = lamp.device().session().states();
    let (send, receive) = tokio::sync::oneshot::channel();
    lamp.device().teardowns().register(move || async move {
        send.send(()).ok();
        Ok(())
    });
    drop(lamp);
    soon("the action", receive).await.unwrap();
    soon("the close", async { while states.next().await.is_some() {} }).await;
    assert_eq!(done(board.port()).await, ["first", "ignored", "last"]);
}
