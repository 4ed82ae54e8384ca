//! Boards that are hard to connect to: programs that do not stop, full memory, threads that print, and prompts that
//! another program has left in any state.

use std::fs::OpenOptions;
use std::io::{Read as _, Write as _};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use belay_runtime::link::{CallPath, Deadlines, Link, LinkOptions, Payload, Request, ResetPolicy};
use belay_runtime::transport::{Address, Connector, ModemLines, Transport, TransportError};
use belay_runtime::{BoardState, Device, DeviceBuilder, Error, ErrorKind, Phase, SessionState, Stuck};
use belay_sim::Board;
use belay_tests::{PATIENCE, Tap, soon, tapped, unix};

fn options(path: CallPath, reset_on_connect: ResetPolicy) -> LinkOptions {
    LinkOptions::default()
        .with_call_path(path)
        .with_reset_on_connect(reset_on_connect)
}

/// The same with shorter deadlines, for tests in which they expire.
fn hasty(path: CallPath, reset_on_connect: ResetPolicy) -> LinkOptions {
    let mut options = options(path, reset_on_connect);
    options.deadlines.enter = Duration::from_millis(250);
    options.deadlines.open = Duration::from_millis(1_500);
    options.deadlines.reset = options.deadlines.open;
    options.deadlines.interrupt = Duration::from_millis(500);
    options
}

async fn connect(board: &Board, options: LinkOptions) -> Result<Link, Error> {
    let connector = Connector::from(board.port().parse::<Address>().unwrap());
    soon("the connection or its error", Link::connect(&connector, options)).await
}

fn evaluate(expression: &str) -> Request {
    Request::Evaluate(expression.into())
}

async fn is_alive(link: &Link) {
    let two = soon("an answer", link.request(evaluate("1+1"), PATIENCE)).await;
    assert_eq!(two.unwrap(), Payload::Repr(b"2".to_vec()));
}

/// A board that is running this as its `main.py`.
async fn running(main: &str) -> Board {
    let main = format!("open('begun', 'w').close()\n{main}");
    let board = Board::unix().heap_kb(128).file("main.py", main);
    let board = board.start().await.unwrap();
    begun(&board).await;
    board
}

async fn begun(board: &Board) {
    let begun = board.directory().join("begun");
    let has_begun = async {
        while !begun.exists() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    soon("the program", has_begun).await;
    std::fs::remove_file(begun).unwrap();
}

fn stuck(error: &Error) -> &Stuck {
    match error.kind() {
        ErrorKind::Unresponsive { stuck, .. } => stuck,
        _ => panic!("{error:?}"),
    }
}

fn hint(error: &Error) -> String {
    error.hint().unwrap_or_default().into_owned()
}

/// A program that ends at this interrupt and at none before.
fn ends_at(interrupt: u32) -> String {
    format!("n = 0\nwhile n < {interrupt}:\n try:\n  while 1: pass\n except KeyboardInterrupt:\n  n += 1\n")
}

/// Makes a program ignore Ctrl-C.
const DEAF: &str = "import micropython\nmicropython.kbd_intr(-1)\n";

async fn a_program_that_ends_at_the_thirtieth_interrupt_is_stopped_by_a_burst(path: CallPath) {
    let board = running(&ends_at(30)).await;
    let link = connect(&board, options(path, ResetPolicy::None)).await.unwrap();
    is_alive(&link).await;
    link.close().await.unwrap();
}

async fn a_program_that_ends_at_the_hundredth_interrupt_is_stopped_by_a_flood(path: CallPath) {
    let board = running(&ends_at(100)).await;
    let link = connect(&board, options(path, ResetPolicy::None)).await.unwrap();
    is_alive(&link).await;
    link.close().await.unwrap();
}

async fn a_call_that_ends_at_the_hundredth_interrupt_ends_with_its_time_out(path: CallPath) {
    let board = unix().await;
    let link = connect(&board, options(path, ResetPolicy::None)).await.unwrap();
    let source = format!("{}raise KeyboardInterrupt\n", ends_at(100)).replace('\n', "\\n");
    let call = link.request(
        evaluate(&format!("X('t','{source}')")),
        Duration::from_millis(200),
    );
    let error = soon("the end", call).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Timeout { .. }), "{error:?}");
    is_alive(&link).await;
    link.close().await.unwrap();
}

async fn a_board_that_answers_nothing_is_said_to_and_which_setting_may_help(path: CallPath) {
    let board = running(&format!("{DEAF}while 1: pass\n")).await;
    for policy in [ResetPolicy::None, ResetPolicy::Soft] {
        let error = connect(&board, hasty(path, policy)).await.unwrap_err();
        assert_eq!(stuck(&error).board, BoardState::Silent, "{error:?}");
        assert!(hint(&error).contains("ResetPolicy::Lines"), "{error:?}");
    }
}

async fn a_board_that_prints_and_does_not_stop_is_told_with_what_it_prints(path: CallPath) {
    let main = format!("{DEAF}import time\nwhile 1:\n print('here I am')\n time.sleep_ms(5)\n");
    let board = running(&main).await;
    let error = connect(&board, hasty(path, ResetPolicy::None)).await.unwrap_err();
    let BoardState::Printing(printed) = &stuck(&error).board else {
        panic!("{error:?}");
    };
    assert!(
        String::from_utf8_lossy(printed).contains("here I am"),
        "{error:?}"
    );
    assert!(error.to_string().contains("here I am"), "{error:?}");
    assert!(hint(&error).contains("reset_on_connect"), "{error:?}");
}

async fn a_program_that_becomes_deaf_is_stopped_once_its_board_may_be_reset_and_it_ends(path: CallPath) {
    let main = format!("{DEAF}import time\ntime.sleep_ms(1500)\nleft = 1\n");
    let board = running(&main).await;
    let link = connect(&board, options(path, ResetPolicy::Soft)).await.unwrap();
    let left = link.request(evaluate("V('__main__','globals().get(\"left\")')"), PATIENCE);
    assert_eq!(left.await.unwrap(), Payload::Repr(b"None".to_vec()));
    link.close().await.unwrap();
}

/// Programs that take all memory, each in another way.
const FULL: [&str; 3] = [
    "l = ()\nwhile 1: l = (l,)\n",
    "l = []\nfor size in (1000, 16):\n try:\n  while 1: l.append(bytearray(size))\n except MemoryError: pass\n",
    "def f(l):\n try:\n  while 1: l = (l, l)\n except MemoryError:\n  return l\nl = f(())\n",
];

/// A connection works or reports a lack of memory. After a soft reset it always works.
async fn a_connection_works_or_says_that_there_is_no_memory(board: &Board, path: CallPath) {
    match connect(board, options(path, ResetPolicy::None)).await {
        Ok(link) => {
            is_alive(&link).await;
            link.close().await.unwrap();
        }
        Err(error) => {
            assert!(format!("{error:?}").contains("MemoryError"), "{error:?}");
            assert!(hint(&error).contains("ResetPolicy::Soft"), "{error:?}");
        }
    }
    let link = connect(board, options(path, ResetPolicy::Soft)).await.unwrap();
    is_alive(&link).await;
    link.close().await.unwrap();
}

async fn a_full_heap_is_told_as_what_the_board_says_and_a_soft_reset_needs_no_memory(path: CallPath) {
    for main in FULL {
        let board = running(main).await;
        a_connection_works_or_says_that_there_is_no_memory(&board, path).await;
    }
}

async fn after_a_call_has_filled_the_heap_a_later_connection_works_or_says_so(path: CallPath) {
    for body in FULL {
        let board = Board::unix().heap_kb(128).start().await.unwrap();
        let link = connect(&board, options(path, ResetPolicy::None)).await.unwrap();
        let body = body.replace('\n', "\\n");
        let filling = link.request(evaluate(&format!("X('t','{body}')")), PATIENCE);
        soon("the end", filling).await.err();
        soon("the end", link.close()).await.err();
        a_connection_works_or_says_that_there_is_no_memory(&board, path).await;
    }
}

async fn a_board_whose_thread_prints_without_a_pause_is_connected(path: CallPath) {
    for last in ["", "while 1: pass\n", "while 1: print('main')\n"] {
        let main = "import _thread\ndef f():\n while 1: print('thread')\n_thread.start_new_thread(f, ())\n";
        let board = running(&format!("{main}{last}")).await;
        let link = connect(&board, options(path, ResetPolicy::None)).await.unwrap();
        is_alive(&link).await;
        link.close().await.unwrap();
    }
}

async fn input_in_boot_py_does_not_hold_up_a_connection(path: CallPath) {
    for boot in ["input('boot? ')\n", "while 1: input('boot? ')\n"] {
        for policy in [ResetPolicy::None, ResetPolicy::Soft] {
            let boot = format!("open('begun', 'w').close()\n{boot}");
            let board = Board::unix().file("boot.py", boot).start().await.unwrap();
            begun(&board).await;
            let mut options = options(path, policy);
            // The board is interrupted after half of this.
            options.deadlines.reset = Duration::from_secs(4);
            let link = connect(&board, options).await.unwrap();
            is_alive(&link).await;
            link.close().await.unwrap();
        }
    }
}

async fn input_in_main_py_does_not_hold_up_a_connection(path: CallPath) {
    let programs = [
        "input('main? ')\n",
        "while 1: input('main? ')\n",
        "import sys\nprint('Press any key to enter the REPL.')\nsys.stdin.read(1)\n",
    ];
    for program in programs {
        for policy in [ResetPolicy::None, ResetPolicy::Soft] {
            let board = running(program).await;
            let link = connect(&board, options(path, policy)).await.unwrap();
            is_alive(&link).await;
            link.close().await.unwrap();
        }
    }
}

/// What another program has typed, and the board's output once it waits for the rest.
const LEFT: [(&[u8], &str); 8] = [
    (b"\x01", "to exit\r\n>"),
    (b"\x01print(1", "to exit\r\n>"),
    (b"\x01\x05A\x01", "R\x01"),
    (b"\x01\x05A\x01print(1", "R\x01"),
    (b"\x05print(1", "=== print(1"),
    (b"def f(x):\r if x:\r", "...  if x:\r\n... "),
    (b"x = '''abc\rdef", "def"),
    (b"print(1", "print(1"),
];

async fn whatever_a_prompt_was_left_in_the_middle_of_a_connection_works(path: CallPath) {
    for (typed, shown) in LEFT {
        for policy in [ResetPolicy::None, ResetPolicy::Soft] {
            let board = unix().await;
            let mut port = OpenOptions::new()
                .read(true)
                .write(true)
                .open(board.port())
                .unwrap();
            port.write_all(b"\r\x03").unwrap();
            listen_for(&mut port, ">>> ").await;
            port.write_all(typed).unwrap();
            listen_for(&mut port, shown.trim_start_matches("...  ")).await;
            drop(port);
            let link = connect(&board, options(path, policy)).await.unwrap();
            is_alive(&link).await;
            link.close().await.unwrap();
        }
    }
}

async fn listen_for(port: &mut std::fs::File, what: &str) {
    let mut port = port.try_clone().unwrap();
    let what = what.as_bytes().to_vec();
    let listening = tokio::task::spawn_blocking(move || {
        let (mut heard, mut buffer) = (Vec::new(), [0; 256]);
        while !heard.windows(what.len()).any(|window| window == what) {
            let count = port.read(&mut buffer).unwrap();
            heard.extend_from_slice(&buffer[..count]);
        }
    });
    soon("what the board shows", listening).await.unwrap();
}

/// A device whose board is executing a call that ignores Ctrl-C for so long.
async fn deaf(board: &Board, path: CallPath, milliseconds: u32) -> Device {
    let options = hasty(path, ResetPolicy::None);
    let device = Device::builder(board.port())
        .call_path(path)
        .deadlines(options.deadlines);
    let device = device
        .timeout(Duration::from_millis(200))
        .connect()
        .await
        .unwrap();
    let body = format!("import micropython, time\nmicropython.kbd_intr(-1)\ntime.sleep_ms({milliseconds})");
    let error = soon("the end of the call", device.execute(&body))
        .await
        .unwrap_err();
    let ErrorKind::Unresponsive {
        source: Some(source), ..
    } = error.kind()
    else {
        panic!("{error:?}");
    };
    assert!(matches!(source.kind(), ErrorKind::Timeout { .. }), "{error:?}");
    assert!(error.to_string().contains("this call"), "{error:?}");
    device
}

async fn a_deaf_call_that_prints_is_not_said_to_have_said_nothing(path: CallPath) {
    let board = unix().await;
    let options = hasty(path, ResetPolicy::None);
    let device = Device::builder(board.port())
        .call_path(path)
        .deadlines(options.deadlines);
    let device = device
        .timeout(Duration::from_millis(200))
        .connect()
        .await
        .unwrap();
    let body = format!("{DEAF}import time\nwhile 1:\n print('word')\n time.sleep(.02)");
    let error = soon("the end of the call", device.execute(&body))
        .await
        .unwrap_err();
    let told = format!("{error:?}");
    assert!(told.contains("no answer within 200ms"), "{told}");
    assert!(told.contains("word") && !told.contains("nothing"), "{told}");
}

const FOR_EVER: u32 = 1_000_000;

async fn a_call_that_does_not_end_is_told_from_an_earlier_one(path: CallPath) {
    let board = unix().await;
    let device = deaf(&board, path, FOR_EVER).await;
    let error = soon("the end of the call", device.execute("x = 1"))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("an earlier call"), "{error:?}");
    let error = soon("the end", device.close()).await.unwrap_err();
    assert_eq!(error.phase(), Some(Phase::Close), "{error:?}");
    stuck(&error);
    assert!(!error.to_string().contains("clean-up"), "{error:?}");
}

async fn a_reset_of_a_deaf_board_fails_with_the_reset_that_helps(path: CallPath) {
    let board = unix().await;
    let device = deaf(&board, path, FOR_EVER).await;
    let error = soon("the end of the reset", device.reset()).await.unwrap_err();
    stuck(&error);
    assert!(
        hint(&error).contains("reset_with(ResetPolicy::Lines)"),
        "{error:?}"
    );
    assert_eq!(device.session().state(), SessionState::Faulted);
    soon("the end", device.close()).await.unwrap();
}

async fn a_board_that_was_deaf_is_reset_once_it_is_not(path: CallPath) {
    let board = unix().await;
    let device = deaf(&board, path, 4_000).await;
    let epoch = device.session().epoch();
    soon("the end of the reset", device.reset()).await.unwrap_err();
    let again = async { while device.reset().await.is_err() {} };
    soon("a reset", again).await;
    assert_ne!(device.session().epoch(), epoch);
    assert_eq!(device.execute("print(1)").await.unwrap().trim(), "1");
    device.close().await.unwrap();
}

async fn a_reset_insists_on_the_end_of_the_call(path: CallPath) {
    let board = unix().await;
    let device = Device::builder(board.port())
        .call_path(path)
        .connect()
        .await
        .unwrap();
    let running = tokio::spawn({
        let device = device.clone();
        let body = format!("open('begun', 'w').close()\n{}while 1: pass\n", ends_at(100));
        async move { device.execute(&body).await }
    });
    begun(&board).await;
    soon("the end of the reset", device.reset()).await.unwrap();
    soon("the end of the call", running).await.unwrap().unwrap_err();
    assert_eq!(device.execute("print(1)").await.unwrap().trim(), "1");
    device.close().await.unwrap();
}

async fn a_reset_by_lines_that_a_port_has_not_got_changes_nothing(path: CallPath) {
    let board = unix().await;
    let device = Device::builder(board.port())
        .call_path(path)
        .connect()
        .await
        .unwrap();
    device.execute("x = 20").await.unwrap();
    let error = soon("the end of the reset", device.reset_with(ResetPolicy::Lines))
        .await
        .unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Unsupported { .. }), "{error:?}");
    assert_eq!(device.execute("print(x + 1)").await.unwrap().trim(), "21");
    device.close().await.unwrap();
}

/// Connects the modem lines of a port to the reset button of its board.
struct Wired(Arc<Mutex<Board>>);

impl Tap for Wired {
    fn set_lines(
        &mut self,
        _port: &mut Box<dyn Transport>,
        _dtr: bool,
        _rts: bool,
    ) -> Result<ModemLines, TransportError> {
        Ok(ModemLines::Set)
    }

    fn restore_lines(&mut self, _port: &mut Box<dyn Transport>) -> Result<ModemLines, TransportError> {
        self.0.lock().unwrap().restart().unwrap();
        Ok(ModemLines::Set)
    }
}

/// A connector to a board whose modem lines reset it.
fn wired(board: Board) -> Connector {
    let port = board.port().to_owned();
    let board = Arc::new(Mutex::new(board));
    tapped(&port, move || Wired(Arc::clone(&board)))
}

async fn the_modem_lines_reset_a_board_that_is_deaf(path: CallPath) {
    let connector = wired(unix().await);
    let options = hasty(path, ResetPolicy::None);
    let device = DeviceBuilder::over(connector)
        .call_path(path)
        .deadlines(options.deadlines);
    let device = device
        .timeout(Duration::from_millis(200))
        .connect()
        .await
        .unwrap();
    let body = format!("{DEAF}while 1: pass");
    soon("the end of the call", device.execute(&body))
        .await
        .unwrap_err();
    soon("the end of the reset", device.reset()).await.unwrap_err();
    soon("a reset", device.reset_with(ResetPolicy::Lines))
        .await
        .unwrap();
    assert_eq!(device.execute("print(1)").await.unwrap().trim(), "1");
    device.close().await.unwrap();
}

async fn a_program_that_becomes_deaf_is_caught_before_it_does_once_the_lines_may_reset_its_board(
    path: CallPath,
) {
    let before = "import time\nend = time.ticks_ms() + 700\nn = 0\nwhile time.ticks_ms() < end:\n try:\n  \
                  while time.ticks_ms() < end: pass\n except KeyboardInterrupt:\n  n += 1\n  if n == 10: raise\n";
    let board = running(&format!("{before}{DEAF}while 1: pass\n")).await;
    let connector = wired(board);
    let mut options = hasty(path, ResetPolicy::Lines);
    options.deadlines.open = Duration::from_secs(8);
    let link = soon("the connection", Link::connect(&connector, options))
        .await
        .unwrap();
    is_alive(&link).await;
    link.close().await.unwrap();
}

#[test]
fn there_is_time_for_a_flood_in_the_defaults() {
    let Deadlines { interrupt, enter, .. } = Deadlines::default();
    assert!(interrupt >= Duration::from_secs(3) && enter >= Duration::from_secs(1));
}

belay_tests::over_both_paths! {
    a_program_that_ends_at_the_thirtieth_interrupt_is_stopped_by_a_burst
    a_program_that_ends_at_the_hundredth_interrupt_is_stopped_by_a_flood
    a_call_that_ends_at_the_hundredth_interrupt_ends_with_its_time_out
    a_board_that_answers_nothing_is_said_to_and_which_setting_may_help
    a_board_that_prints_and_does_not_stop_is_told_with_what_it_prints
    a_call_that_does_not_end_is_told_from_an_earlier_one
    a_deaf_call_that_prints_is_not_said_to_have_said_nothing
    a_reset_of_a_deaf_board_fails_with_the_reset_that_helps
    a_board_that_was_deaf_is_reset_once_it_is_not
    a_reset_insists_on_the_end_of_the_call
    a_reset_by_lines_that_a_port_has_not_got_changes_nothing
    the_modem_lines_reset_a_board_that_is_deaf
    a_program_that_becomes_deaf_is_caught_before_it_does_once_the_lines_may_reset_its_board
    a_program_that_becomes_deaf_is_stopped_once_its_board_may_be_reset_and_it_ends
    a_full_heap_is_told_as_what_the_board_says_and_a_soft_reset_needs_no_memory
    after_a_call_has_filled_the_heap_a_later_connection_works_or_says_so
    a_board_whose_thread_prints_without_a_pause_is_connected
    input_in_boot_py_does_not_hold_up_a_connection
    input_in_main_py_does_not_hold_up_a_connection
    whatever_a_prompt_was_left_in_the_middle_of_a_connection_works
}
