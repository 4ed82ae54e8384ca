//! When a board had a value, in this machine's time, and how far the board's clock drifts.

use std::time::{Duration, SystemTime};

use belay::Stamped;
use belay::prelude::*;
use belay_examples::ExampleBoard;
use futures_util::TryStreamExt as _;

/// A sensor whose readings are useless without their time.
#[belay::device]
pub trait Sensor {
    /// ```python
    /// from machine import ADC
    /// adc = ADC(0)
    /// ```
    #[setup]
    async fn open(&self) -> Result<()>;

    /// Reads it.
    ///
    /// ```python
    /// return adc.read_u16()
    /// ```
    #[task]
    async fn read(&self) -> Result<Stamped<u16>>;

    /// The board's counter of microseconds, which wraps around.
    ///
    /// ```python
    /// import time
    /// return time.ticks_us()
    /// ```
    #[task]
    async fn counter(&self) -> Result<u64>;

    /// Comes near enough, as an interrupt of its pin would tell.
    ///
    /// ```python
    /// came_near(adc.read_u16())
    /// ```
    #[task]
    async fn approach(&self) -> Result<()>;

    /// What was read when something came near, and when that was.
    #[event]
    fn came_near(&self) -> impl Stream<Item = Result<Stamped<u16>>>;
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let board = ExampleBoard::from_command_line().await?;
    let sensor = SensorDevice::connect(board.port()).await?;
    let clock = sensor.device().clock();
    for _ in 0..3 {
        let known = clock.measure().await?;
        println!(
            "the board's clock is {:+.0} ± {:.0} ppm fast, from {} exchanges",
            known.drift_ppm, known.drift_uncertainty_ppm, known.exchanges
        );
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    for _ in 0..3 {
        let reading = sensor.read().await?;
        let ago = SystemTime::now().duration_since(reading.time).unwrap_or_default();
        println!(
            "{} was read {ago:?} ago, give or take {:?}",
            reading.value, reading.uncertainty
        );
    }
    let mut near = sensor.came_near();
    sensor.approach().await?;
    if let Some(reading) = near.try_next().await? {
        // It may wait for as long as it likes: its moment is that at which the board told it.
        println!("{} was told at {:?}", reading.value, reading.time);
    }
    drop(near);
    let ticks = sensor.counter().await?;
    if let Some(moment) = clock.moment(ticks) {
        println!("the counter was {ticks} at {:?}", moment.time);
    }
    sensor.close().await?;
    Ok(())
}
