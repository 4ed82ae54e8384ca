//! The old board: MicroPython 1.9 in 9 KB of memory, without `sys.stdin`, `binascii` or raw-paste mode.

use std::time::Duration;

use belay::ErrorKind;
use belay::prelude::*;
use belay::python::Bytes;
use belay::transport::Address;
use belay_sim::{Board, Direction, Rates};
use belay_tests::soon;
use futures_util::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[belay::device]
pub trait Old {
    /// ```python
    /// shuts = 0
    /// ```
    #[setup]
    async fn open(&self) -> Result<()>;

    /// ```python
    /// while True:
    ///     pass
    /// ```
    #[task(timeout_ms = 300)]
    async fn never_ends(&self) -> Result<()>;

    /// ```python
    /// global shuts
    /// try:
    ///     while True:
    ///         yield shuts
    /// finally:
    ///     shuts += 1
    /// ```
    #[task]
    fn until_closed(&self) -> impl Stream<Item = Result<u32>>;

    /// ```python
    /// return shuts
    /// ```
    #[task]
    async fn shut_count(&self) -> Result<u32>;

    /// ```python
    /// return [data, text]
    /// ```
    #[task]
    async fn same(&self, data: &Bytes, text: &str) -> Result<(Bytes, String)>;

    /// ```python
    /// print("before")
    /// return bytearray(size)
    /// ```
    #[task]
    async fn zeros(&self, size: u32) -> Result<Bytes>;

    /// ```python
    /// print("seen")
    /// raise OSError(5)
    /// ```
    #[task]
    async fn refuse(&self) -> Result<()>;

    /// ```python
    /// global shuts
    /// print("shut")
    /// raise ValueError("at the end")
    /// ```
    #[teardown]
    async fn shut(&self) -> Result<()>;
}

/// A fresh board: there is room for a few small methods at a time.
async fn connected() -> (Board, OldDevice) {
    let board = Board::microbit().start().await.unwrap();
    let old = OldDevice::connect(board.port()).await.unwrap();
    (board, old)
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_interrupted_on_the_old_board_too() {
    let (_board, old) = connected().await;
    for _ in 0..3 {
        let error = old.never_ends().await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Timeout { .. }), "{error}");
        assert_eq!(old.shut_count().await.unwrap(), 0);
    }
    old.close().await.unwrap_err();
}

#[tokio::test]
async fn values_come_back_from_the_old_board_or_it_says_that_they_do_not_fit() {
    let (_board, old) = connected().await;
    let (data, text) = (Bytes((0..20).collect()), "it's \"ok\" \\ \n\t");
    // Whether there is enough memory varies with what else is in the heap, and where.
    match old.same(&data, text).await {
        Ok(same) => assert_eq!(same, (data, text.into())),
        Err(error) => assert!(error.exception().unwrap().is("MemoryError"), "{error}"),
    }
    let error = old.same(&Bytes(vec![7; 3_000]), "").await.unwrap_err();
    assert!(error.exception().unwrap().is("MemoryError"), "{error}");
    old.close().await.unwrap_err();

    let (_board, old) = connected().await;
    let error = old.zeros(100_000).await.unwrap_err();
    assert!(error.exception().unwrap().is("MemoryError"), "{error}");
    assert_eq!(old.zeros(50).await.unwrap().0, [0; 50]);
    old.close().await.unwrap_err();
}

#[tokio::test]
async fn a_stream_that_is_dropped_closes_its_generator_on_the_old_board_too() {
    let (_board, old) = connected().await;
    let mut items = old.until_closed();
    assert_eq!(soon("an item", items.next()).await.unwrap().unwrap(), 0);
    drop(items);
    let closed = async { while old.shut_count().await.unwrap() == 0 {} };
    soon("the end of its `finally`", closed).await;
    old.close().await.unwrap_err();
}

#[tokio::test]
async fn exceptions_and_failing_teardowns_are_told_with_their_lines() {
    let (_board, old) = connected().await;
    let error = old.refuse().await.unwrap_err();
    let exception = error.exception().expect("an exception of the board");
    assert_eq!((exception.errno, exception.output.as_str()), (Some(5), "seen\n"));
    assert!(exception.rust_line().is_some(), "{exception:?}");
    let error = old.device().close().await.unwrap_err();
    let ErrorKind::Teardown(failures) = error.kind() else {
        panic!("{error}")
    };
    assert_eq!(failures.len(), 1);
    assert!(failures[0].to_string().contains("at the end"), "{error}");
}

#[tokio::test]
async fn a_later_program_finds_what_is_deployed_on_the_old_board() {
    let board = Board::microbit().start().await.unwrap();
    let device = Device::connect(board.port()).await.unwrap();
    let old = OldDevice::attach(&device).await.unwrap();
    old.shut_count().await.unwrap();
    // A program that is killed does not reset the board.
    device.execute("x = 3").await.unwrap();
    drop(old);
    soon("the close", device.close()).await.err();
    let device = Device::connect(board.port()).await.unwrap();
    assert_eq!(device.execute_as::<u8>("x").await.unwrap(), 3, "it was not reset");
    let old = OldDevice::attach(&device).await.unwrap();
    old.shut_count().await.unwrap();
    let stats = device.session().deployment_stats();
    assert_eq!((stats.bytes, stats.adopted), (0, 1));
    device.close().await.unwrap_err();
}

#[tokio::test]
async fn a_method_that_does_not_fit_is_refused_and_the_board_goes_on() {
    let board = Board::microbit().start().await.unwrap();
    let device = Device::connect(board.port()).await.unwrap();
    let long = (0..60).map(|i| format!("x{i} = 'some text to keep {i}'\n"));
    let error = device.execute(&long.collect::<String>()).await.unwrap_err();
    assert!(
        error.exception().is_some_and(|raised| raised.is("MemoryError")),
        "{error:?}"
    );
    let error = device.execute("print('é')").await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Unsupported { .. }), "{error}");
    assert_eq!(device.execute_as::<u8>("1 + 1").await.unwrap(), 2);
    device.close().await.unwrap();
}

#[tokio::test]
async fn a_board_without_any_memory_left_can_be_reset() {
    let board = Board::microbit().start().await.unwrap();
    let device = Device::connect(board.port()).await.unwrap();
    let hoard = "l = []\nwhile 1:\n l.append(bytearray(16))";
    let error = device.execute(hoard).await.unwrap_err();
    assert!(error.exception().unwrap().is("MemoryError"), "{error}");
    let error = device.execute_as::<u8>("1 + 1").await.unwrap_err();
    assert!(error.exception().unwrap().is("MemoryError"), "{error}");
    soon("the reset", device.reset()).await.unwrap();
    assert_eq!(device.session().epoch(), 1);
    assert_eq!(device.execute_as::<u8>("1 + 1").await.unwrap(), 2);
    device.close().await.unwrap();
}

/// Executes code in the raw REPL, as another program would.
async fn in_the_raw_repl(port: &str, code: &str) {
    let mut port = port.parse::<Address>().unwrap().open().await.unwrap();
    let mut heard = Vec::new();
    for (say, until) in [("\r\x03\r\x01", "exit\r\n>"), (&format!("{code}\x04"), "\x04>")] {
        port.write_all(say.as_bytes()).await.unwrap();
        let hearing = async {
            while !heard.ends_with(until.as_bytes()) {
                heard.push(port.read_u8().await.unwrap());
            }
        };
        soon("the board's answer", hearing).await;
        heard.clear();
    }
}

#[tokio::test]
async fn without_memory_for_the_agent_connecting_says_how_much_is_missing() {
    let board = Board::microbit().start().await.unwrap();
    in_the_raw_repl(board.port(), "hoard=bytearray(5000)").await;
    let error = Device::connect(board.port()).await.unwrap_err();
    assert!(error.to_string().contains("too little memory"), "{error}");
    assert!(error.to_string().contains("more"), "{error}");
}

#[tokio::test]
async fn a_bad_line_to_the_old_board_makes_no_result_wrong() {
    let board = Board::microbit().start().await.unwrap();
    let old = OldDevice::connect(board.port()).await.unwrap();
    old.shut_count().await.unwrap();
    for direction in [Direction::ToHost, Direction::ToBoard] {
        let rates = Rates {
            flip: 0.001,
            ..Rates::default()
        };
        board.cable().set_rates(direction, rates, 7).unwrap();
    }
    for i in 0..8_u8 {
        let sent = Bytes(vec![i; 5]);
        // The line may be too bad for an answer, or leave too little memory for one, but an answer must not be wrong.
        if let Ok((data, _)) = soon("the answer", old.same(&sent, "")).await {
            assert_eq!(data, sent);
        }
    }
    for direction in [Direction::ToHost, Direction::ToBoard] {
        board.cable().set_rates(direction, Rates::default(), 7).unwrap();
    }
    tokio::time::timeout(Duration::from_secs(20), old.close())
        .await
        .ok();
}
