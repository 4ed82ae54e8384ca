//! A thread blinks on the board while the host reads the temperature in the foreground.

use std::time::Duration;

use belay::prelude::*;
use belay_examples::ExampleBoard;

/// A board that blinks by itself.
#[belay::device]
pub trait Blinker {
    /// ```python
    /// from machine import ADC, Pin
    /// import time
    /// adc = ADC(4)
    /// led = Pin(25, Pin.OUT)
    /// changes = 0
    /// ```
    #[setup]
    async fn open(&self) -> Result<()>;

    /// Blinks until it is stopped, which can happen at every turn of the loop.
    ///
    /// ```python
    /// global changes
    /// try:
    ///     while True:
    ///         led.toggle()
    ///         changes += 1
    ///         time.sleep_ms(period_ms)
    /// finally:
    ///     led.off()
    /// ```
    #[thread]
    async fn blink(&self, period_ms: u32) -> Result<ThreadHandle>;

    /// How often the LED has changed.
    ///
    /// ```python
    /// return changes
    /// ```
    #[task]
    async fn toggles(&self) -> Result<u32>;

    /// The temperature of the chip, in °C.
    ///
    /// ```python
    /// return 27 - (adc.read_u16() * 3.3 / 65535 - 0.706) / 0.001721
    /// ```
    #[task]
    async fn celsius(&self) -> Result<f64>;
}

#[tokio::main]
async fn main() -> belay_examples::Result {
    let board = ExampleBoard::from_command_line().await?;
    let blinker = BlinkerDevice::connect(board.port()).await?;
    let blinking = blinker.blink(20).await?;
    for _ in 0..5 {
        println!(
            "{:.2} °C, {} toggles",
            blinker.celsius().await?,
            blinker.toggles().await?
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for thread in blinker.device().threads().active().await? {
        println!("still running: {thread:?}");
    }
    blinking.stop(Duration::from_secs(1)).await?;
    println!("stopped after {} toggles", blinker.toggles().await?);
    blinker.close().await?;
    Ok(())
}
