//! The board sends the host something unasked: the presses of a button.

use std::pin::pin;
use std::time::Duration;

use belay::prelude::*;
use belay::{Error, ErrorKind};
use belay_examples::ExampleBoard;
use futures_util::StreamExt as _;

/// A button. On a real board a pin's interrupt handler would call the event: `Pin(14, Pin.IN).irq(lambda pin:
/// pressed(…))`.
#[belay::device]
pub trait Button {
    /// Simulates presses: waits for each of these times, in milliseconds, and calls the event with it.
    ///
    /// ```python
    /// import time
    /// for ms in durations:
    ///     time.sleep_ms(ms)
    ///     pressed(ms)
    /// ```
    #[thread]
    async fn press(&self, durations: Vec<u32>) -> Result<ThreadHandle>;

    /// The button was pressed for this many milliseconds.
    #[event]
    fn pressed(&self) -> impl Stream<Item = Result<u32>>;

    /// ```python
    /// return a * b
    /// ```
    #[task]
    async fn multiply(&self, a: u32, b: u32) -> Result<u32>;
}

/// Receives this many presses.
async fn hear(button: ButtonDevice, mut count: u32) -> Result<u32, Error> {
    let mut pressed = pin!(button.pressed());
    // The subscription has begun: every press from now on is received.
    let pressing = button.press((1..=count).map(|n| 10 * n).collect()).await?;
    let mut heard = 0;
    while heard < count {
        match pressed.next().await {
            Some(Ok(ms)) => {
                println!("pressed for {ms} ms");
                heard += 1;
            }
            // After a loss the stream continues.
            Some(Err(error)) => match error.kind() {
                ErrorKind::EventsLost { lost: Some(lost), .. } => {
                    println!("{error}");
                    count = count.saturating_sub(u32::try_from(*lost).unwrap_or(u32::MAX));
                }
                _ => return Err(error),
            },
            None => break,
        }
    }
    pressing.join().await?;
    Ok(heard)
}

#[tokio::main]
async fn main() -> belay_examples::Result {
    let board = ExampleBoard::from_command_line().await?;
    let button = ButtonDevice::connect(board.port()).await?;
    let hearing = tokio::spawn(hear(button.clone(), 3));
    tokio::time::sleep(Duration::from_millis(20)).await;
    println!("the board says 6 * 7 = {}", button.multiply(6, 7).await?);
    println!("heard {} presses", hearing.await??);
    button.close().await?;
    Ok(())
}
