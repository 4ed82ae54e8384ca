//! What the host sends to a board that is busy for hours and reads nothing meanwhile: never more than the smallest
//! input buffer holds.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use belay_runtime::link::{CallPath, Link, LinkEvent, LinkOptions, Payload, Request};
use belay_runtime::transport::Transport;
use belay_sim::Board;
use belay_tests::{Tap, soon, tapped, unix};
use tokio::io::AsyncWrite as _;

/// How many hours the calls take, in virtual time.
const HOURS: u32 = 5;
/// The smallest input buffer among current boards.
const BUFFER: usize = 256;
/// How many unread bytes CircuitPython can have and still accept the packet with a Ctrl-C.
const RING: usize = 192;
/// How many callers wait behind a busy board.
const CALLERS: usize = 12;
/// The length of the call itself, which the board has read.
const CALL: usize = 64;

/// Counts the bytes that the board is sent.
struct Counted(Arc<AtomicUsize>);

impl Tap for Counted {
    fn write(
        &mut self,
        port: &mut Box<dyn Transport>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(port).poll_write(cx, bytes);
        if let Poll::Ready(Ok(written)) = result {
            self.0.fetch_add(written, Ordering::Relaxed);
        }
        result
    }
}

struct Bench {
    board: Board,
    link: Link,
    written: Arc<AtomicUsize>,
}

/// A `unix` board that the host takes for one on a UART without flow control, with a function that prints this until it
/// is told to end.
async fn connect(path: CallPath, printed: &str) -> Bench {
    connect_to(unix().await, "?flow=off", path, printed).await
}

/// The same on a CircuitPython-like board, on which a full input buffer holds up Ctrl-C.
async fn connect_to_circuitpython(path: CallPath, printed: &str) -> Bench {
    let board = Board::circuitpython_like().start().await.unwrap();
    connect_to(board, "", path, printed).await
}

async fn connect_to(board: Board, flow: &str, path: CallPath, printed: &str) -> Bench {
    let written = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&written);
    let address = format!("{}{flow}", board.port());
    let connector = tapped(&address, move || Counted(Arc::clone(&count)));
    let options = LinkOptions::default().with_call_path(path);
    let link = Link::connect(&connector, options).await.unwrap();
    let source = format!(
        "import os\\ndef busy():\\n S(1)\\n while 1:\\n  print(end=\\'{printed}\\')\\n  if \\'done\\' in os.listdir():break\\n"
    );
    let deploy = format!("D('busy','t','busy','{source}')");
    let deploy = link.request(Request::Evaluate(deploy), Duration::from_secs(5));
    deploy.await.unwrap();
    Bench { board, link, written }
}

/// Advances the host's virtual time.
async fn pass(steps: u32, step: Duration) {
    tokio::time::pause();
    for _ in 0..steps {
        tokio::time::advance(step).await;
    }
    tokio::time::resume();
}

/// A call that runs until it is told to end, and that has run for hours of the host's virtual time. Gives how many
/// bytes the board was sent meanwhile.
async fn hours_later(bench: &Bench) -> (tokio::task::JoinHandle<belay_runtime::Result<Payload>>, usize) {
    let mut events = bench.link.events();
    let before = bench.written.load(Ordering::Relaxed);
    let link = bench.link.clone();
    let call = tokio::spawn(async move {
        let deadline = Duration::from_secs(24 * 60 * 60);
        link.request(Request::Evaluate("V('t','busy()')".into()), deadline)
            .await
    });
    soon("a sign of the call", events.next()).await.unwrap();
    pass(HOURS * 60 * 6, Duration::from_secs(10)).await;
    (call, bench.written.load(Ordering::Relaxed) - before)
}

async fn a_board_that_is_busy_for_hours_is_sent_no_more_than_its_buffer_holds(path: CallPath) {
    // Each of these lines looks like a sign of a reset, after which the host asks the board.
    let bench = connect(path, "\\\\n>>> ").await;
    let (call, sent) = hours_later(&bench).await;
    assert!(sent > CALL && sent < BUFFER + CALL, "{sent} bytes");
    std::fs::write(bench.board.directory().join("done"), "").unwrap();
    let value = soon("the end of the call", call).await.unwrap().unwrap();
    assert_eq!(value, Payload::Repr(b"None".to_vec()));
    let next = bench
        .link
        .request(Request::Evaluate("6*7".into()), Duration::from_secs(5));
    assert_eq!(next.await.unwrap(), Payload::Repr(b"42".to_vec()));
    bench.link.close().await.unwrap();
}

async fn a_board_that_is_reset_after_hours_is_noticed(path: CallPath) {
    let mut bench = connect(path, ".").await;
    let (call, _) = hours_later(&bench).await;
    let mut events = bench.link.events();
    bench.board.restart().unwrap();
    assert_eq!(soon("a reset", events.next()).await.unwrap(), LinkEvent::Reset);
    soon("the end of the call", call).await.unwrap().unwrap_err();
}

async fn circuitpython_is_interrupted_after_hours(path: CallPath) {
    let bench = connect_to_circuitpython(path, "\\\\n>>> ").await;
    let (call, sent) = hours_later(&bench).await;
    assert!(sent < RING + CALL, "{sent} bytes");
    call.abort();
    let next = bench
        .link
        .request(Request::Evaluate("6*7".into()), Duration::from_secs(5));
    let next = soon("the next answer", next).await;
    assert_eq!(next.unwrap(), Payload::Repr(b"42".to_vec()));
    bench.link.close().await.unwrap();
}

async fn circuitpython_with_callers_behind_a_busy_one_is_interrupted(path: CallPath) {
    let bench = connect_to_circuitpython(path, ".").await;
    let mut events = bench.link.events();
    let request = |link: &Link, expression: String| {
        let link = link.clone();
        let deadline = Duration::from_secs(60 * 60);
        tokio::spawn(async move { link.request(Request::Evaluate(expression), deadline).await })
    };
    let busy = request(&bench.link, "V('t','busy()')".into());
    soon("a sign of the call", events.next()).await.unwrap();
    let before = bench.written.load(Ordering::Relaxed);
    let callers: Vec<_> = (0..CALLERS)
        .map(|i| request(&bench.link, format!("{i}+1")))
        .collect();
    pass(60, Duration::from_millis(100)).await;
    let sent = bench.written.load(Ordering::Relaxed) - before;
    assert!(sent <= RING, "{sent} bytes");
    busy.abort();
    for (i, caller) in callers.into_iter().enumerate() {
        let answer = soon("an answer", caller).await.unwrap().unwrap();
        assert_eq!(answer, Payload::Repr((i + 1).to_string().into_bytes()));
    }
    bench.link.close().await.unwrap();
}

belay_tests::over_both_paths! {
    circuitpython_is_interrupted_after_hours
    circuitpython_with_callers_behind_a_busy_one_is_interrupted
    a_board_that_is_busy_for_hours_is_sent_no_more_than_its_buffer_holds
    a_board_that_is_reset_after_hours_is_noticed
}
