//! What each reset policy does to a board, on request and on connecting.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use belay_runtime::link::{CallPath, Deadlines, Link, LinkOptions, Payload, Request, ResetPolicy};
use belay_runtime::transport::{Address, Connector, ModemLines, Transport, TransportError};
use belay_runtime::{ErrorKind, Phase};
use belay_sim::Board;
use belay_tests::{Tap, soon, tapped, unix};
use futures_util::StreamExt as _;
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::sync::Notify;

const SHORT: Duration = Duration::from_secs(5);
const PATHS: [CallPath; 2] = [CallPath::Agent, CallPath::RawRepl];

fn to(port: &str) -> Connector {
    Connector::from(port.parse::<Address>().unwrap())
}

async fn link(connector: &Connector, path: CallPath, reset_on_connect: ResetPolicy) -> Link {
    let options = LinkOptions::default()
        .with_call_path(path)
        .with_reset_on_connect(reset_on_connect)
        .with_deadlines(Deadlines::default().with(Phase::Interrupt, Duration::from_millis(500)));
    Link::connect(connector, options).await.unwrap()
}

fn evaluate(expression: &str) -> Request {
    Request::Evaluate(expression.into())
}

async fn is_alive(link: &Link) {
    let two = link.request(evaluate("1+1"), SHORT).await.unwrap();
    assert_eq!(two, Payload::Repr(b"2".to_vec()));
}

/// A call that runs until it is stopped; it has begun when this returns.
async fn long_call(link: &Link, expression: &'static str) -> tokio::task::JoinHandle<belay_runtime::Error> {
    let mut events = link.events();
    let running = link.clone();
    let call = tokio::spawn(async move {
        let result = running
            .request(evaluate(expression), Duration::from_secs(60))
            .await;
        result.unwrap_err()
    });
    soon("a sign of the call", events.next()).await.unwrap();
    call
}

#[tokio::test]
async fn a_soft_reset_restarts_the_interpreter_even_while_a_call_runs() {
    for path in PATHS {
        let board = unix().await;
        let connector = to(board.port());
        let before = link(&connector, path, ResetPolicy::None).await;
        let call = long_call(&before, "(S(1),any(0 for i in range(10**12)))").await;
        before.reset(ResetPolicy::Soft).await.unwrap();
        let error = soon("the end of the call", call).await.unwrap();
        assert!(matches!(error.kind(), ErrorKind::Reset), "{path:?}: {error}");
        let after = link(&connector, path, ResetPolicy::None).await;
        assert!(!after.hello().attached, "{path:?}");
        assert_ne!(after.hello().boot, before.hello().boot, "{path:?}");
        is_alive(&after).await;
        after.close().await.unwrap();
    }
}

/// A body whose clean-up prints something, and takes longer than a soft reset that does not wait for it.
const CLEANS_UP: &str = "X('t','import time\\ntry:\\n S(1)\\n while 1: pass\\nfinally:\\n for i in range(5): \
                         time.sleep(.03)\\n print(\"clean\")')";

#[tokio::test]
async fn a_soft_reset_lets_what_runs_clean_up() {
    for path in PATHS {
        let board = unix().await;
        let before = link(&to(board.port()), path, ResetPolicy::None).await;
        let mut output = before.output();
        let call = long_call(&before, CLEANS_UP).await;
        before.reset(ResetPolicy::Soft).await.unwrap();
        let error = soon("the end of the call", call).await.unwrap();
        assert!(matches!(error.kind(), ErrorKind::Reset), "{path:?}: {error}");
        let mut heard = String::new();
        while let Some(piece) = soon("the end of the output", output.next()).await {
            heard.push_str(&piece.to_string());
        }
        assert!(heard.contains("clean"), "{path:?}: {heard:?}");
    }
}

#[tokio::test]
async fn a_soft_reset_ends_a_stream_with_it() {
    for path in PATHS {
        let board = unix().await;
        let before = link(&to(board.port()), path, ResetPolicy::None).await;
        let mut items = before.stream(
            evaluate("(any(0 for i in range(j**30)) or j for j in range(9))"),
            SHORT * 9,
        );
        assert!(soon("an item", items.next()).await.unwrap().is_ok());
        before.reset(ResetPolicy::Soft).await.unwrap();
        let error = loop {
            match soon("the end", items.next()).await.unwrap() {
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert!(matches!(error.kind(), ErrorKind::Reset), "{path:?}: {error}");
    }
}

#[tokio::test]
async fn no_reset_leaves_the_board_and_the_link_as_they_are() {
    for path in PATHS {
        let board = unix().await;
        let connector = to(board.port());
        let first = link(&connector, path, ResetPolicy::None).await;
        first.reset(ResetPolicy::None).await.unwrap();
        is_alive(&first).await;
        first.close().await.unwrap();
        let again = link(&connector, path, ResetPolicy::None).await;
        assert!(again.hello().attached, "{path:?}");
        again.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_board_that_ignores_an_interrupt_is_said_not_to_react_to_a_soft_reset_in_time() {
    for path in PATHS {
        let board = unix().await;
        let stubborn = link(&to(board.port()), path, ResetPolicy::None).await;
        let call = long_call(
            &stubborn,
            "(X('t','import micropython\\nmicropython.kbd_intr(-1)'),S(1),any(0 for i in range(10**12)))",
        )
        .await;
        let begun = Instant::now();
        let error = stubborn.reset(ResetPolicy::Soft).await.unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::Unresponsive { .. }),
            "{path:?}: {error}"
        );
        assert!(begun.elapsed() < SHORT, "{path:?}: {:?}", begun.elapsed());
        // The board was not reset, and the error does not claim that it was.
        let error = soon("the end of the call", call).await.unwrap();
        assert!(
            matches!(error.kind(), ErrorKind::FateUnknown(_)),
            "{path:?}: {error}"
        );
    }
}

#[tokio::test]
async fn a_port_without_modem_lines_says_so_and_the_link_goes_on() {
    for path in PATHS {
        let board = unix().await;
        let first = link(&to(board.port()), path, ResetPolicy::None).await;
        let error = first.reset(ResetPolicy::Lines).await.unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::Unsupported { .. }),
            "{path:?}: {error}"
        );
        is_alive(&first).await;
        first.close().await.unwrap();
    }
}

/// Connects the modem lines of a port to the reset button of its board.
struct Wired {
    board: Arc<Mutex<Board>>,
    levels: Arc<Mutex<Vec<(bool, bool)>>>,
}

impl Tap for Wired {
    fn set_lines(
        &mut self,
        _port: &mut Box<dyn Transport>,
        dtr: bool,
        rts: bool,
    ) -> Result<ModemLines, TransportError> {
        self.levels.lock().unwrap().push((dtr, rts));
        Ok(ModemLines::Set)
    }

    fn restore_lines(&mut self, _port: &mut Box<dyn Transport>) -> Result<ModemLines, TransportError> {
        self.levels.lock().unwrap().push((true, true));
        self.board.lock().unwrap().restart().unwrap();
        Ok(ModemLines::Set)
    }
}

#[tokio::test]
async fn a_pulse_of_the_modem_lines_resets_a_board_on_demand_and_on_connecting() {
    for path in PATHS {
        let board = unix().await;
        let port = board.port().to_owned();
        let board = Arc::new(Mutex::new(board));
        let levels = Arc::new(Mutex::new(Vec::new()));
        let connector = {
            let (board, levels) = (Arc::clone(&board), Arc::clone(&levels));
            tapped(&port, move || Wired {
                board: Arc::clone(&board),
                levels: Arc::clone(&levels),
            })
        };
        let pulse = [(false, true), (true, true)];
        let first = link(&connector, path, ResetPolicy::None).await;
        assert!(levels.lock().unwrap().is_empty(), "{path:?}");
        first.reset(ResetPolicy::Lines).await.unwrap();
        assert_eq!(*levels.lock().unwrap(), pulse, "{path:?}");
        let second = link(&connector, path, ResetPolicy::None).await;
        assert!(!second.hello().attached, "{path:?}");
        second.close().await.unwrap();
        let third = link(&connector, path, ResetPolicy::Lines).await;
        assert_eq!(*levels.lock().unwrap(), [pulse, pulse].concat(), "{path:?}");
        assert!(!third.hello().attached, "{path:?}");
        assert_ne!(third.hello().boot, second.hello().boot, "{path:?}");
        is_alive(&third).await;
        third.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_soft_reset_on_connecting_gives_a_fresh_interpreter() {
    for path in PATHS {
        let board = unix().await;
        let connector = to(board.port());
        let first = link(&connector, path, ResetPolicy::None).await;
        first.close().await.unwrap();
        let second = link(&connector, path, ResetPolicy::Soft).await;
        assert!(!second.hello().attached, "{path:?}");
        assert_ne!(second.hello().boot, first.hello().boot, "{path:?}");
        is_alive(&second).await;
        second.close().await.unwrap();
    }
}

/// Holds back the board's answer when the link asks whether the board was reset, until something else is sent.
struct LateBanner {
    armed: Arc<AtomicBool>,
    asked: Arc<Notify>,
    held: bool,
    reader: Option<Waker>,
}

impl Tap for LateBanner {
    fn write(
        &mut self,
        port: &mut Box<dyn Transport>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if bytes == b"\r\x01" && self.armed.swap(false, Ordering::SeqCst) {
            self.held = true;
            self.asked.notify_one();
        } else {
            self.held = false;
            self.reader.take().into_iter().for_each(Waker::wake);
        }
        Pin::new(port).poll_write(cx, bytes)
    }

    fn read(
        &mut self,
        port: &mut Box<dyn Transport>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.held {
            self.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Pin::new(port).poll_read(cx, buffer)
    }
}

#[tokio::test]
async fn a_reset_is_noticed_though_a_long_request_comes_in_between() {
    let mut board = unix().await;
    let (armed, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(Notify::new()));
    let connector = tapped(board.port(), {
        let (armed, asked) = (Arc::clone(&armed), Arc::clone(&asked));
        move || LateBanner {
            armed: Arc::clone(&armed),
            asked: Arc::clone(&asked),
            held: false,
            reader: None,
        }
    });
    let link = link(&connector, CallPath::Agent, ResetPolicy::None).await;
    is_alive(&link).await;
    armed.store(true, Ordering::SeqCst);
    board.restart().unwrap();
    soon("the question", asked.notified()).await;
    let long = format!("len('{}')", "a".repeat(150));
    let answer = soon("the end", link.request(evaluate(&long), SHORT)).await;
    let error = answer.unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::Reset | ErrorKind::Disconnected(_)),
        "{error:?}"
    );
}
