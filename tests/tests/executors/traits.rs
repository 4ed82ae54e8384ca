//! The device type of a trait: connecting it, and executing code in its namespace.

use std::time::Duration;

use belay::prelude::*;
use belay::{CallPath, ErrorKind, ReconnectPolicy};
use belay_tests::{connected, unix};

#[belay::device]
trait Meter {
    /// ```python
    /// scale = 21
    /// ```
    #[setup]
    async fn open(&self) -> Result<()>;

    /// ```python
    /// return scale * n
    /// ```
    #[task]
    async fn read(&self, n: u32) -> Result<u32>;

    /// ```python
    /// import time
    /// time.sleep_ms(60000)
    /// ```
    #[task]
    async fn doze(&self) -> Result<()>;

    /// ```python
    /// scale = None
    /// ```
    #[teardown]
    async fn shut(&self) -> Result<()>;
}

#[belay::device]
trait Other {
    /// ```python
    /// scale = 1
    /// ```
    #[setup]
    async fn open(&self) -> Result<()>;
}

belay_tests::on_both_runtimes! {
    a_builder_of_a_trait_has_the_settings_of_a_device_and_gives_the_trait
    a_builder_of_a_trait_whose_setup_fails_releases_the_port
    code_runs_where_the_setups_and_tasks_of_its_trait_are
}

async fn a_builder_of_a_trait_has_the_settings_of_a_device_and_gives_the_trait() {
    let board = unix().await;
    let meter = MeterDevice::builder(board.port())
        .name("the meter")
        .timeout(Duration::from_millis(200))
        .call_path(CallPath::RawRepl)
        .reconnect(ReconnectPolicy::attempts(3))
        .connect()
        .await
        .unwrap();
    assert_eq!(meter.read(2).await.unwrap(), 42);
    let error = meter.doze().await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Timeout { .. }), "{error}");
    assert_eq!(error.device(), Some("the meter"));
    assert_eq!(meter.device().capabilities().call_path, CallPath::RawRepl);
    meter.close().await.unwrap();
}

#[belay::device]
trait Broken {
    /// ```python
    /// raise ValueError("no sensor")
    /// ```
    #[setup]
    async fn open(&self) -> Result<()>;
}

async fn a_builder_of_a_trait_whose_setup_fails_releases_the_port() {
    let board = unix().await;
    let error = BrokenDevice::builder(board.port()).connect().await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Setup { .. }), "{error}");
    let meter = MeterDevice::connect(board.port()).await.unwrap();
    meter.close().await.unwrap();
}

async fn code_runs_where_the_setups_and_tasks_of_its_trait_are() {
    let (_board, device) = connected().await;
    let meter = MeterDevice::attach(&device).await.unwrap();
    let other = OtherDevice::attach(&device).await.unwrap();
    assert_eq!(meter.execute_as::<u32>("scale * 2").await.unwrap(), 42);
    assert_eq!(other.execute_as::<u32>("scale * 2").await.unwrap(), 2);
    assert_eq!(
        meter.execute("scale = 5\nprint('it\\'s', scale)").await.unwrap(),
        "it's 5\r\n"
    );
    assert_eq!(meter.read(2).await.unwrap(), 10);
    assert_eq!(meter.execute_as::<u32>("read(3)").await.unwrap(), 15);
    assert_eq!(other.execute_as::<u32>("scale").await.unwrap(), 1);
    let error = device.execute_as::<u32>("scale").await.unwrap_err();
    assert!(
        error
            .exception()
            .is_some_and(|exception| exception.is("NameError")),
        "{error}"
    );
    device.close().await.unwrap();
}
