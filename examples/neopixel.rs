//! A strip of coloured LEDs: structs go to the board and come back as serde values.

use belay::prelude::*;
use belay_examples::ExampleBoard;
use serde::{Deserialize, Serialize};

/// What one pixel shows, 0 to 255 for each colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Colour {
    /// Red.
    pub r: u8,
    /// Green.
    pub g: u8,
    /// Blue.
    pub b: u8,
}

/// A strip of LEDs, each with a colour of its own.
#[belay::device]
pub trait Strip {
    /// Opens the strip. On a board without the `neopixel` module it is replaced by a list that only stores the colours.
    ///
    /// ```python
    /// try:
    ///     from machine import Pin
    ///     from neopixel import NeoPixel
    ///     strip = NeoPixel(Pin(pin), length)
    /// except ImportError:
    ///     class Strip(list):
    ///         def write(self):
    ///             pass
    ///     strip = Strip([(0, 0, 0)] * length)
    /// ```
    #[setup]
    async fn open(&self, pin: u8, length: u16) -> Result<()>;

    /// Shows these colours from the first pixel on.
    ///
    /// ```python
    /// for i, colour in enumerate(colours):
    ///     strip[i] = (colour["r"], colour["g"], colour["b"])
    /// strip.write()
    /// ```
    #[task]
    async fn show(&self, colours: &[Colour]) -> Result<()>;

    /// What the strip shows.
    ///
    /// ```python
    /// return [dict(r=r, g=g, b=b) for r, g, b in strip]
    /// ```
    #[task]
    async fn shown(&self) -> Result<Vec<Colour>>;
}

#[tokio::main]
async fn main() -> belay_examples::Result {
    let board = ExampleBoard::from_command_line().await?;
    let strip = StripDevice::connect(board.port()).await?;
    strip.open(16, 4).await?;
    let rainbow = [(255, 0, 0), (255, 160, 0), (0, 255, 0), (0, 0, 255)].map(|(r, g, b)| Colour { r, g, b });
    strip.show(&rainbow).await?;
    println!("the strip shows {:?}", strip.shown().await?);
    strip.close().await?;
    Ok(())
}
