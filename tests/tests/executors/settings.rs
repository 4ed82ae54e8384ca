//! Extreme values of all settings: none of them makes the program panic or hang.

use std::time::Duration;

use belay::prelude::*;
use belay::{CallPath, Deadlines, DeviceBuilder, ReconnectPolicy, SessionState};
use belay_runtime::link::{Link, LinkOptions, Payload, Request};
use belay_runtime::transport::{Address, Connector};
use belay_tests::{connected_with, soon, unix, until_state};
use futures_util::StreamExt as _;

#[belay::device]
pub trait Patient {
    /// ```python
    /// ready = True
    /// ```
    #[setup(timeout_ms = 18_446_744_073_709_551_615, order = 2_147_483_647)]
    async fn prepare(&self) -> Result<()>;

    /// ```python
    /// return n
    /// ```
    #[task(timeout_ms = 18_446_744_073_709_551_615)]
    async fn same(&self, n: u32) -> Result<u32>;

    /// ```python
    /// return n
    /// ```
    #[task(exclusive, timeout_ms = 18_446_744_073_709_551_615)]
    async fn alone(&self, n: u32) -> Result<u32>;

    /// ```python
    /// for i in range(n):
    ///     yield i
    /// ```
    #[task(timeout_ms = 18_446_744_073_709_551_615)]
    fn items(&self, n: u32) -> impl Stream<Item = Result<u32>>;

    /// ```python
    /// import time
    /// while True:
    ///     time.sleep_ms(1)
    /// ```
    #[thread(max_runtime_ms = 18_446_744_073_709_551_615, auto_restart = 4_294_967_295)]
    async fn turn(&self) -> Result<ThreadHandle>;

    /// ```python
    /// told(n)
    /// ```
    #[task]
    async fn tell(&self, n: u32) -> Result<()>;

    #[event]
    fn told(&self) -> impl Stream<Item = Result<u32>>;

    /// ```python
    /// pass
    /// ```
    #[teardown(timeout_ms = 18_446_744_073_709_551_615, order = -2_147_483_648)]
    async fn stop(&self) -> Result<()>;
}

/// The longest times, and some that overflow only in a sum or as a number of microseconds.
const LONG: [Duration; 4] = [
    Duration::MAX,
    Duration::from_secs(u64::MAX),
    Duration::from_secs(u64::MAX >> 1),
    Duration::from_millis(u64::MAX),
];

fn deadlines(all: Duration) -> Deadlines {
    let mut deadlines = Deadlines::default();
    deadlines.open = all;
    deadlines.interrupt = all;
    deadlines.enter = all;
    deadlines.paste = all;
    deadlines.compile = all;
    deadlines.execute = all;
    deadlines.resync = all;
    deadlines.reset = all;
    deadlines.close = all;
    deadlines
}

fn everything(builder: DeviceBuilder, time: Duration, number: usize) -> DeviceBuilder {
    builder
        .deadlines(deadlines(time))
        .timeout(time)
        .thread_stop(time)
        .host_action(time)
        .output_backlog(number)
        .answer_limit(number)
        .event_backlog(number)
        .event_queue(number)
        .reconnect(ReconnectPolicy::attempts(u32::MAX).back_off(time, time))
}

async fn the_largest_values_do_no_harm(path: CallPath) {
    for (time, number) in LONG
        .into_iter()
        .zip([usize::MAX, usize::MAX >> 1, 1 << 40, 1 << 32])
    {
        let settings = |builder: DeviceBuilder| everything(builder, time, number).call_path(path);
        let (mut board, device) = connected_with(settings).await;
        let mut output = device.output();
        let patient = PatientDevice::attach(&device).await.unwrap();
        assert_eq!(patient.same(1).await.unwrap(), 1);
        assert_eq!(device.execute("print(2)").await.unwrap().trim_end(), "2");
        soon("the output", output.next()).await.unwrap();
        let items: Vec<_> = patient.items(100).collect().await;
        assert_eq!(items.len(), 100);
        let mut told = Box::pin(patient.told());
        patient.tell(6).await.unwrap();
        assert_eq!(soon("an event", told.next()).await.unwrap().unwrap(), 6);
        let thread = patient.turn().await.unwrap();
        assert_eq!(patient.alone(3).await.unwrap(), 3);
        thread.stop(time).await.unwrap();
        device.teardowns().register(|| async { Ok(()) });
        // Dropping the call interrupts it.
        let dropped = device.execute("import time\ntime.sleep(9)");
        tokio::time::timeout(Duration::from_millis(50), dropped)
            .await
            .unwrap_err();
        assert_eq!(patient.same(4).await.unwrap(), 4);
        soon("the reset", device.reset()).await.unwrap();
        assert_eq!(patient.same(5).await.unwrap(), 5);
        board.vanish().unwrap();
        until_state(&device, SessionState::Recovering).await;
        board.appear().unwrap();
        soon("the end", device.close()).await.ok();
    }
}

belay_tests::over_both_paths! { the_largest_values_do_no_harm }

#[tokio::test]
async fn the_smallest_values_do_no_harm() {
    let board = unix().await;
    let nothing = everything(Device::builder(board.port()), Duration::ZERO, 0);
    soon("the end", nothing.connect()).await.unwrap_err();
    // With deadlines of zero nothing connects; the other settings of a connected device may be zero.
    let builder = everything(Device::builder(board.port()), Duration::ZERO, 0);
    let device = builder.deadlines(Deadlines::default()).connect().await.unwrap();
    assert_eq!(device.execute("print(1)").await.unwrap().trim_end(), "1");
    let patient = PatientDevice::attach(&device).await.unwrap();
    let thread = patient.turn().await.unwrap();
    // Stopping in no time succeeds only if the thread has not begun.
    soon("the end", thread.stop(Duration::ZERO)).await.ok();
    soon("the end", device.close()).await.ok();
}

#[tokio::test]
async fn a_request_may_be_waited_for_as_long_as_can_be_said() {
    let board = unix().await;
    let connector = Connector::from(board.port().parse::<Address>().unwrap());
    let link = Link::connect(&connector, LinkOptions::default()).await.unwrap();
    for time in LONG {
        let answer = link.request(Request::Evaluate("1".into()), time).await.unwrap();
        assert_eq!(answer, Payload::Repr(b"1".to_vec()));
        let items = link.stream(Request::Evaluate("range(3)".into()), time);
        assert_eq!(items.collect::<Vec<_>>().await.len(), 3);
    }
    let error = link
        .request(Request::Evaluate("X('t','while 1:pass')".into()), Duration::ZERO)
        .await;
    error.unwrap_err();
    link.close().await.unwrap();
}
