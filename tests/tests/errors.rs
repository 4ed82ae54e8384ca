//! Typical mistakes of a newcomer, and what the error messages say about them.

use std::error::Error as _;
use std::time::{Duration, Instant};

use belay::prelude::*;
use belay::{Deadlines, ErrorKind, Phase};
use belay_sim::Board;
use rustix::pty::OpenptFlags;

/// Tasks that fail, each in its own way.
#[belay::device]
trait Faulty {
    /// ```python
    /// total = a + 1
    /// return total // b
    /// ```
    #[task]
    async fn divide(&self, a: i64, b: i64) -> Result<i64>;

    /// ```python
    /// return "many"
    /// ```
    #[task]
    async fn count(&self) -> Result<u32>;

    /// ```python
    /// while True:
    ///     pass
    /// ```
    #[task(timeout_ms = 200)]
    async fn spin(&self) -> Result<()>;

    /// ```python
    /// while True:
    ///     print("and on")
    /// ```
    #[task(timeout_ms = 200)]
    async fn chatter(&self) -> Result<()>;
}

/// The number of this file's line that contains this text.
fn line_of(text: &str) -> u32 {
    let index = include_str!("errors.rs")
        .lines()
        .position(|line| line.trim() == text);
    u32::try_from(index.expect("the text is in this file")).expect("a short file") + 1
}

/// The whole chain of messages, as a program that returns the error from `main` prints it.
fn printed(error: &Error) -> String {
    format!("{error:?}")
}

#[tokio::test]
async fn a_port_that_is_not_there_is_named_with_a_hint() {
    let error = FaultyDevice::connect("/dev/nonexistent")
        .await
        .expect_err("there is no such port");
    assert_eq!(error.phase(), Some(Phase::Open));
    let text = printed(&error);
    assert!(text.contains("/dev/nonexistent"), "{text}");
    assert!(text.contains("hint:"), "{text}");
}

#[tokio::test]
async fn a_busy_port_says_so_and_names_a_way_out() {
    let board = Board::unix().start().await.expect("a board");
    let first = FaultyDevice::connect(board.port())
        .await
        .expect("the port is free");
    let error = FaultyDevice::connect(board.port())
        .await
        .expect_err("the port is in use");
    let text = printed(&error);
    assert!(text.contains("in use") || text.contains("busy"), "{text}");
    assert!(error.hint().is_some(), "{text}");
    assert_eq!(first.divide(9, 2).await.expect("the first is not disturbed"), 5);
    first.close().await.expect("a clean end");
    let again = FaultyDevice::connect(board.port())
        .await
        .expect("the port is free again");
    again.close().await.expect("a clean end");
}

#[tokio::test]
async fn a_port_that_is_no_board_is_told_apart_within_the_deadline() {
    // A pseudo-terminal with nobody at its other side.
    let silent = rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pseudo-terminal");
    rustix::pty::grantpt(&silent).expect("granted");
    rustix::pty::unlockpt(&silent).expect("unlocked");
    let path = rustix::pty::ptsname(&silent, Vec::new())
        .expect("its name")
        .into_string()
        .expect("a path");
    let mut deadlines = Deadlines::default();
    deadlines.open = Duration::from_millis(700);
    let started = Instant::now();
    let error = Device::builder(&path)
        .deadlines(deadlines)
        .connect()
        .await
        .expect_err("nobody answers there");
    assert!(
        started.elapsed() < Duration::from_secs(10),
        "it took {:?}",
        started.elapsed()
    );
    let text = printed(&error);
    assert!(text.contains("MicroPython"), "{text}");
    assert!(text.contains(&path), "{text}");
}

#[tokio::test]
async fn a_python_exception_names_its_type_and_the_rust_line() {
    let board = Board::unix().start().await.expect("a board");
    let faulty = FaultyDevice::connect(board.port()).await.expect("a board");
    let error = faulty.divide(1, 0).await.expect_err("a division by zero");
    let exception = error.exception().expect("Python raised it");
    assert!(exception.is("ZeroDivisionError"), "{exception:?}");
    assert!(!exception.message.is_empty());
    let line = exception.rust_line().expect("a line of the body");
    assert!(line.file.ends_with("errors.rs"), "{line}");
    assert_eq!(line.line, line_of("/// return total // b"));
    assert_eq!(error.method(), Some("Faulty.divide"));
    let text = error.to_string();
    assert!(
        text.contains("ZeroDivisionError") && text.contains(&line.to_string()),
        "{text}"
    );
    assert_eq!(text.lines().count(), 1, "{text}");
    faulty.close().await.expect("a clean end");
}

#[tokio::test]
async fn a_result_of_another_type_says_what_came_and_what_the_method_says() {
    let board = Board::unix().start().await.expect("a board");
    let faulty = FaultyDevice::connect(board.port()).await.expect("a board");
    let error = faulty.count().await.expect_err("a text is no number");
    assert!(matches!(error.kind(), ErrorKind::Value(_)), "{error}");
    let text = printed(&error);
    assert!(
        text.contains("Faulty.count") && text.contains("u32") && text.contains("many"),
        "{text}"
    );
    faulty.close().await.expect("a clean end");
}

#[tokio::test]
async fn a_call_that_takes_too_long_ends_at_its_deadline_and_the_device_stays_usable() {
    let board = Board::unix().start().await.expect("a board");
    let faulty = FaultyDevice::connect(board.port()).await.expect("a board");
    let error = faulty.spin().await.expect_err("it never ends");
    assert!(matches!(error.kind(), ErrorKind::Timeout { .. }), "{error}");
    assert_eq!(error.phase(), Some(Phase::Execute));
    assert!(error.hint().expect("a hint").contains("timeout_ms"));
    let text = error.to_string();
    assert!(
        text.contains("had sent nothing"),
        "what the link itself exchanges is no news: {text}"
    );
    assert_eq!(faulty.divide(9, 2).await.expect("the board was interrupted"), 5);
    faulty.close().await.expect("a clean end");
}

#[tokio::test]
async fn a_task_that_never_stops_printing_ends_at_its_deadline_too() {
    let board = Board::unix().start().await.expect("a board");
    let faulty = FaultyDevice::connect(board.port()).await.expect("a board");
    let error = faulty.chatter().await.expect_err("it never ends");
    assert!(matches!(error.kind(), ErrorKind::Timeout { .. }), "{error}");
    assert!(error.to_string().contains("and on"), "{error}");
    assert_eq!(faulty.divide(9, 2).await.expect("the board was interrupted"), 5);
    faulty.close().await.expect("a clean end");
}

#[tokio::test]
async fn a_board_that_stops_answering_gives_an_error_at_the_deadline() {
    let board = Board::unix().start().await.expect("a board");
    let faulty = FaultyDevice::connect(board.port()).await.expect("a board");
    board.cable().cut().expect("the cable is cut");
    let started = Instant::now();
    let error = faulty.spin().await.expect_err("no byte comes through");
    assert!(
        started.elapsed() < Duration::from_secs(30),
        "it took {:?}",
        started.elapsed()
    );
    let mut causes = 0;
    let mut cause = error.source();
    while let Some(error) = cause {
        causes += 1;
        cause = error.source();
    }
    assert!(error.device().is_some(), "{error} ({causes} causes)");
}

/// Tasks that need something that an old board lacks or has no room for.
#[belay::device]
trait Demanding {
    /// ```python
    /// return f"{number} and more"
    /// ```
    #[task]
    async fn format(&self, number: u8) -> Result<String>;

    /// ```python
    /// return (a + 1) // b
    /// ```
    #[task]
    async fn divide(&self, a: u8, b: u8) -> Result<u8>;

    /// ```python
    /// return len(text)
    /// ```
    #[task]
    async fn length(&self, text: &str) -> Result<u32>;

    /// ```python
    /// return bytearray(10 ** 8)
    /// ```
    #[task]
    async fn want_too_much(&self) -> Result<Vec<u8>>;

    /// ```python
    /// import machine
    /// machine.reset()
    /// ```
    #[task]
    async fn end(&self) -> Result<()>;
}

#[tokio::test]
async fn old_firmware_says_that_it_is_old_and_a_full_one_goes_on_with_less() {
    let board = Board::microbit().start().await.expect("a board");
    let device = DemandingDevice::connect(board.port()).await.expect("it answers");
    let error = device.format(3).await.expect_err("it is too old");
    assert!(
        error.exception().is_some_and(|raised| raised.is("SyntaxError")),
        "{error}"
    );
    let hint = error.hint().expect("a hint");
    assert!(
        hint.contains("MicroPython 1.9") && hint.contains("f-strings came with 1.17"),
        "{hint}"
    );
    device.close().await.expect("a clean end");
}

/// Assigns a global of its setup without a `global` statement, which the compiler warns about.
#[belay::device]
#[allow(deprecated)]
trait Counting {
    /// ```python
    /// counted = 0
    /// ```
    #[setup]
    async fn begin(&self) -> Result<()>;

    /// ```python
    /// counted += 1
    /// ```
    #[task]
    async fn count(&self) -> Result<()>;
}

#[tokio::test]
async fn a_global_that_a_body_assigns_without_saying_so_comes_with_the_line_to_add() {
    let board = Board::unix().start().await.expect("a board");
    let device = CountingDevice::connect(board.port()).await.expect("it answers");
    let error = device.count().await.expect_err("the name is local");
    assert!(
        error.exception().is_some_and(|raised| raised.is("NameError")),
        "{error}"
    );
    assert!(
        error.hint().is_some_and(|hint| hint.contains("`global name`")),
        "{error:?}"
    );
    device.close().await.expect("a clean end");
}

#[tokio::test]
async fn a_full_memory_comes_with_what_to_do_about_it() {
    let board = Board::unix().heap_kb(400).start().await.expect("a board");
    let device = DemandingDevice::connect(board.port()).await.expect("it answers");
    let error = device.want_too_much().await.expect_err("there is no room");
    assert!(
        error.exception().is_some_and(|raised| raised.is("MemoryError")),
        "{error}"
    );
    assert!(
        error.hint().is_some_and(|hint| hint.contains("Device::reset")),
        "{error:?}"
    );
    device.close().await.expect("a clean end");
}

/// When the "board" is a command that has ended, the error is about the command and does not suggest plugging in a
/// board.
async fn of_the_end_of_a_command_the_command_is_told(address: String) {
    let device = DemandingDevice::connect(&address).await.expect("it answers");
    let errors = [
        device.end().await.expect_err("it ends"),
        device.want_too_much().await.expect_err("it has ended"),
    ];
    for error in errors {
        let text = printed(&error);
        assert!(!text.contains("plug"), "{text}");
    }
    let _ = device.close().await;
}

#[tokio::test]
async fn of_the_end_of_a_command_the_command_is_told_and_not_a_plug() {
    let program = belay_sim::ensure_unix(belay_sim::Report::Quiet).expect("the board's program");
    of_the_end_of_a_command_the_command_is_told(format!("pty:{}", program.display())).await;
    for address in [
        "exec:sh -c 'exit 3'",
        "pty:sh -c 'exit 3'",
        // This command closes its standard input before it ends.
        "exec:sh -c 'exec 0<&-; sleep 0.2; exit 3'",
    ] {
        let error = DemandingDevice::connect(address).await.expect_err("it ends");
        let text = printed(&error);
        assert!(
            text.contains("exit status: 3") && text.contains("run the command by itself"),
            "{text}"
        );
        assert!(!text.contains("plug"), "{text}");
    }
}
