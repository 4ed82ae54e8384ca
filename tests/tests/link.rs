//! The link on a real board: calls, streams, output, exceptions, interrupts.

use std::time::Duration;

use belay_runtime::ErrorKind;
use belay_runtime::link::{CallPath, Link, LinkOptions, Output, Payload, Request};
use belay_runtime::python::Arguments;
use belay_runtime::transport::{Address, Connector};
use futures_util::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const SHORT: Duration = Duration::from_secs(5);

struct Bench {
    link: Link,
    board: belay_sim::Board,
}

/// A board for each call path: every test of this file shows the same over both.
async fn connect(path: CallPath) -> Bench {
    let _ = tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_test_writer()
        .try_init();
    let board = belay_sim::Board::unix().start().await.expect("a board");
    let link = link_to(&board, path).await;
    Bench { link, board }
}

async fn link_to(board: &belay_sim::Board, path: CallPath) -> Link {
    let address: Address = board.port().parse().expect("an address");
    let options = LinkOptions::default().with_call_path(path);
    Link::connect(&Connector::from(address), options)
        .await
        .expect("a link")
}

impl Bench {
    async fn eval(&self, expression: &str) -> belay_runtime::Result<Payload> {
        self.link
            .request(Request::Evaluate(expression.to_owned()), SHORT)
            .await
    }

    async fn deploy(&self, name: &str, source: &str) -> String {
        let source = source.replace('\n', "\\n").replace('\'', "\\'");
        let alias = self
            .eval(&format!("D('{name}','t','{name}','{source}','{name}')"))
            .await;
        text(alias).trim_matches('\'').to_owned()
    }
}

fn text(payload: belay_runtime::Result<Payload>) -> String {
    match payload.expect("a value") {
        Payload::Repr(text) => String::from_utf8(text).expect("text"),
        Payload::Bytes(bytes) | Payload::ByteArray(bytes) | Payload::Packed(_, bytes) => {
            format!("{} bytes", bytes.len())
        }
    }
}

belay_tests::on_both_runtimes! {
    over both paths:
    an_expression_is_evaluated
    a_deployed_function_is_found_again_by_the_next_link
    an_exception_is_told_with_its_parts_and_the_next_call_works
    the_items_of_a_generator_come_one_by_one
    an_iterator_goes_on_where_it_was
    a_dropped_call_is_interrupted_and_the_next_one_works
    a_long_call_that_is_dropped_is_interrupted_and_the_next_one_works
    a_call_that_takes_too_long_is_interrupted_and_the_next_one_works
    output_is_output_whatever_it_looks_like
    a_reset_is_noticed
}

async fn an_expression_is_evaluated(path: CallPath) {
    let bench = connect(path).await;
    assert_eq!(bench.link.hello().call_path, path);
    assert_eq!(text(bench.eval("1+1").await), "2");
    assert_eq!(
        text(bench.eval("'x'*3000").await),
        format!("'{}'", "x".repeat(3000))
    );
    assert_eq!(text(bench.eval("bytes(100000)").await), "100000 bytes");
    let long = format!("len('{}')", "y".repeat(20_000));
    assert_eq!(text(bench.eval(&long).await), "20000");
    bench.link.close().await.expect("a clean end");
}

async fn a_deployed_function_is_found_again_by_the_next_link(path: CallPath) {
    let bench = connect(path).await;
    let alias = bench.deploy("f", "def f():\n return 42").await;
    let call = || Request::Call {
        function: alias.clone(),
        arguments: Arguments::new(),
    };
    assert_eq!(text(bench.link.request(call(), SHORT).await), "42");
    bench.link.close().await.expect("a clean end");
    let again = link_to(&bench.board, path).await;
    assert!(again.hello().attached);
    assert_eq!(again.hello().boot, bench.link.hello().boot);
    assert_eq!(text(again.request(call(), SHORT).await), "42");
    let f = again.request(Request::Evaluate("F".into()), SHORT).await;
    assert_eq!(text(f), format!("{{'f': '{alias}'}}"));
}

async fn an_exception_is_told_with_its_parts_and_the_next_call_works(path: CallPath) {
    let bench = connect(path).await;
    let error = bench.eval("int('x')").await.expect_err("an exception");
    let exception = error.exception().expect("an exception");
    assert_eq!(exception.type_name, "ValueError");
    assert_eq!(text(bench.eval("2").await), "2");
}

async fn the_items_of_a_generator_come_one_by_one(path: CallPath) {
    let bench = connect(path).await;
    let stream = bench.link.stream(Request::Evaluate("range(1000)".into()), SHORT);
    let items: Vec<String> = stream.map(text).collect().await;
    assert_eq!(items, (0..1000).map(|i| i.to_string()).collect::<Vec<_>>());
}

/// Whoever asks it for an iterator again has it begin anew, or finds that it cannot be asked.
async fn an_iterator_goes_on_where_it_was(path: CallPath) {
    let bench = connect(path).await;
    let source = "class anew:
 def __iter__(self):
  self.n=0
  return self
 def __next__(self):
  self.n+=1
  if self.n>150:raise StopIteration
  return self.n
class once:
 def __iter__(self):
  n=anew()
  n.n=100
  class Items:
   def __next__(self):return n.__next__()
  return Items()
def failing():
 yield 1
 yield 2
 raise ValueError('of its own')
";
    bench.deploy("anew", source).await;
    for (items, expected) in [("anew()", 1..151), ("once()", 101..151)] {
        let items = Request::Evaluate(format!("N('t')['{}']()", items.trim_end_matches("()")));
        let items: Vec<String> = bench.link.stream(items, SHORT).map(text).collect().await;
        assert_eq!(items, expected.map(|n| n.to_string()).collect::<Vec<_>>());
    }
    let failing = Request::Evaluate("N('t')['failing']()".into());
    let items: Vec<_> = bench.link.stream(failing, SHORT).collect().await;
    let [Ok(_), Ok(_), Err(error)] = &items[..] else {
        panic!("{items:?}");
    };
    assert_eq!(error.exception().expect("an exception").type_name, "ValueError");
    assert_eq!(text(bench.eval("4").await), "4");
}

async fn a_dropped_call_is_interrupted_and_the_next_one_works(path: CallPath) {
    let bench = connect(path).await;
    bench.eval("X('t','import time')").await.expect("an import");
    let long = bench.eval("V('t','time.sleep(100)')");
    tokio::time::timeout(Duration::from_millis(50), long)
        .await
        .expect_err("it sleeps");
    assert_eq!(text(bench.eval("3").await), "3");
}

async fn a_long_call_that_is_dropped_is_interrupted_and_the_next_one_works(path: CallPath) {
    let bench = connect(path).await;
    bench.eval("X('t','import time')").await.expect("an import");
    let mut output = bench.link.output();
    let long = format!(
        "V('t','(print(\\'it runs\\'),time.sleep(100),len(\\'{}\\'))')",
        "y".repeat(2_000)
    );
    {
        let call = bench.eval(&long);
        tokio::select! {
            ended = call => panic!("it has ended: {ended:?}"),
            printed = belay_tests::soon("output", output.next()) => drop(printed),
        }
    }
    assert_eq!(text(bench.eval("3").await), "3");
}

async fn a_call_that_takes_too_long_is_interrupted_and_the_next_one_works(path: CallPath) {
    let bench = connect(path).await;
    bench.eval("X('t','import time')").await.expect("an import");
    let long = Request::Evaluate("V('t','time.sleep(100)')".into());
    let error = bench
        .link
        .request(long, Duration::from_millis(50))
        .await
        .expect_err("it sleeps");
    assert!(matches!(error.kind(), ErrorKind::Timeout { .. }), "{error}");
    assert_eq!(text(bench.eval("3").await), "3");
}

/// A call that sleeps for a while and gives back for how long. It is short enough to be sent before the call in front
/// of it is answered.
fn sleep(alias: &str, milliseconds: i64) -> Request {
    Request::Call {
        function: alias.to_owned(),
        arguments: Arguments::new().with("n", &milliseconds),
    }
}

#[tokio::test]
async fn an_interrupt_ends_one_call_and_none_behind_it() {
    let bench = connect(CallPath::Agent).await;
    let source = "def f(n):\n import time\n time.sleep_ms(n)\n return n";
    let alias = bench.deploy("f", source).await;
    let dropped = async {
        let long = bench.link.request(sleep(&alias, 9_000), SHORT);
        tokio::time::timeout(Duration::from_millis(100), long)
            .await
            .expect_err("it sleeps");
    };
    // All of these calls have been sent before the first one is dropped. The one behind them runs long enough that any
    // further Ctrl-C would hit it.
    let behind = bench.link.request(sleep(&alias, 2_000), SHORT);
    let last = bench.link.request(sleep(&alias, 3), SHORT);
    let ((), behind, last) = tokio::join!(dropped, behind, last);
    assert_eq!((text(behind), text(last)), ("2000".into(), "3".into()));
    bench.link.close().await.expect("a clean end");
}

#[tokio::test]
async fn calls_that_are_dropped_at_once_are_interrupted_one_after_the_other() {
    let bench = connect(CallPath::Agent).await;
    let source = "def f(n):\n import time\n time.sleep_ms(n)\n return n";
    let alias = bench.deploy("f", source).await;
    let long = || bench.link.request(sleep(&alias, 9_000), SHORT * 4);
    let all = futures_util::future::join_all((0..6).map(|_| long()));
    tokio::time::timeout(Duration::from_millis(100), all)
        .await
        .expect_err("they sleep");
    assert_eq!(text(bench.link.request(sleep(&alias, 3), SHORT).await), "3");
    bench.link.close().await.expect("a clean end");
}

async fn output_is_output_whatever_it_looks_like(path: CallPath) {
    let bench = connect(path).await;
    let mut output = bench.link.output();
    let hostile =
        r"X('t','print(\'\\x04\\x04>\\r\\n>>> raw REPL; CTRL-B to exit\\r\\n>MPY: soft reboot\\r\\n\')')";
    assert_eq!(text(bench.eval(hostile).await), "None");
    assert_eq!(text(bench.eval("4").await), "4");
    let mut seen = Vec::new();
    while !seen.windows(6).any(|bytes| bytes == b"reboot") {
        match output.next().await {
            Some(Output::Bytes(bytes)) => seen.extend_from_slice(&bytes),
            other => panic!("{other:?} after {}", seen.escape_ascii()),
        }
    }
}

async fn a_reset_is_noticed(path: CallPath) {
    let mut bench = connect(path).await;
    let mut events = bench.link.events();
    let long = bench.link.clone();
    let long = tokio::spawn(async move {
        long.request(Request::Evaluate("[0 for i in range(10**12)]".into()), SHORT)
            .await
    });
    bench.board.restart().expect("a restart");
    let event = events.next().await.expect("an event");
    assert_eq!(event, belay_runtime::link::LinkEvent::Reset);
    let _ = long.await.expect("no panic").expect_err("it was reset");
    let error = bench.eval("5").await.expect_err("the link is over");
    assert!(matches!(error.kind(), ErrorKind::Disconnected(_)), "{error}");
}

/// A board whose agent is still running after its host was killed.
async fn left_in_the_agent() -> belay_sim::Board {
    let board = belay_sim::Board::unix().start().await.expect("a board");
    let port = board.port().to_owned();
    let killed = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let link = runtime.block_on(async {
            let address: Address = port.parse().expect("an address");
            let link = Link::connect(&Connector::from(address), LinkOptions::default())
                .await
                .expect("a link");
            let one = link.request(Request::Evaluate("1".into()), SHORT).await;
            assert_eq!(text(one), "1");
            link
        });
        runtime.shutdown_timeout(SHORT);
        drop(link);
    });
    killed.await.expect("no panic");
    board
}

/// Writes these bursts one after the other, and gives what was received up to a banner with its prompt.
async fn until_the_banner(board: &belay_sim::Board, bursts: &[&[u8]]) -> String {
    let address: Address = board.port().parse().expect("an address");
    let mut port = address.open().await.expect("the port");
    let mut seen = Vec::new();
    let banner = b"raw REPL; CTRL-B to exit\r\n>";
    let conversation = async {
        for burst in bursts {
            // Between two bursts another tool reads whatever has been received.
            let mut bytes = [0; 256];
            let quiet = Duration::from_millis(100);
            while let Ok(read) = tokio::time::timeout(quiet, port.read(&mut bytes)).await {
                seen.extend_from_slice(&bytes[..read.expect("the port is there")]);
            }
            port.write_all(burst).await.expect("the port is there");
            port.flush().await.expect("the port is there");
        }
        while !seen.windows(banner.len()).any(|bytes| bytes == banner) {
            seen.push(port.read_u8().await.expect("the port is there"));
        }
    };
    let in_time = tokio::time::timeout(SHORT, conversation).await;
    assert!(in_time.is_ok(), "no banner after {}", seen.escape_ascii());
    // Another program can open the port only after this.
    port.close(SHORT).await;
    seen.escape_ascii().to_string()
}

#[tokio::test]
async fn another_tool_gets_the_raw_repl_of_a_board_that_a_killed_program_left_in_the_agent() {
    let ways: [&[&[u8]]; 6] = [
        &[b"\r\x03\r\x01"],
        &[b"\r\x03", b"\r\x01"],
        &[b"\r\x03\x03", b"\r\x01"],
        // The program was killed in the middle of a line.
        &[b"#1e01+", b"\r\x03", b"\r\x01"],
        &[b"#1e01+", b"\r\x03\x03", b"\r\x01"],
        &[b"#", b"\x03", b"\r\x01"],
    ];
    for bursts in ways {
        let board = left_in_the_agent().await;
        until_the_banner(&board, bursts).await;
        // And the agent is still there for the next program.
        let link = link_to(&board, CallPath::Agent).await;
        assert!(link.hello().attached);
        link.close().await.expect("a clean end");
    }
}

#[tokio::test]
async fn a_value_whose_repr_does_not_fit_comes_in_parts() {
    let board = belay_sim::Board::unix()
        .heap_kb(90)
        .start()
        .await
        .expect("a board");
    for path in [CallPath::Agent, CallPath::RawRepl] {
        let link = link_to(&board, path).await;
        let bench = |expression: String| link.request(Request::Evaluate(expression), SHORT);
        let row = format!("[{}]", vec!["123456789"; 100].join(", "));
        let rows = text(bench("[[123456789]*100]*100".into()).await);
        assert_eq!(rows, format!("[{}]", vec![row; 100].join(", ")));
        let control = text(bench("'\\x01'*6000".into()).await);
        assert_eq!(control, format!("'{}'", "\\x01".repeat(6000)));
        let error = bench("bytearray(1000000)".into()).await.expect_err("no room");
        assert!(
            error.exception().is_some_and(|raised| raised.is("MemoryError")),
            "{error}"
        );
        assert_eq!(text(bench("1".into()).await), "1");
        link.close().await.expect("a clean end");
    }
}

#[tokio::test]
async fn what_is_not_deployed_is_evicted_without_harm() {
    let bench = connect(CallPath::Agent).await;
    bench
        .eval("X('t','nothing=None\\nx=1')")
        .await
        .expect("two names");
    bench.deploy("f", "def f():\n return 42").await;
    assert_eq!(text(bench.eval("U('unknown')").await), "None");
    assert_eq!(
        text(bench.eval("V('t','(nothing,x,f())')").await),
        "(None, 1, 42)"
    );
    assert_eq!(text(bench.eval("U('f')").await), "None");
    assert_eq!(text(bench.eval("'f' in N('t') or 'f' in F").await), "False");
}

#[tokio::test]
async fn a_request_that_does_not_fit_is_answered_with_a_memory_error() {
    let board = belay_sim::Board::unix()
        .heap_kb(90)
        .start()
        .await
        .expect("a board");
    let link = link_to(&board, CallPath::Agent).await;
    let request = |expression: String| link.request(Request::Evaluate(expression), SHORT);
    let long = format!("len('{}')", "y".repeat(100_000));
    let error = request(long).await.expect_err("no room");
    let raised = error.exception().is_some_and(|raised| raised.is("MemoryError"));
    assert!(raised, "{error}");
    assert_eq!(text(request("1".into()).await), "1");
    link.close().await.expect("a clean end");
}

#[tokio::test]
async fn a_request_that_does_not_fit_is_refused_over_the_raw_repl_too_and_the_next_call_works() {
    let board = belay_sim::Board::unix()
        .heap_kb(90)
        .start()
        .await
        .expect("a board");
    let link = link_to(&board, CallPath::RawRepl).await;
    let request = |expression: String| link.request(Request::Evaluate(expression), SHORT);
    for _ in 0..3 {
        let long = format!("len('{}')", "y".repeat(100_000));
        let error = request(long).await.expect_err("no room");
        let raised = error.exception().is_some_and(|raised| raised.is("MemoryError"));
        assert!(raised, "{error}");
        assert_eq!(text(request("1".into()).await), "1");
        let shorter = format!("len('{}')", "y".repeat(3_000));
        assert_eq!(text(request(shorter).await), "3000");
    }
    link.close().await.expect("a clean end");
}

/// A board whose `binascii` has no `crc32`, as on some firmware.
async fn without_checksum() -> belay_sim::Board {
    let board = belay_sim::Board::unix().start().await.expect("a board");
    let hide = "import sys, binascii\nclass B:\n a2b_base64 = binascii.a2b_base64\n b2a_base64 = binascii.b2a_base64\n\nsys.modules['binascii'] = B\n";
    let address: Address = board.port().parse().expect("an address");
    let mut port = address.open().await.expect("the port");
    let typed = format!("\r\x03\x03\r\x01{hide}\x04print('hid'+'den')\x04");
    let mut told = false;
    // A board that has only just started may not listen yet.
    while !told {
        port.write_all(typed.as_bytes()).await.expect("the port is there");
        let telling = async {
            let mut seen = Vec::new();
            while !seen.windows(6).any(|bytes| bytes == b"hidden") {
                seen.push(port.read_u8().await.expect("the port is there"));
            }
        };
        told = tokio::time::timeout(SHORT, telling).await.is_ok();
    }
    port.close(SHORT).await;
    board
}

#[tokio::test]
async fn a_board_without_a_checksum_of_its_own_checks_every_line_all_the_same() {
    let board = without_checksum().await;
    let link = link_to(&board, CallPath::Auto).await;
    assert_eq!(link.hello().call_path, CallPath::RawRepl);
    let request = |expression: &str| link.request(Request::Evaluate(expression.to_owned()), SHORT);
    assert_eq!(text(request("1000+1").await), "1001");
    // A fault at every character of a call on its way to the board, and of its answer on its way back.
    for direction in [belay_sim::Direction::ToBoard, belay_sim::Direction::ToHost] {
        for at in 0..20 {
            let cable = board.cable();
            cable
                .once(direction, at, belay_sim::Fault::Flip(0))
                .expect("a cable");
            assert_eq!(text(request("1000+1").await), "1001", "{direction:?} {at}");
        }
    }
    link.close().await.expect("a clean end");
}

#[tokio::test]
async fn a_board_that_cannot_run_the_agent_says_at_once_what_it_lacks() {
    let board = without_checksum().await;
    let address: Address = board.port().parse().expect("an address");
    let options = LinkOptions::default().with_call_path(CallPath::Agent);
    let begun = std::time::Instant::now();
    let refused = Link::connect(&Connector::from(address), options).await;
    let error = refused.expect_err("it has no checksum");
    assert!(error.to_string().contains("crc32"), "{error}");
    assert!(begun.elapsed() < SHORT, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_stream_that_is_opened_while_the_link_ends_is_told_so() {
    let bench = connect(CallPath::Agent).await;
    // The task that owns the port finds both the close and the stream after it when it runs next.
    let closing = bench.link.clone();
    let (closed, items) = tokio::join!(async move { closing.close().await }, async {
        let stream = bench.link.stream(Request::Evaluate("range(3)".into()), SHORT);
        stream.collect::<Vec<_>>().await
    });
    closed.expect("a clean end");
    assert_eq!(items.len(), 1, "{items:?}");
    assert!(items[0].is_err(), "{items:?}");
}
