//! A driver in a Python module that the trait brings along: `board/segments.py` is checked when this program is
//! compiled, and is put into the board's memory before the setup runs.

use belay::prelude::*;
use belay_examples::ExampleBoard;

/// A display of one digit, on eight pins.
#[belay::device(modules = "board")]
pub trait Digit {
    /// Opens it.
    ///
    /// ```python
    /// from segments import Display
    /// display = Display(range(2, 10))
    /// ```
    #[setup]
    async fn open(&self) -> Result<()>;

    /// Shows a digit and says which segments are lit.
    ///
    /// ```python
    /// display.show(digit, point)
    /// return display.lit()
    /// ```
    #[task]
    async fn show(&self, digit: u8, point: bool) -> Result<String>;

    /// ```python
    /// display.clear()
    /// ```
    #[teardown]
    async fn dark(&self) -> Result<()>;
}

#[tokio::main]
async fn main() -> belay_examples::Result {
    let board = ExampleBoard::from_command_line().await?;
    let digit = DigitDevice::connect(board.port()).await?;
    println!("1 is {}", digit.show(1, false).await?);
    println!("7 with a point is {}", digit.show(7, true).await?);
    // The traceback of an error in the driver names its file and line on this computer.
    if let Err(error) = digit.show(12, false).await {
        println!("{error}");
    }
    digit.close().await?;
    Ok(())
}
