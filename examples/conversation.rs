//! A stream to the board, and a conversation with a body: a stream in and a stream out at once.

use std::pin::pin;

use belay::prelude::*;
use belay_examples::ExampleBoard;
use futures_util::TryStreamExt;
use futures_util::stream;
use tokio::sync::mpsc;

/// A board that receives data while it works.
#[belay::device]
pub trait Player {
    /// Moves a servo through these pulse widths, in microseconds, and returns how many there were.
    ///
    /// ```python
    /// from machine import PWM, Pin
    /// servo = PWM(Pin(16), freq=50)
    /// moves = 0
    /// for width in widths:
    ///     servo.duty_ns(width * 1000)
    ///     moves += 1
    /// return moves
    /// ```
    #[task]
    async fn play(&self, widths: impl IntoIterator<Item = u32>) -> Result<u32>;

    /// Thinks of a number, and answers each guess: the number is lower (-1), higher (1) or equal (0).
    ///
    /// ```python
    /// for guess in guesses:
    ///     yield (secret > guess) - (secret < guess)
    ///     if guess == secret:
    ///         return
    /// ```
    #[task]
    fn think_of(&self, secret: u32, guesses: impl Stream<Item = u32>) -> impl Stream<Item = Result<i8>>;
}

#[tokio::main]
async fn main() -> belay_examples::Result {
    let board = ExampleBoard::from_command_line().await?;
    let player = PlayerDevice::connect(board.port()).await?;

    // An iterator here is an iterator in the body. Its items are sent in batches, whenever the body wants more.
    let moves = player.play((1_000..2_000).step_by(10)).await?;
    println!("the servo has moved {moves} times");

    guess(&player, 612).await?;
    player.close().await?;
    Ok(())
}

/// Finds the number: each guess follows from the body's answer to the one before.
async fn guess(player: &PlayerDevice, secret: u32) -> Result<()> {
    let (say, mut said) = mpsc::channel(1);
    let guesses = stream::poll_fn(move |cx| said.poll_recv(cx));
    let mut answers = pin!(player.think_of(secret, guesses));
    let (mut low, mut high) = (0, 1_000);
    loop {
        let guess = u32::midpoint(low, high);
        // Sending fails only when the body has ended, and then its last answer says so.
        let _ = say.send(guess).await;
        match answers.try_next().await? {
            Some(-1) => high = guess,
            Some(1) => low = guess + 1,
            _ => {
                println!("it is {guess}");
                return Ok(());
            }
        }
    }
}
