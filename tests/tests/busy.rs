//! What is said to a board that is busy for hours, which it reads only afterwards: never more than the smallest input
//! buffer holds.

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

/// As long as the calls here pretend to take.
const HOURS: u32 = 5;
/// The smallest input buffer of the boards of today.
const BUFFER: usize = 256;
/// How much the call itself takes, which the board has read.
const CALL: usize = 64;

/// Counts what the board is given.
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

/// A board with a function that prints this until it is told to end.
async fn connect(path: CallPath, printed: &str) -> Bench {
    let board = unix().await;
    let written = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&written);
    // A bare UART, as far as the host can see.
    let address = format!("{}?flow=off", board.port());
    let connector = tapped(&address, move || Counted(Arc::clone(&count)));
    let mut options = LinkOptions::default();
    options.call_path = path;
    let link = Link::connect(&connector, options).await.unwrap();
    let source = format!(
        "import os\\ndef busy():\\n S(1)\\n while 1:\\n  print(end=\\'{printed}\\')\\n  if \\'done\\' in os.listdir():break\\n"
    );
    let deploy = format!("D('busy','t','busy','{source}')");
    let deploy = link.request(Request::Evaluate(deploy), Duration::from_secs(5));
    deploy.await.unwrap();
    Bench { board, link, written }
}

/// A call that goes on until it is told to end, and that has gone on for hours as far as the host can tell. Gives what
/// the board was sent meanwhile.
async fn hours_later(bench: &Bench) -> (tokio::task::JoinHandle<belay_runtime::Result<Payload>>, usize) {
    let mut events = bench.link.events();
    let before = bench.written.load(Ordering::Relaxed);
    let link = bench.link.clone();
    let call = tokio::spawn(async move {
        let deadline = Duration::from_hours(24);
        link.request(Request::Evaluate("V('t','busy()')".into()), deadline)
            .await
    });
    soon("a sign of the call", events.recv()).await.unwrap();
    tokio::time::pause();
    for _ in 0..HOURS * 60 * 6 {
        tokio::time::advance(Duration::from_secs(10)).await;
    }
    tokio::time::resume();
    (call, bench.written.load(Ordering::Relaxed) - before)
}

async fn a_board_that_is_busy_for_hours_is_sent_no_more_than_its_buffer_holds(path: CallPath) {
    // Each of these looks as if the board had been reset.
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
    assert_eq!(soon("a reset", events.recv()).await.unwrap(), LinkEvent::Reset);
    soon("the end of the call", call).await.unwrap().unwrap_err();
}

belay_tests::over_both_paths! {
    a_board_that_is_busy_for_hours_is_sent_no_more_than_its_buffer_holds
    a_board_that_is_reset_after_hours_is_noticed
}
