//! A port that accepts bytes much faster than its line carries them: whatever is sent after them arrives late, and the
//! board must not be blamed for that.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use belay_runtime::ErrorKind;
use belay_runtime::link::{CallPath, Link, LinkOptions, Payload, Request};
use belay_runtime::transport::Transport;
use belay_sim::Board;
use belay_tests::{PATIENCE, Tap, soon, tapped, unix};
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::time::{Interval, interval};

/// How long a board may take to react to Ctrl-C in these tests.
const BRIEF: Duration = Duration::from_millis(600);
/// How many bytes the line carries per step of its clock.
const STEP: (Duration, usize) = (Duration::from_millis(5), 40);
/// The length of a call that takes the slow line a few times longer than [`BRIEF`].
const LONG: usize = 16_384;

/// A transport with an output queue before a line that can be made slow.
struct Queue {
    waiting: VecDeque<u8>,
    clock: Interval,
    /// How many more bytes the line carries at full speed.
    fast: Arc<AtomicUsize>,
    /// How many more bytes the line carries before it stops.
    carries: Arc<AtomicUsize>,
}

impl Queue {
    fn drain(&mut self, port: &mut Box<dyn Transport>, cx: &mut Context<'_>) -> io::Result<()> {
        let fast = self.fast.load(Ordering::Relaxed);
        let mut room = if fast > 0 { usize::MAX } else { 0 };
        while self.clock.poll_tick(cx).is_ready() {
            room = room.saturating_add(STEP.1);
        }
        while room > 0 && !self.waiting.is_empty() {
            let (front, _) = self.waiting.as_slices();
            let carries = self.carries.load(Ordering::Relaxed);
            let front = &front[..front.len().min(room).min(carries)];
            if front.is_empty() {
                break;
            }
            let Poll::Ready(count) = Pin::new(&mut *port).poll_write(cx, front)? else {
                break;
            };
            self.waiting.drain(..count);
            self.carries.fetch_sub(count, Ordering::Relaxed);
            room = room.saturating_sub(count);
        }
        Ok(())
    }
}

impl Tap for Queue {
    fn write(
        &mut self,
        port: &mut Box<dyn Transport>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.waiting.extend(bytes);
        self.drain(port, cx)?;
        Poll::Ready(Ok(bytes.len()))
    }

    fn read(
        &mut self,
        port: &mut Box<dyn Transport>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.drain(port, cx)?;
        Pin::new(port).poll_read(cx, buffer)
    }

    fn unsent(&mut self, port: &mut Box<dyn Transport>) -> usize {
        self.waiting.len() + port.unsent()
    }
}

struct Bench {
    _board: Board,
    link: Link,
    fast: Arc<AtomicUsize>,
    carries: Arc<AtomicUsize>,
}

async fn connect(path: CallPath) -> Bench {
    let board = unix().await;
    let fast = Arc::new(AtomicUsize::new(1));
    let carries = Arc::new(AtomicUsize::new(usize::MAX));
    let (speed, limit) = (Arc::clone(&fast), Arc::clone(&carries));
    let connector = tapped(board.port(), move || Queue {
        waiting: VecDeque::new(),
        clock: interval(STEP.0),
        fast: Arc::clone(&speed),
        carries: Arc::clone(&limit),
    });
    let mut options = LinkOptions::default();
    options.call_path = path;
    options.deadlines.interrupt = BRIEF;
    options.deadlines.resync = BRIEF;
    let link = Link::connect(&connector, options).await.expect("a link");
    Bench {
        _board: board,
        link,
        fast,
        carries,
    }
}

impl Bench {
    /// Makes the line slow, and drops a call once its first bytes have been sent.
    async fn drop_a_long_call(&self) {
        self.fast.store(0, Ordering::Relaxed);
        let call = format!("len('{}')", "y".repeat(LONG));
        let call = self.link.request(Request::Evaluate(call), PATIENCE);
        let dropped = tokio::time::timeout(STEP.0 * 20, call).await;
        assert!(dropped.is_err(), "it is not on its way any more: {dropped:?}");
    }

    async fn next(&self) -> belay_runtime::Result<Payload> {
        let next = self.link.request(Request::Evaluate("6*7".into()), PATIENCE);
        soon("the end of the next call", next).await
    }
}

async fn a_call_that_is_dropped_on_its_way_leaves_a_board_that_answers(path: CallPath) {
    let bench = connect(path).await;
    bench.drop_a_long_call().await;
    assert_eq!(bench.next().await.unwrap(), Payload::Repr(b"42".to_vec()));
    bench.fast.store(1, Ordering::Relaxed);
    bench.link.close().await.unwrap();
}

async fn a_line_that_carries_nothing_any_more_is_given_up_all_the_same(path: CallPath) {
    let bench = connect(path).await;
    bench.carries.store(2_000, Ordering::Relaxed);
    bench.drop_a_long_call().await;
    let error = bench.next().await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Unresponsive { .. }), "{error}");
}

belay_tests::on_both_runtimes! {
    over both paths:
    a_call_that_is_dropped_on_its_way_leaves_a_board_that_answers
    a_line_that_carries_nothing_any_more_is_given_up_all_the_same
}
