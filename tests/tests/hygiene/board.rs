//! Properties of the generated code that only a board can show.

use std::time::Duration;

use belay::prelude::*;
use belay_sim::Board;

#[derive(Debug)]
struct AppError(Error);

impl From<Error> for AppError {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

#[belay::device]
trait Whole {
    /// Adds up the numbers below `amount`.
    #[task(file = "tests/hygiene/work.py")]
    async fn work(&self, amount: u8) -> Result<u16>;

    /// ```python
    /// return level
    /// ```
    #[task]
    async fn level(&self, #[default = 7] level: Option<u8>) -> Result<u8>;

    /// ```python
    /// # The first line of the body is no longer the second of the function.
    ///
    /// def inner():
    ///     raise ValueError("the number is %d" % number)
    ///
    /// inner()
    /// ```
    #[task]
    async fn fail(&self, number: u8) -> Result<(), AppError>;

    /// ```python
    /// return "for all others"
    /// ```
    ///
    /// ```python,micropython
    /// return "for MicroPython"
    /// ```
    #[task]
    async fn which(&self) -> Result<String>;

    /// ```python
    /// import time
    /// while True:
    ///     __stop()
    ///     for _ in range(3):
    ///         time.sleep_ms(1)
    /// ```
    #[thread(stop = "manual")]
    async fn by_hand(&self) -> Result<ThreadHandle>;
}

#[tokio::test]
async fn what_was_generated_does_on_a_board_what_the_signatures_say() {
    let board = Board::unix().start().await.expect("a board");
    let whole = WholeDevice::connect(board.port()).await.expect("a connection");

    assert_eq!(whole.work(10).await.expect("a sum"), 45);
    assert_eq!(whole.level(None).await.expect("the default"), 7);
    assert_eq!(whole.level(Some(1)).await.expect("the value"), 1);
    assert_eq!(whole.which().await.expect("a text"), "for MicroPython");

    let AppError(error) = whole.fail(3).await.expect_err("an exception");
    let line = error.exception().and_then(belay::DeviceException::rust_line);
    let line = line.expect("a line of this file");
    let raise = include_str!("board.rs").lines().zip(1..);
    let raise = raise
        .into_iter()
        .find(|(text, _)| text.contains("raise ValueError"));
    assert_eq!(line.line, raise.expect("the line").1);
    assert!(line.file.ends_with("board.rs"), "{}", line.file);

    let thread = whole.by_hand().await.expect("a thread");
    thread.stop(Duration::from_secs(5)).await.expect("a stop");
    whole.close().await.expect("a close");
}
