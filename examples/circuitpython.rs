//! Blinks an LED and reads the temperature with CircuitPython's own modules.

use std::time::Duration;

use belay::prelude::*;
use belay_examples::ExampleBoard;

/// A board with CircuitPython.
#[belay::device]
pub trait Board {
    /// Opens the LED's pin, whose number the board's own module knows.
    ///
    /// ```python
    /// import board, digitalio, microcontroller
    /// led = digitalio.DigitalInOut(board.LED)
    /// led.direction = digitalio.Direction.OUTPUT
    /// ```
    #[setup]
    async fn open(&self) -> Result<()>;

    /// Switches it.
    ///
    /// ```python
    /// led.value = on
    /// return led.value
    /// ```
    #[task]
    async fn set(&self, on: bool) -> Result<bool>;

    /// The chip's temperature, in °C.
    ///
    /// ```python
    /// return microcontroller.cpu.temperature
    /// ```
    #[task]
    async fn celsius(&self) -> Result<f32>;

    /// Gives the pin back, so that the next program can have it.
    ///
    /// ```python
    /// led.deinit()
    /// ```
    #[teardown(ignore_errors)]
    async fn shut(&self) -> Result<()>;
}

#[tokio::main]
async fn main() -> belay_examples::Result {
    let board = ExampleBoard::from_command_line_or(belay_sim::Board::circuitpython_like()).await?;
    let device = BoardDevice::connect(board.port()).await?;
    println!("connected to {}", device.device().capabilities());
    for on in [true, false] {
        println!("the LED is on: {}", device.set(on).await?);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    println!("{:.1} °C", device.celsius().await?);
    device.close().await?;
    Ok(())
}
