//! The board tells the host something without being asked: the presses of a button.

use std::pin::pin;
use std::time::Duration;

use belay::prelude::*;
use belay::{Error, ErrorKind};
use belay_examples::ExampleBoard;
use futures_util::StreamExt as _;

/// A button. On a real board a pin's interrupt would tell of it: `Pin(14, Pin.IN).irq(lambda pin: pressed(…))`.
#[belay::device]
pub trait Button {
    /// Presses it after so many milliseconds each, for as long.
    ///
    /// ```python
    /// import time
    /// for ms in durations:
    ///     time.sleep_ms(ms)
    ///     pressed(ms)
    /// ```
    #[thread]
    async fn press(&self, durations: Vec<u32>) -> Result<ThreadHandle>;

    /// For how many milliseconds it was pressed.
    #[event]
    fn pressed(&self) -> impl Stream<Item = Result<u32>>;

    /// ```python
    /// return a * b
    /// ```
    #[task]
    async fn multiply(&self, a: u32, b: u32) -> Result<u32>;
}

/// Hears so many presses.
async fn hear(button: ButtonDevice, mut count: u32) -> Result<u32, Error> {
    let mut pressed = pin!(button.pressed());
    // The subscription has begun: whatever is pressed from here on is heard.
    let pressing = button.press((1..=count).map(|n| 10 * n).collect()).await?;
    let mut heard = 0;
    while heard < count {
        match pressed.next().await {
            Some(Ok(ms)) => {
                println!("pressed for {ms} ms");
                heard += 1;
            }
            // It goes on behind a loss.
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
