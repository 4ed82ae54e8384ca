//! Each deadline of a link bounds its own phase and no other: a real board stops answering in just this phase.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use belay_runtime::link::{CallPath, Deadlines, Link, LinkOptions, Payload, Request, ResetPolicy};
use belay_runtime::transport::{Address, Connector, Transport};
use belay_runtime::{Error, ErrorKind, Phase};
use belay_sim::{Board, Direction, Rates};
use belay_tests::{PATIENCE, Tap, soon, tapped, unix};
use tokio::io::AsyncWrite as _;

/// The deadline under test, and the value of all others, which is too long to be mistaken for it.
const BRIEF: Duration = Duration::from_millis(400);
const LONG: Duration = Duration::from_secs(20);

/// How a test changes the bytes that the host writes. It also gets all bytes that were written before.
type Change = Box<dyn FnMut(&mut Vec<u8>, &[u8]) + Send>;

/// A tap that can lose what the host writes.
struct Lossy {
    written: Written,
    change: Arc<Mutex<Change>>,
}

impl Tap for Lossy {
    /// The bytes are handled one at a time, so that a test can choose which are lost.
    fn write(
        &mut self,
        port: &mut Box<dyn Transport>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let Some(byte) = bytes.first() else {
            return Poll::Ready(Ok(0));
        };
        let mut passed = vec![*byte];
        {
            let mut written = self.written.lock().unwrap();
            (self.change.lock().unwrap())(&mut passed, &written);
            written.push(*byte);
        }
        if passed.is_empty() {
            return Poll::Ready(Ok(1));
        }
        Pin::new(port).poll_write(cx, &passed)
    }
}

/// What has been written to the board.
type Written = Arc<Mutex<Vec<u8>>>;

fn lossy(board: &Board, change: impl FnMut(&mut Vec<u8>, &[u8]) + Send + 'static) -> (Connector, Written) {
    let written = Written::default();
    let change: Arc<Mutex<Change>> = Arc::new(Mutex::new(Box::new(change)));
    let tap = Arc::clone(&written);
    let connector = tapped(board.port(), move || Lossy {
        written: Arc::clone(&tap),
        change: Arc::clone(&change),
    });
    (connector, written)
}

fn times(written: &[u8], what: &[u8]) -> usize {
    written
        .windows(what.len())
        .filter(|window| *window == what)
        .count()
}

fn options(change: impl FnOnce(&mut Deadlines)) -> LinkOptions {
    let mut options = LinkOptions::default();
    options.call_path = CallPath::Agent;
    let deadlines = &mut options.deadlines;
    *deadlines = Deadlines::default();
    deadlines.open = LONG;
    deadlines.interrupt = LONG;
    deadlines.enter = LONG;
    deadlines.paste = LONG;
    deadlines.compile = LONG;
    deadlines.execute = LONG;
    deadlines.resync = LONG;
    deadlines.reset = LONG;
    deadlines.close = LONG;
    change(deadlines);
    options
}

fn plain(board: &Board) -> Connector {
    Connector::from(board.port().parse::<Address>().unwrap())
}

fn evaluate(expression: &str) -> Request {
    Request::Evaluate(expression.into())
}

async fn link(connector: &Connector, options: LinkOptions) -> Link {
    Link::connect(connector, options).await.unwrap()
}

/// Expects that connecting fails because the board does not get to its prompt, and when this deadline has passed.
async fn does_not_get_in(connector: &Connector, options: LinkOptions) {
    let begun = Instant::now();
    let error = soon("the end", Link::connect(connector, options))
        .await
        .unwrap_err();
    assert!(unresponsive(&error), "{error}");
    assert_eq!(error.phase(), Some(Phase::Enter), "{error}");
    in_time(begun);
}

/// Expects that connecting fails in this phase, and when its deadline has passed.
async fn fails_in(phase: Phase, connector: &Connector, options: LinkOptions) {
    let begun = Instant::now();
    let error = soon("the end", Link::connect(connector, options))
        .await
        .unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::Timeout { after, .. } if *after == BRIEF),
        "{error}"
    );
    assert_eq!(error.phase(), Some(phase), "{error}");
    in_time(begun);
}

fn in_time(begun: Instant) {
    let took = begun.elapsed();
    assert!(took >= BRIEF && took < LONG / 2, "it took {took:?}");
}

#[tokio::test]
async fn open_bounds_how_long_a_board_may_take_to_answer() {
    let board = unix().await;
    board.cable().cut().unwrap();
    let deadlines = options(|deadlines| {
        deadlines.open = BRIEF;
        deadlines.enter = BRIEF / 4;
    });
    does_not_get_in(&plain(&board), deadlines).await;
}

#[tokio::test]
async fn open_counts_from_when_the_port_begins_to_be_opened() {
    let board = unix().await;
    let address: Arc<Address> = Arc::new(board.port().parse().unwrap());
    board.cable().cut().unwrap();
    let slow = Connector::new("a port that takes its time", move || {
        let address = Arc::clone(&address);
        async move {
            tokio::time::sleep(BRIEF / 2).await;
            address.open().await
        }
    });
    let begun = Instant::now();
    let connecting = Link::connect(&slow, options(|deadlines| deadlines.open = BRIEF));
    soon("the end", connecting).await.unwrap_err();
    in_time(begun);
}

#[tokio::test]
async fn enter_is_how_long_one_attempt_at_the_raw_repl_takes() {
    let attempts = async |enter: Duration| {
        let board = unix().await;
        // All bytes are lost.
        let (connector, written) = lossy(&board, |passed, _| passed.clear());
        let options = options(|deadlines| {
            deadlines.open = BRIEF * 2;
            deadlines.enter = enter;
        });
        soon("the end", Link::connect(&connector, options))
            .await
            .unwrap_err();
        times(&written.lock().unwrap(), b"\x01")
    };
    assert_eq!(attempts(LONG).await, 1);
    assert!(attempts(BRIEF / 8).await > 2);
}

#[tokio::test]
async fn a_board_that_is_slower_than_the_first_attempt_is_given_more_time() {
    let board = unix().await;
    let rates = Rates {
        delay: 1.0,
        delay_by: BRIEF,
        ..Rates::default()
    };
    board.cable().set_rates(Direction::ToHost, rates, 0).unwrap();
    let hasty = options(|deadlines| deadlines.enter = BRIEF / 4);
    let link = link(&plain(&board), hasty).await;
    board.cable().heal().unwrap();
    link.close().await.unwrap();
}

/// The request for raw-paste mode.
const PASTE: &[u8] = b"\x05A\x01";

#[tokio::test]
async fn paste_bounds_how_long_the_board_may_take_nothing() {
    let board = unix().await;
    // Of the agent's source, which is the third source that is pasted, only what fits into the board's first window
    // arrives, however often it is sent. Other bytes arrive.
    let (connector, _) = lossy(&board, |passed, before| {
        let begins: Vec<usize> = before
            .windows(PASTE.len())
            .enumerate()
            .filter_map(|(at, window)| (window == PASTE).then_some(at + PASTE.len()))
            .collect();
        if let [_, _, .., begin] = begins[..] {
            let pasted = &before[begin..];
            if !pasted.is_empty() && !pasted.contains(&b'\x03') && !passed.contains(&b'\x03') {
                passed.clear();
            }
        }
    });
    fails_in(
        Phase::Paste,
        &connector,
        options(|deadlines| deadlines.paste = BRIEF),
    )
    .await;
}

#[tokio::test]
async fn paste_may_take_longer_than_its_deadline_as_long_as_the_board_takes_some() {
    let board = unix().await;
    // Slow enough for the agent to take several times the deadline.
    board.cable().set_baud(Some(38_400)).unwrap();
    let begun = Instant::now();
    let connected = link(&plain(&board), options(|deadlines| deadlines.paste = BRIEF)).await;
    assert!(begun.elapsed() > BRIEF * 2, "{:?}", begun.elapsed());
    connected.close().await.unwrap();
}

#[tokio::test]
async fn compile_bounds_how_long_the_board_may_take_over_code_that_it_has() {
    let board = unix().await;
    let (connector, _) = lossy(&board, |passed, before| {
        if times(before, b"\x05A\x01") == 1 && passed == b"\x04" {
            passed.clear();
        }
    });
    fails_in(
        Phase::Compile,
        &connector,
        options(|deadlines| deadlines.compile = BRIEF),
    )
    .await;
}

/// A board on which another program has executed `source`.
async fn with(source: &str) -> Board {
    let board = unix().await;
    let first = link(&plain(&board), options(|_| ())).await;
    let source = source
        .replace('\\', "\\\\")
        .replace('\n', "\\n")
        .replace('\'', "\\'");
    let left = evaluate(&format!("X('',\'{source}\')"));
    first.request(left, PATIENCE).await.unwrap();
    first.close().await.unwrap();
    board
}

#[tokio::test]
async fn execute_bounds_how_long_the_agent_may_take_to_say_hello() {
    let source =
        "import __main__\nclass D:\n def __getitem__(self, key):\n  while 1: pass\n__main__._belay = D()";
    let board = with(source).await;
    fails_in(
        Phase::Execute,
        &plain(&board),
        options(|deadlines| deadlines.execute = BRIEF),
    )
    .await;
}

/// A body that ignores interrupts.
const STUBBORN: &str =
    "(X('t','import micropython\\nmicropython.kbd_intr(-1)'),S(1),any(0 for i in range(10**12)))";

fn unresponsive(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unresponsive { .. })
}

#[tokio::test]
async fn interrupt_bounds_how_long_code_may_go_on_that_was_interrupted() {
    let board = unix().await;
    let link = link(&plain(&board), options(|deadlines| deadlines.interrupt = BRIEF)).await;
    let begun = Instant::now();
    let request = link.request(evaluate(STUBBORN), Duration::from_millis(50));
    let error = soon("the end", request).await.unwrap_err();
    assert!(unresponsive(&error), "{error}");
    in_time(begun);
}

#[tokio::test]
async fn resync_bounds_how_long_a_question_may_go_without_an_answer() {
    let board = unix().await;
    let options = options(|deadlines| {
        deadlines.resync = BRIEF;
        deadlines.interrupt = BRIEF;
    });
    let link = link(&plain(&board), options).await;
    link.request(evaluate("X('t','import time')"), PATIENCE)
        .await
        .unwrap();
    // The call ends on the board, but nothing that the host sends arrives there, so it cannot ask for the answer.
    let mut events = link.events();
    let slow = link.clone();
    let slow = tokio::spawn(async move {
        slow.request(evaluate("(S(1),V('t','time.sleep_ms(500)'))"), PATIENCE)
            .await
    });
    soon("a sign of the call", events.next()).await.unwrap();
    let rates = Rates {
        drop: 1.0,
        ..Rates::default()
    };
    board.cable().set_rates(Direction::ToBoard, rates, 0).unwrap();
    soon("the answer", slow).await.unwrap().unwrap();
    let begun = Instant::now();
    let error = soon("the end", link.request(evaluate("1"), PATIENCE))
        .await
        .unwrap_err();
    assert!(unresponsive(&error), "{error}");
    in_time(begun);
    // On a good line everything works again.
    board.cable().heal().unwrap();
    soon("an answer", link.request(evaluate("1"), PATIENCE))
        .await
        .unwrap();
}

#[tokio::test]
async fn reset_bounds_how_long_a_board_may_take_to_come_back() {
    let board = unix().await;
    let begins = Arc::new(Mutex::new(false));
    let reset = Arc::clone(&begins);
    // The Ctrl-D for the reset is lost.
    let (connector, _) = lossy(&board, move |passed, _| {
        if *begins.lock().unwrap() && passed == b"\x04" {
            passed.clear();
        }
    });
    let link = link(&connector, options(|deadlines| deadlines.reset = BRIEF)).await;
    *reset.lock().unwrap() = true;
    let begun = Instant::now();
    let error = soon("the end", link.reset(ResetPolicy::Soft)).await.unwrap_err();
    assert!(unresponsive(&error), "{error}");
    assert_eq!(error.phase(), Some(Phase::Reset));
    in_time(begun);
}

#[tokio::test]
async fn close_bounds_how_long_a_board_may_take_to_be_left() {
    let board = unix().await;
    let link = link(&plain(&board), options(|deadlines| deadlines.close = BRIEF)).await;
    let mut events = link.events();
    let stubborn = link.clone();
    let stubborn = tokio::spawn(async move { stubborn.request(evaluate(STUBBORN), LONG).await });
    soon("a sign of the call", events.next()).await.unwrap();
    let begun = Instant::now();
    soon("the end", link.close()).await.unwrap_err();
    in_time(begun);
    let error = soon("the end of the call", stubborn).await.unwrap().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Closed), "{error}");
}

/// The time that a slow line needs does not count against the board's deadline.
#[tokio::test]
async fn a_call_has_its_deadline_for_itself_and_not_for_its_way_to_the_board() {
    for path in [CallPath::Agent, CallPath::RawRepl] {
        let board = unix().await;
        let mut options = options(|_| ());
        options.call_path = path;
        let link = link(&plain(&board), options).await;
        board.cable().set_baud(Some(115_200)).unwrap();
        let begun = Instant::now();
        let long = evaluate(&format!("len('{}')", "y".repeat(50_000)));
        let answer = link.request(long, BRIEF * 8).await.unwrap();
        assert_eq!(answer, Payload::Repr(b"50000".to_vec()), "{path:?}");
        assert!(begun.elapsed() > BRIEF * 10, "{path:?}: {:?}", begun.elapsed());
        link.close().await.unwrap();
    }
}
