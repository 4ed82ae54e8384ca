//! Blinks an LED from the host: a setup with a parameter, and a task that prints.

use std::time::Duration;

use belay::prelude::*;
use belay_examples::ExampleBoard;

/// A board with an LED.
#[belay::device]
pub trait Led {
    /// Says which pin the LED is on. A setup with parameters is called by the program.
    ///
    /// ```python
    /// from machine import Pin
    /// led = Pin(pin, Pin.OUT)
    /// ```
    #[setup]
    async fn use_pin(&self, pin: u8) -> Result<()>;

    /// Switches it.
    ///
    /// ```python
    /// print("the LED goes", "on" if on else "off")
    /// led.value(on)
    /// ```
    #[task]
    async fn set(&self, on: bool) -> Result<()>;

    /// Leaves it dark, however the program ends.
    ///
    /// ```python
    /// led.off()
    /// ```
    #[teardown(ignore_errors)]
    async fn lights_out(&self) -> Result<()>;
}

#[tokio::main]
async fn main() -> belay_examples::Result {
    let board = ExampleBoard::from_command_line().await?;
    let led = LedDevice::connect(board.port()).await?;
    // What the board prints arrives beside the results.
    let mut output = led.device().output();
    tokio::spawn(async move {
        while let Some(text) = output.next().await {
            print!("board: {text}");
        }
    });

    led.use_pin(25).await?;
    for _ in 0..3 {
        led.set(true).await?;
        tokio::time::sleep(Duration::from_millis(200)).await;
        led.set(false).await?;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    led.close().await?;
    Ok(())
}
