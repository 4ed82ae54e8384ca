//! Boards on which only the agent for small boards has room.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use belay_runtime::ErrorKind;
use belay_runtime::agent::Flavour;
use belay_runtime::link::{Link, LinkOptions, Payload, Request, Statements};
use belay_runtime::transport::{Address, Connector, Transport};
use belay_sim::{Board, Direction, Fault};
use belay_tests::{Tap, soon, tapped};
use futures_util::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWrite as _, AsyncWriteExt as _};

/// A heap that is too small for the usual agent.
const HEAP_KB: u32 = 40;
const SHORT: Duration = Duration::from_secs(5);

/// Pulls the port out when so many bytes more have been written.
struct Pulled {
    left: usize,
}

impl Tap for Pulled {
    fn write(
        &mut self,
        port: &mut Box<dyn Transport>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let some = bytes.len().min(self.left);
        if some == 0 {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let result = Pin::new(port).poll_write(cx, &bytes[..some]);
        if let Poll::Ready(Ok(written)) = result {
            self.left -= written;
        }
        result
    }
}

/// What a board prints between these marks when another program than ours has it evaluate this.
async fn another_program_sees(board: &Board, expression: &str) -> String {
    let address: Address = board.port().parse().unwrap();
    let mut port = address.open().await.unwrap();
    let typed = format!("\r\x03\x03\r\x01import micropython\nprint('<'+'<',{expression},'>'+'>')\x04");
    port.write_all(typed.as_bytes()).await.unwrap();
    let mut seen = String::new();
    let seeing = async {
        while !seen.contains(">>\n") && !seen.contains(">>\r") {
            seen.push(char::from(port.read_u8().await.unwrap()));
        }
    };
    soon("an answer", seeing).await;
    port.close(SHORT).await;
    let (_, answer) = seen.rsplit_once("<< ").unwrap();
    answer.trim_end().trim_end_matches(" >>").to_owned()
}

#[tokio::test]
async fn a_start_that_breaks_off_anywhere_leaves_the_compiler_as_it_was_and_the_next_one_works() {
    let board = Board::unix().heap_kb(HEAP_KB).start().await.unwrap();
    let address: Arc<Address> = Arc::new(board.port().parse().unwrap());
    let mut broken_off = 0;
    for left in (300..).step_by(450) {
        let pulled = tapped(board.port(), move || Pulled { left });
        let started = soon("the end", Link::connect(&pulled, LinkOptions::default())).await;
        let done = match &started {
            Ok(link) => {
                assert_eq!(link.hello().flavour, Flavour::Small);
                link.close().await.unwrap();
                true
            }
            Err(_) => false,
        };
        let level = another_program_sees(&board, "micropython.opt_level()").await;
        assert_eq!(level, "0", "after {left} bytes");
        if done {
            break;
        }
        broken_off += 1;
    }
    assert!(broken_off > 5, "{broken_off}");
    let whole = Connector::from((*address).clone());
    let link = Link::connect(&whole, LinkOptions::default()).await.unwrap();
    assert!(link.hello().flavour == Flavour::Small && link.hello().attached);
    link.close().await.unwrap();
}

#[tokio::test]
async fn an_old_board_that_loses_some_of_the_agent_gets_it_all_the_same() {
    let board = Board::microbit().start().await.unwrap();
    // Far enough apart to be in different pieces.
    for at in [1_620, 2_700, 3_790] {
        let drop = board.cable().once(Direction::ToBoard, at, Fault::Drop);
        drop.unwrap();
    }
    let port = Connector::from(board.port().parse::<Address>().unwrap());
    let mut options = LinkOptions::default();
    // What ends a piece may be lost as well.
    options.deadlines.compile = Duration::from_secs(2);
    let link = Link::connect(&port, options).await.unwrap();
    assert!(link.hello().flavour == Flavour::Small && !link.hello().attached);
    let two = link.request(Request::Evaluate("1+1".into()), SHORT).await;
    assert_eq!(two.unwrap(), Payload::Repr(b"2".to_vec()));
    let error = link
        .request(Request::Evaluate("1+'1'".into()), SHORT)
        .await
        .unwrap_err();
    assert!(
        error.exception().is_some_and(|raised| raised.is("TypeError")),
        "{error}"
    );
    link.close().await.unwrap();
}

#[tokio::test]
async fn a_lost_byte_of_what_makes_a_call_never_looks_like_an_exception_of_the_call() {
    let board = Board::unix().heap_kb(HEAP_KB).start().await.unwrap();
    let port = Connector::from(board.port().parse::<Address>().unwrap());
    let link = Link::connect(&port, LinkOptions::default()).await.unwrap();
    assert_eq!(link.hello().flavour, Flavour::Small);
    let mut right = 0;
    let mut unknown = 0;
    // All of a call.
    for at in 0..120 {
        let drop = board.cable().once(Direction::ToBoard, at, Fault::Drop);
        drop.unwrap();
        let answer = link.request(Request::Evaluate("1000+1".into()), SHORT).await;
        match answer {
            Ok(answer) => {
                assert_eq!(answer, Payload::Repr(b"1001".to_vec()), "byte {at}");
                right += 1;
            }
            Err(error) => {
                assert!(
                    matches!(error.kind(), ErrorKind::FateUnknown(_)),
                    "byte {at}: {error}"
                );
                unknown += 1;
            }
        }
        board.cable().heal().unwrap();
    }
    assert!(right > 100 && unknown > 0, "{right} right, {unknown} unknown");
    link.close().await.unwrap();
}

#[tokio::test]
async fn an_exception_between_the_parts_of_a_source_leaves_them_as_they_are() {
    let board = Board::unix().heap_kb(HEAP_KB).start().await.unwrap();
    let port = Connector::from(board.port().parse::<Address>().unwrap());
    let link = Link::connect(&port, LinkOptions::default()).await.unwrap();
    assert_eq!(link.hello().flavour, Flavour::Small);
    let lines: Vec<String> = (0..60).map(|n| format!("x{n}={n}\n")).collect();
    let lines = lines.concat();
    let statements = Statements {
        namespace: "t",
        source: &lines,
        file: None,
    };
    let failing = async {
        for _ in 0..6 {
            let failed = link.request(Request::Evaluate("1//0".into()), SHORT).await;
            assert!(failed.unwrap_err().exception().is_some());
        }
    };
    let (ran, ()) = tokio::join!(link.execute(statements, SHORT), failing);
    ran.unwrap();
    let first = link
        .request(Request::Evaluate("V('t','x0+x59')".into()), SHORT)
        .await;
    assert_eq!(first.unwrap(), Payload::Repr(b"59".to_vec()));
    link.close().await.unwrap();
}

#[tokio::test]
async fn a_stream_that_a_ctrl_c_has_ended_behind_a_batch_was_interrupted_and_raised_nothing() {
    let board = Board::unix().heap_kb(HEAP_KB).start().await.unwrap();
    let port = Connector::from(board.port().parse::<Address>().unwrap());
    let link = Link::connect(&port, LinkOptions::default()).await.unwrap();
    assert_eq!(link.hello().flavour, Flavour::Small);
    let mut items = link.stream(Request::Evaluate("range(1000)".into()), SHORT);
    let first = items.next().await.unwrap();
    assert_eq!(first.unwrap(), Payload::Repr(b"0".to_vec()));
    // As the Ctrl-C does.
    let end = Request::Evaluate("streams.clear()".into());
    link.request(end, SHORT).await.unwrap();
    let error = loop {
        match items.next().await.unwrap() {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(matches!(error.kind(), ErrorKind::Interrupted), "{error}");
    link.close().await.unwrap();
}
