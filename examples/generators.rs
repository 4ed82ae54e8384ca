//! A Python generator is a Rust stream: items arrive as the board yields them.

use std::pin::pin;

use belay::prelude::*;
use belay_examples::ExampleBoard;
use futures_util::{Stream, StreamExt, TryStreamExt};

/// A board that produces values.
#[belay::device]
pub trait Source {
    /// Counts for ever.
    ///
    /// ```python
    /// n = 0
    /// try:
    ///     while True:
    ///         yield n
    ///         n += 1
    /// finally:
    ///     print("the generator was closed after", n)
    /// ```
    #[task]
    fn count(&self) -> impl Stream<Item = Result<u32>>;

    /// Readings of the chip's temperature sensor, one each `every_ms` milliseconds.
    ///
    /// ```python
    /// from machine import ADC
    /// import time
    /// adc = ADC(4)
    /// for _ in range(n):
    ///     yield adc.read_u16()
    ///     time.sleep_ms(every_ms)
    /// ```
    #[task]
    fn readings(&self, n: u32, every_ms: u32) -> impl Stream<Item = Result<u16>>;
}

#[tokio::main]
async fn main() -> belay_examples::Result {
    let board = ExampleBoard::from_command_line().await?;
    let source = SourceDevice::connect(board.port()).await?;

    // A stream that is dropped closes its generator on the board.
    let first: Vec<u32> = source.count().take(5).try_collect().await?;
    println!("{first:?}");

    show(source.readings(5, 50)).await?;
    source.close().await?;
    Ok(())
}

async fn show(readings: impl Stream<Item = Result<u16>>) -> Result<()> {
    let mut readings = pin!(readings);
    while let Some(reading) = readings.try_next().await? {
        println!("reading {reading}");
    }
    Ok(())
}
