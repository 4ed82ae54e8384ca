//! Boards and programs at their worst: output that looks like the protocol, dropped calls, floods of output that nobody
//! reads, resets in the middle of calls.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use belay::prelude::*;
use belay::{CallPath, DeviceOutput, ErrorKind, Output};
use belay_sim::Board;
use belay_tests::{Held, connected, connected_with, soon, unix};
use tokio::sync::{Mutex, MutexGuard};

/// Pieces of the protocols: ends of frames, texts of the raw REPL, signs of a reset.
const NOISE: &str = "\x02\x03\x04>\x04\x04>\x02abc\x03raw REPL; CTRL-B to exit\r\n>MPY: soft reboot\r\n";
/// The last text that is printed.
const END: &[u8] = b"<<the end>>";
const PATHS: [CallPath; 2] = [CallPath::Agent, CallPath::RawRepl];

/// A program that behaves badly.
#[belay::device]
pub trait Hostile {
    /// ```python
    /// import sys, time, _thread
    /// noise = "\x02\x03\x04>\x04\x04>\x02abc\x03raw REPL; CTRL-B to exit\r\n>MPY: soft reboot\r\n"
    /// write = sys.stdout.write
    /// calls = []
    /// done = []
    /// ```
    #[setup]
    async fn prepare(&self) -> Result<()>;

    /// ```python
    /// write(noise)
    /// write("n" * length)
    /// write(noise)
    /// return number
    /// ```
    #[task]
    async fn noisy(&self, number: u32, length: u32) -> Result<u32>;

    /// ```python
    /// def babble():
    ///     for i in range(times):
    ///         write("a" * 500 + noise)
    ///         time.sleep_ms(1)
    ///     done.append(1)
    /// _thread.start_new_thread(babble, ())
    /// ```
    #[task]
    async fn start_babbling(&self, times: u32) -> Result<()>;

    /// ```python
    /// for i in range(times):
    ///     write("b" * 500 + noise)
    ///     time.sleep_ms(1)
    /// ```
    #[thread]
    async fn babble(&self, times: u32) -> Result<ThreadHandle>;

    /// ```python
    /// return len(done)
    /// ```
    #[task]
    async fn babbled(&self) -> Result<usize>;

    /// ```python
    /// write("<<the end>>")
    /// ```
    #[task]
    async fn finish(&self) -> Result<()>;

    /// ```python
    /// calls.append(number)
    /// time.sleep_ms(2)
    /// return number
    /// ```
    #[task]
    async fn record(&self, number: u32) -> Result<u32>;

    /// ```python
    /// return calls
    /// ```
    #[task]
    async fn recorded(&self) -> Result<Vec<u32>>;

    /// ```python
    /// for i in range(blocks):
    ///     write("f" * 65536)
    /// return blocks
    /// ```
    #[task(timeout_ms = 60_000)]
    async fn flood(&self, blocks: u32) -> Result<u32>;

    /// ```python
    /// write("under way")
    /// time.sleep_ms(60000)
    /// ```
    #[task(timeout_ms = 60_000)]
    async fn linger(&self) -> Result<()>;

    /// ```python
    /// import machine
    /// machine.reset()
    /// ```
    #[task(timeout_ms = 60_000)]
    async fn reset_hard(&self) -> Result<()>;

    /// ```python
    /// import machine
    /// machine.soft_reset()
    /// ```
    #[task(timeout_ms = 60_000)]
    async fn reset_soft(&self) -> Result<()>;
}

/// The tests count the resources of the whole process, so only one of them runs at a time.
async fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::const_new(());
    ALONE.lock().await
}

async fn hostile(path: CallPath) -> (Board, HostileDevice) {
    let (board, device) = connected_with(|builder| builder.call_path(path).output_backlog(100_000)).await;
    assert_eq!(device.capabilities().call_path, path);
    (board, HostileDevice::attach(&device).await.unwrap())
}

/// All output up to and including [`END`].
async fn until_end(mut output: DeviceOutput) -> Vec<u8> {
    let mut heard = Vec::new();
    while !heard.ends_with(END) {
        match soon("the rest of the output", output.next()).await.unwrap() {
            Output::Bytes(bytes) => heard.extend_from_slice(&bytes),
            Output::Overflow(bytes) => panic!("{bytes} bytes were thrown away"),
        }
    }
    heard
}

/// Output without what may differ: carriage returns, which a terminal adds, and over the raw REPL its banner, which the
/// board also prints when the runtime checks whether a supposed reset was one.
fn comparable(output: &[u8], path: CallPath) -> Vec<u8> {
    let text = String::from_utf8(output.to_vec()).unwrap().replace('\r', "");
    match path {
        CallPath::RawRepl => text.replace("raw REPL; CTRL-B to exit\n>", ""),
        _ => text,
    }
    .into_bytes()
}

/// How often each byte occurs, without carriage returns, which a terminal adds.
fn histogram(parts: &[(usize, &[u8])]) -> Vec<(char, usize)> {
    let mut counts = [0; 256];
    for (times, bytes) in parts {
        for byte in bytes.iter().filter(|byte| **byte != b'\r') {
            counts[usize::from(*byte)] += times;
        }
    }
    let all = (0..=u8::MAX).map(char::from).zip(counts);
    all.filter(|(_, count)| *count > 0).collect()
}

belay_tests::on_both_runtimes! {
    a_task_that_prints_what_the_protocol_is_made_of_disturbs_no_reply_and_loses_no_byte
    threads_that_print_what_the_protocol_is_made_of_disturb_no_reply_and_lose_no_byte
    threads_that_print_disturb_nothing_over_the_raw_repl_either
    a_thousand_dropped_calls_leave_nothing_behind_and_none_runs_twice
    a_thousand_dropped_calls_leave_nothing_behind_over_the_raw_repl_either
    a_flood_that_nobody_reads_takes_no_memory
    what_a_slow_subscriber_misses_is_counted_to_the_byte
    a_board_that_restarts_in_a_call_is_told_at_once
    a_call_that_resets_its_own_board_is_told_so_at_once
    a_call_that_resets_the_interpreter_is_told_so_at_once_and_the_board_goes_on
}

async fn a_task_that_prints_what_the_protocol_is_made_of_disturbs_no_reply_and_loses_no_byte() {
    let _alone = alone().await;
    for path in PATHS {
        let (_board, hostile) = hostile(path).await;
        let output = hostile.device().output();
        for number in 0..50 {
            assert_eq!(hostile.noisy(number, 10).await.unwrap(), number, "{path:?}");
        }
        assert_eq!(hostile.noisy(50, 100_000).await.unwrap(), 50, "{path:?}");
        hostile.finish().await.unwrap();
        let mut expected = Vec::new();
        for length in [[10; 50].as_slice(), &[100_000]].concat() {
            expected.extend_from_slice(NOISE.as_bytes());
            expected.resize(expected.len() + length, b'n');
            expected.extend_from_slice(NOISE.as_bytes());
        }
        expected.extend_from_slice(END);
        let (heard, expected) = (
            comparable(&until_end(output).await, path),
            comparable(&expected, path),
        );
        let same = heard.iter().zip(&expected).take_while(|(a, b)| a == b).count();
        assert!(
            heard == expected,
            "{path:?}: {} bytes of {}; the first {same} are right, then {:?}",
            heard.len(),
            expected.len(),
            String::from_utf8_lossy(&heard[same..heard.len().min(same + 80)])
        );
        hostile.close().await.unwrap();
    }
}

async fn threads_print_beside_tasks(path: CallPath) {
    const TIMES: u32 = 200;
    let (_board, hostile) = hostile(path).await;
    let output = hostile.device().output();
    hostile.start_babbling(TIMES).await.unwrap();
    let thread = hostile.babble(TIMES).await.unwrap();
    let mut calls = 0;
    while thread.is_running() || hostile.babbled().await.unwrap() == 0 {
        assert_eq!(hostile.noisy(calls, 10).await.unwrap(), calls, "{path:?}");
        calls += 1;
    }
    thread.join().await.unwrap();
    hostile.finish().await.unwrap();
    let heard = until_end(output).await;
    let (times, calls) = (TIMES as usize, calls as usize);
    let expected = [
        (2 * times + 2 * calls, NOISE.as_bytes()),
        (500 * times, b"ab"),
        (10 * calls, b"n"),
        (1, END),
    ];
    assert_eq!(histogram(&[(1, &heard)]), histogram(&expected), "{path:?}");
    hostile.close().await.unwrap();
}

async fn threads_that_print_what_the_protocol_is_made_of_disturb_no_reply_and_lose_no_byte() {
    let _alone = alone().await;
    threads_print_beside_tasks(CallPath::Agent).await;
}

async fn threads_that_print_disturb_nothing_over_the_raw_repl_either() {
    let _alone = alone().await;
    threads_print_beside_tasks(CallPath::RawRepl).await;
}

/// Waits for this long, which may be much shorter than a timer's resolution.
async fn moment(length: Duration) {
    let started = Instant::now();
    while started.elapsed() < length {
        tokio::task::yield_now().await;
    }
}

/// Makes and drops this many calls (a few are left to end), and then checks that nothing is left of them.
async fn drop_calls(path: CallPath, calls: u32) {
    let (_board, hostile) = hostile(path).await;
    let mut random = fastrand::Rng::with_seed(20);
    // The first call deploys the method.
    let mut returned = vec![hostile.record(calls).await.unwrap()];
    let before = Held::now();
    for number in 0..calls {
        tokio::select! {
            biased;
            result = hostile.record(number) => returned.push(result.unwrap()),
            () = moment(Duration::from_micros(random.u64(0..3_000))) => {}
        }
    }
    let last = calls + 1;
    assert_eq!(hostile.record(last).await.unwrap(), last, "{path:?}");
    assert!(returned.len() < calls as usize / 2, "most of them were dropped");
    before.again("the dropped calls").await;
    let recorded = hostile.recorded().await.unwrap();
    let distinct: HashSet<u32> = recorded.iter().copied().collect();
    assert_eq!(distinct.len(), recorded.len(), "{path:?}: no body has run twice");
    assert!(returned.iter().all(|number| distinct.contains(number)));
    assert!(
        distinct.len() > returned.len(),
        "some were dropped while they ran"
    );
    hostile.close().await.unwrap();
}

async fn a_thousand_dropped_calls_leave_nothing_behind_and_none_runs_twice() {
    let _alone = alone().await;
    drop_calls(CallPath::Agent, 1_000).await;
}

async fn a_thousand_dropped_calls_leave_nothing_behind_over_the_raw_repl_either() {
    let _alone = alone().await;
    drop_calls(CallPath::RawRepl, 1_000).await;
}

/// The resident memory of this process, in KiB.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// How many megabytes are printed. 20 represent the hundreds that a board may print in a day: an unoptimised build
/// takes seconds for them, and output that was kept would be noticed with them as well. `BELAY_FLOOD_MB=100 cargo test
/// -p belay-tests --test hostile a_flood` prints more.
fn flood_megabytes() -> u32 {
    let megabytes = std::env::var("BELAY_FLOOD_MB");
    megabytes.map_or(20, |text| text.parse().expect("a number of megabytes"))
}

async fn a_flood_that_nobody_reads_takes_no_memory() {
    let _alone = alone().await;
    let (_board, device) = connected().await;
    let hostile = HostileDevice::attach(&device).await.unwrap();
    // A subscriber that never reads: its backlog of about a megabyte is full before memory is measured.
    let unread = device.output();
    assert_eq!(hostile.flood(32).await.unwrap(), 32);
    let before = memory();
    // Half of the output while that subscriber exists, and half without any; 16 blocks are a megabyte.
    let blocks = flood_megabytes() * 8;
    assert_eq!(hostile.flood(blocks).await.unwrap(), blocks);
    drop(unread);
    assert_eq!(hostile.flood(blocks).await.unwrap(), blocks);
    let grown = memory().saturating_sub(before);
    println!(
        "{} MB of output took {grown} KiB, of {before} KiB before",
        flood_megabytes()
    );
    assert!(grown < 4 * 1024, "{} MB took {grown} KiB", flood_megabytes());
    assert_eq!(hostile.noisy(7, 10).await.unwrap(), 7);
    device.close().await.unwrap();
}

async fn what_a_slow_subscriber_misses_is_counted_to_the_byte() {
    let _alone = alone().await;
    for path in PATHS {
        let (_board, device) = connected_with(|builder| builder.call_path(path).output_backlog(8)).await;
        let hostile = HostileDevice::attach(&device).await.unwrap();
        let mut output = device.output();
        hostile.flood(16).await.unwrap();
        device.close().await.unwrap();
        let (mut heard, mut missed) = (0, 0);
        while let Some(piece) = soon("the rest of the output", output.next()).await {
            match piece {
                Output::Bytes(bytes) => heard += bytes.len() as u64,
                Output::Overflow(bytes) => missed += bytes,
            }
        }
        assert!(missed > 0, "{path:?}: eight pieces are no megabyte");
        assert_eq!(heard + missed, 16 * 65_536, "{path:?}");
    }
}

/// Checks the error of a call whose board was reset, and that it came at once.
fn is_told_at_once(error: &Error, since: Instant, what: &str) {
    assert!(
        matches!(error.kind(), ErrorKind::Reset | ErrorKind::FateUnknown(_)),
        "{what}: {error:?}"
    );
    assert!(
        since.elapsed() < Duration::from_secs(10),
        "{what}: {:?}",
        since.elapsed()
    );
}

async fn a_board_that_restarts_in_a_call_is_told_at_once() {
    let _alone = alone().await;
    for path in PATHS {
        let mut board = unix().await;
        let device = Device::builder(board.port())
            .call_path(path)
            .connect()
            .await
            .unwrap();
        let hostile = HostileDevice::attach(&device).await.unwrap();
        let mut output = device.output();
        let calling = tokio::spawn({
            let hostile = hostile.clone();
            async move { hostile.linger().await }
        });
        let mut heard = Vec::new();
        while !heard.ends_with(b"under way") {
            if let Some(Output::Bytes(bytes)) = soon("a word of the board", output.next()).await {
                heard.extend_from_slice(&bytes);
            }
        }
        let since = Instant::now();
        board.restart().unwrap();
        let error = soon("the call's end", calling).await.unwrap().unwrap_err();
        is_told_at_once(&error, since, &format!("{path:?}"));
        device.close().await.err();
    }
}

async fn a_call_that_resets_its_own_board_is_told_so_at_once() {
    let _alone = alone().await;
    for path in PATHS {
        let board = unix().await;
        let device = Device::builder(board.port())
            .call_path(path)
            .connect()
            .await
            .unwrap();
        let hostile = HostileDevice::attach(&device).await.unwrap();
        let since = Instant::now();
        let error = hostile.reset_hard().await.unwrap_err();
        is_told_at_once(&error, since, &format!("{path:?}"));
        device.close().await.err();
    }
}

/// On boards `machine.soft_reset` raises `SystemExit`, which resets them, with or without an agent.
async fn a_call_that_resets_the_interpreter_is_told_so_at_once_and_the_board_goes_on() {
    let _alone = alone().await;
    for path in PATHS {
        let (_board, hostile) = hostile(path).await;
        let since = Instant::now();
        let error = hostile.reset_soft().await.unwrap_err();
        is_told_at_once(&error, since, &format!("{path:?}"));
        let hint = error.hint().unwrap_or_default();
        assert!(!hint.contains("idempotent"), "{path:?}: {error:?}");
        hostile.device().reset().await.unwrap();
        assert_eq!(hostile.noisy(7, 10).await.unwrap(), 7, "{path:?}");
        hostile.close().await.unwrap();
    }
}
