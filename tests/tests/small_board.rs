//! Boards that have memory for the small agent only.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use belay_runtime::agent::Flavour;
use belay_runtime::link::{Deadlines, Link, LinkOptions, Payload, Request, Statements};
use belay_runtime::transport::{Address, Connector, Transport};
use belay_runtime::{ErrorKind, Phase};
use belay_sim::{Board, Direction, Fault};
use belay_tests::{Tap, soon, tapped};
use futures_util::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWrite as _, AsyncWriteExt as _};

/// A heap that is too small for the resident agent.
const HEAP_KB: u32 = 40;
const SHORT: Duration = Duration::from_secs(5);

/// Unplugs the port after so many more bytes have been written.
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

/// Loses the first requests for raw-paste mode.
struct Unasked {
    left: usize,
}

impl Tap for Unasked {
    fn write(
        &mut self,
        port: &mut Box<dyn Transport>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let asked = bytes.iter().position(|byte| *byte == 5).filter(|_| self.left > 0);
        let (before, asks) = bytes.split_at(asked.unwrap_or(bytes.len()));
        if !before.is_empty() || asks.is_empty() {
            return Pin::new(port).poll_write(cx, before);
        }
        let result = Pin::new(port).poll_write(cx, b" ");
        if let Poll::Ready(Ok(written)) = result {
            self.left -= written;
        }
        result
    }
}

/// Has another program execute `statements` on the board and evaluate `expression`; gives what it prints.
async fn another_program_sees(board: &Board, statements: &str, expression: &str) -> String {
    let address: Address = board.port().parse().unwrap();
    let mut port = address.open().await.unwrap();
    let typed = format!("\r\x03\x03\r\x01{statements}\nprint('<'+'<',{expression},'>'+'>')\x04");
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
        let level = another_program_sees(&board, "import micropython", "micropython.opt_level()").await;
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
    // These bytes are far enough apart to be in different pieces of the agent.
    for at in [1_627, 2_707, 3_797] {
        let drop = board.cable().once(Direction::ToBoard, at, Fault::Drop);
        drop.unwrap();
    }
    let port = Connector::from(board.port().parse::<Address>().unwrap());
    // The byte that ends a piece may be lost as well, and then the deadline for compiling has to pass.
    let deadlines = Deadlines::default().with(Phase::Compile, Duration::from_secs(2));
    let options = LinkOptions::default().with_deadlines(deadlines);
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
async fn a_board_without_raw_paste_mode_gets_an_agent_whatever_memory_it_has() {
    let board = Board::unix().start().await.unwrap();
    for attached in [false, true] {
        let port = tapped(board.port(), || Unasked { left: usize::MAX });
        let link = Link::connect(&port, LinkOptions::default()).await.unwrap();
        assert_eq!(link.hello().flavour, Flavour::Small);
        assert_eq!(link.hello().attached, attached);
        agent_works(&link).await;
        link.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_question_for_raw_paste_mode_that_the_line_has_changed_does_not_make_a_board_an_old_one() {
    for left in [1, 2] {
        let board = Board::unix().start().await.unwrap();
        let port = tapped(board.port(), move || Unasked { left });
        let link = Link::connect(&port, LinkOptions::default()).await.unwrap();
        let is_old = left > 1;
        assert_eq!(link.hello().flavour == Flavour::Small, is_old, "{left} lost");
        agent_works(&link).await;
        link.close().await.unwrap();
    }
}

/// Checks that the agent of this board works.
async fn agent_works(link: &Link) {
    let two = link.request(Request::Evaluate("1+1".into()), SHORT).await;
    assert_eq!(two.unwrap(), Payload::Repr(b"2".to_vec()));
    let error = link.request(Request::Evaluate("1+'1'".into()), SHORT).await;
    let error = error.unwrap_err();
    assert!(
        error.exception().is_some_and(|raised| raised.is("TypeError")),
        "{error}"
    );
    let long = link.request(Request::Evaluate("[7]*300".into()), SHORT).await;
    assert_eq!(
        long.unwrap(),
        Payload::Repr(format!("{:?}", [7; 300]).into_bytes())
    );
}

#[tokio::test]
async fn an_agent_that_has_not_come_as_it_was_sent_is_sent_again() {
    // This board does not load the compiled agent, so it gets the source. Most damaged sources still compile.
    for (at, bit) in (1_500..9_000)
        .step_by(521)
        .zip([0x01, 0x02, 0x80].into_iter().cycle())
    {
        let board = Board::circuitpython_like().start().await.unwrap();
        let port = Connector::from(board.port().parse::<Address>().unwrap());
        let flip = board.cable().once(Direction::ToBoard, at, Fault::Flip(bit));
        flip.unwrap();
        let link = Link::connect(&port, LinkOptions::default()).await;
        let link = link.unwrap_or_else(|error| panic!("byte {at}: {error}"));
        assert!(link.hello().flavour != Flavour::Small);
        agent_works(&link).await;
        link.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_lost_byte_of_what_makes_a_call_never_looks_like_an_exception_of_the_call() {
    let board = Board::unix().heap_kb(HEAP_KB).start().await.unwrap();
    let port = Connector::from(board.port().parse::<Address>().unwrap());
    let link = Link::connect(&port, LinkOptions::default()).await.unwrap();
    assert_eq!(link.hello().flavour, Flavour::Small);
    let mut right = 0;
    // Every byte of a call.
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
            }
        }
        board.cable().heal().unwrap();
    }
    assert!(right > 100, "{right} right");
    link.close().await.unwrap();
}

/// Records everything that is written.
struct Recorder {
    written: Arc<Mutex<Vec<u8>>>,
}

impl Tap for Recorder {
    fn write(
        &mut self,
        port: &mut Box<dyn Transport>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(port).poll_write(cx, bytes);
        if let Poll::Ready(Ok(written)) = result {
            self.written.lock().unwrap().extend(&bytes[..written]);
        }
        result
    }
}

/// Executed on the board: for each recorded source, the agent handles all damaged variants in which one byte is lost,
/// repeated or replaced, or two of the punctuation characters around the line are. Gives the number of variants, the
/// reply to the undamaged source, and the variants to which the agent gave another reply.
const DAMAGE: &str = r#"
import gc
signs = bytes(sign for sign in range(32, 128) if not chr(sign).isalpha())
def damaged(source):
    for i in range(len(source)):
        before, byte, after = source[:i], source[i:i+1], source[i+1:]
        yield before + after
        yield before + byte + byte + after
        for other in signs + bytes([byte[0] ^ 1 << bit for bit in range(8)]):
            if not 1 <= other <= 4:
                yield before + bytes([other]) + after
def twice_damaged(source):
    begins = source.find(b"'#")
    ends = source.find(b"\\n'", begins)
    places = [at for at in range(len(source)) if source[at] in signs and not begins < at < ends]
    def changes(at):
        yield b""
        for bit in range(7):
            sign = bytes([source[at] ^ 1 << bit])
            if sign[0] in signs and sign > b" ":
                yield sign
    for first in places:
        for second in places:
            if second > first:
                for one in changes(first):
                    for other in changes(second):
                        yield source[:first] + one + source[first+1:second] + other + source[second+1:]
said = []
def heard(*words, **_):
    if words[1][1] in "veiydp":
        said.append(words[1])
def answers(source, number):
    _belay["text"] = ""
    _belay["lost"] = _belay["number"] = _belay["asked"] = 0
    _belay["expected"] = ord(number)
    _belay["kept"][:] = [0, [], 0, 0]
    _belay["parts"][:] = ["raise OSError(7)"]
    said[:] = []
    try:
        exec(source, {"_belay": _belay})
    except BaseException:
        pass
    return list(said)
def judge(source, number):
    _belay["print"] = heard
    _belay["sys"].print_exception = lambda *_: 0
    many = 0
    wrong = []
    right = answers(source, number)
    for kind in damaged, twice_damaged:
        for one in kind(source):
            many += 1
            if many % 64 == 0:
                gc.collect()
            for text in answers(one, number):
                # Names are never forgotten, so there is little memory in the end.
                if text not in right and "MemoryError" not in text and len(wrong) < 4:
                    wrong.append((one, text))
    if right != answers(source, number):
        wrong.append("it does not answer any more")
    return many, right, wrong
"#;

#[tokio::test]
async fn whatever_a_byte_or_two_make_of_an_unchecked_source_is_never_told_as_an_answer() {
    // This board lacks what the resident agent needs, and has memory for all the names in the damaged sources.
    let board = Board::unix().file("binascii.py", "").start().await.unwrap();
    let written = Arc::new(Mutex::new(Vec::new()));
    let recorded = Arc::clone(&written);
    let port = tapped(board.port(), move || Recorder {
        written: Arc::clone(&recorded),
    });
    let link = Link::connect(&port, LinkOptions::default()).await.unwrap();
    assert_eq!(link.hello().flavour, Flavour::Small);
    written.lock().unwrap().clear();
    for expression in ["7+1", "1//0"] {
        // The reply does not matter; the recorded source is tested on the board.
        let _ = link.request(Request::Evaluate(expression.into()), SHORT).await;
    }
    let statements = Statements {
        namespace: "t",
        source: "raise OSError(7)",
        file: None,
    };
    link.execute(statements, SHORT).await.unwrap_err();
    let mut items = link.stream(Request::Evaluate("(1,2)".into()), SHORT);
    while items.next().await.is_some() {}
    let typed = std::mem::take(&mut *written.lock().unwrap());
    link.close().await.unwrap();
    let mut judged = 0;
    for source in typed.split(|byte| *byte == 4) {
        let source = source.strip_prefix(b"\x05A\x01").unwrap_or(source);
        if source.is_empty() {
            continue;
        }
        let begins = source.windows(2).position(|two| two == b"'#").unwrap();
        let number = char::from(source[begins + 2]);
        let call = format!("judge(b'{}','{number}')", source.escape_ascii());
        let told = another_program_sees(&board, DAMAGE, &call).await;
        assert!(!told.contains(", [], ") && told.ends_with(", [])"), "{told}");
        judged += 1;
    }
    // The requests: two expressions, a source, its execution, and a stream.
    assert_eq!(judged, 5);
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
    // A Ctrl-C has the same effect.
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
