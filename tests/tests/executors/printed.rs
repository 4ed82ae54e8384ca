//! A call's output is what this call has printed, whichever threads of the host are involved.

use std::io;
use std::sync::{Arc, Mutex};

use belay::prelude::*;
use belay::{CallPath, DeviceBuilder, Output, ReconnectPolicy};
use belay_tests::{connected_with, soon};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::JoinSet;

/// How many calls are made: more on several threads, where the schedule differs from run to run.
fn calls() -> u32 {
    match Handle::current().runtime_flavor() {
        RuntimeFlavor::MultiThread => 3_000,
        _ => 300,
    }
}

async fn each_call_gives_what_it_printed(path: CallPath) {
    let (_board, device) = connected_with(|builder| builder.call_path(path)).await;
    for i in 0..calls() {
        let printed = device.execute(&format!("x = {i}\nprint(x + 1)")).await.unwrap();
        assert_eq!(printed.trim_end(), (i + 1).to_string());
    }
    device.close().await.unwrap();
}

async fn calls_at_the_same_time_each_give_what_they_printed(path: CallPath) {
    let (_board, device) = connected_with(|builder| builder.call_path(path)).await;
    let mut callers = JoinSet::new();
    for who in 0..8 {
        let device = device.clone();
        callers.spawn(async move {
            for i in 0..calls() / 24 {
                // The statement is short enough to be sent before the call in front of it is answered.
                let printed = device.execute(&format!("print({who},{i})")).await.unwrap();
                assert_eq!(printed.trim_end(), format!("{who} {i}"));
            }
        });
    }
    soon("the end of all calls", callers.join_all()).await;
    device.close().await.unwrap();
}

async fn what_a_call_printed_is_there_for_a_subscriber_when_the_call_returns(path: CallPath) {
    let (_board, device) = connected_with(|builder| builder.call_path(path)).await;
    let mut output = device.output();
    for i in 0..calls() / 3 {
        device.execute_as::<()>(&format!("print({i})")).await.unwrap();
        let wanted = i.to_string();
        let mut heard = Vec::new();
        // `now` gives everything that has been received, and then `None`.
        while let Some(Output::Bytes(piece)) = now(output.next()).await {
            heard.extend_from_slice(&piece);
        }
        assert_eq!(String::from_utf8_lossy(&heard).trim_end(), wanted);
    }
    device.close().await.unwrap();
}

#[belay::device]
trait Press {
    /// ```python
    /// for n in range(lines):
    ///     print("line", n)
    /// return 7 // divisor
    /// ```
    #[task]
    async fn copy(&self, lines: u32, divisor: u32) -> Result<u32>;
}

/// The text of this many printed lines.
fn lines(count: u32) -> String {
    let lines: Vec<String> = (0..count).map(|n| format!("line {n}\r\n")).collect();
    lines.concat()
}

async fn a_call_can_be_had_with_what_it_printed_whatever_it_gives(path: CallPath) {
    let settings = |builder: DeviceBuilder| builder.call_path(path).answer_limit(64 << 10);
    let (_board, device) = connected_with(settings).await;
    let press = PressDevice::attach(&device).await.unwrap();
    press.copy(3, 1).await.unwrap();
    let (value, printed) = device.with_output(press.copy(2, 3)).await;
    assert_eq!((value.unwrap(), printed), (2, lines(2)));
    let (failed, printed) = device.with_output(press.copy(4, 0)).await;
    assert!(failed.unwrap_err().exception().unwrap().is("ZeroDivisionError"));
    assert_eq!(printed, lines(4));
    let (_, printed) = device.with_output(press.copy(0, 1)).await;
    assert_eq!(printed, "");
    let (_, printed) = device.with_output(press.copy(8_000, 1)).await;
    let all = lines(8_000);
    let (kept, lost) = all.split_at(64 << 10);
    assert_eq!(printed, format!("{kept}[{} bytes lost]", lost.len()));
    let both = async { (press.copy(1, 1).await, press.copy(1, 1).await) };
    assert_eq!(device.with_output(both).await.1, lines(1) + &lines(1));
    device.close().await.unwrap();
}

/// A writer that keeps what it gets, and fails once it has got a given number of bytes.
#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>, Option<usize>);

impl io::Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut page = self.0.lock().unwrap();
        if self.1.is_some_and(|room| page.len() >= room) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        page.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

async fn all_that_the_board_prints_is_written_where_the_builder_says_by_when_the_device_is_closed(
    path: CallPath,
) {
    let page = Page::default();
    let sink = page.clone();
    let settings = |builder: DeviceBuilder| {
        let again = ReconnectPolicy::attempts(3);
        builder.call_path(path).output(sink).reconnect(again)
    };
    let (_board, device) = connected_with(settings).await;
    let press = PressDevice::attach(&device).await.unwrap();
    press.copy(50, 1).await.unwrap();
    device.reset().await.unwrap();
    press.copy(2, 0).await.unwrap_err();
    device.close().await.unwrap();
    let written = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
    // A board that starts prints something, too.
    let (_, behind) = written.split_once(&lines(50)).expect("all of the first call");
    assert!(behind.contains(&lines(2)), "{written}");

    let full = Page(Arc::default(), Some(10));
    let sink = full.clone();
    let (_board, device) = connected_with(|builder| builder.call_path(path).output(sink)).await;
    let press = PressDevice::attach(&device).await.unwrap();
    for _ in 0..3 {
        assert_eq!(press.copy(20, 1).await.unwrap(), 7, "the calls go on");
    }
    device.close().await.unwrap();
}

/// What a future gives without waiting, if anything.
async fn now<T>(future: impl Future<Output = Option<T>>) -> Option<T> {
    tokio::select! {
        biased;
        value = future => value,
        () = std::future::ready(()) => None,
    }
}

belay_tests::on_both_runtimes! { over both paths:
    each_call_gives_what_it_printed
    calls_at_the_same_time_each_give_what_they_printed
    what_a_call_printed_is_there_for_a_subscriber_when_the_call_returns
    a_call_can_be_had_with_what_it_printed_whatever_it_gives
    all_that_the_board_prints_is_written_where_the_builder_says_by_when_the_device_is_closed
}
