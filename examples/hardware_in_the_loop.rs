//! Tests of a firmware module, `firmware/debounce.py`, on a board: in Rust, by `#[tokio::test]`.
//!
//! `cargo test -p belay-examples --test hardware_in_the_loop` runs them, each on a simulated board of its own. With
//! `BELAY_PORT=/dev/ttyACM0` and `-- --test-threads 1` behind it they run on yours.

use belay::prelude::*;
use belay_examples::ExampleBoard;

/// The module under test, with a pin whose level the test sets.
#[belay::device(modules = "firmware")]
pub trait Debouncing {
    /// ```python
    /// from debounce import Button
    /// class Held:
    ///     level = 0
    ///     def value(self):
    ///         return self.level
    /// held = Held()
    /// button = Button(held)
    /// ```
    #[setup]
    async fn open(&self) -> Result<()>;

    /// Sets the pin to each of these levels for one sample, and returns which of them counted as a press.
    ///
    /// ```python
    /// presses = []
    /// for level in levels:
    ///     held.level = level
    ///     presses.append(button.sample())
    /// return presses
    /// ```
    #[task]
    async fn presses(&self, levels: &[u8]) -> Result<Vec<bool>>;

    /// Samples a button on a pin of the board, which this task drives itself.
    ///
    /// ```python
    /// from machine import Pin
    /// pin = Pin(number, Pin.OUT)
    /// real = Button(pin, samples=1)
    /// pin.on()
    /// return real.sample()
    /// ```
    #[task]
    async fn press_pin(&self, number: u8) -> Result<bool>;

    /// ```python
    /// Button(held, samples)
    /// ```
    #[task]
    async fn with_samples(&self, samples: u8) -> Result<()>;
}

/// The board that `BELAY_PORT` names, or a simulated one.
async fn board() -> ExampleBoard {
    match std::env::var("BELAY_PORT") {
        Ok(port) => ExampleBoard::Own(port),
        Err(_) => ExampleBoard::simulated().await.expect("a simulated board"),
    }
}

#[tokio::test]
async fn a_bounce_is_no_press() -> Result<()> {
    let board = board().await;
    let button = DebouncingDevice::connect(board.port()).await?;
    assert_eq!(button.presses(&[1, 0, 1, 1, 0]).await?, [false; 5]);
    button.close().await
}

#[tokio::test]
async fn a_press_is_told_once_and_again_after_a_release() -> Result<()> {
    let board = board().await;
    let button = DebouncingDevice::connect(board.port()).await?;
    let presses = button.presses(&[1, 1, 1, 1, 1]).await?;
    assert_eq!(presses, [false, false, true, false, false]);
    let presses = button.presses(&[0, 0, 0, 1, 1, 1]).await?;
    assert_eq!(presses, [false, false, false, false, false, true]);
    button.close().await
}

#[tokio::test]
async fn a_pin_of_the_board_is_a_button() -> Result<()> {
    let board = board().await;
    let button = DebouncingDevice::connect(board.port()).await?;
    assert!(button.press_pin(2).await?);
    button.close().await
}

#[tokio::test]
async fn no_samples_are_refused_in_the_line_that_says_so() -> Result<()> {
    let board = board().await;
    let button = DebouncingDevice::connect(board.port()).await?;
    let error = button.with_samples(0).await.expect_err("no samples");
    let exception = error.exception().expect("an exception of the module");
    assert_eq!(exception.type_name, "ValueError");
    let line = exception.rust_line().expect("a line of the module");
    assert!(line.file.ends_with("firmware/debounce.py"), "{line}");
    button.close().await
}
