//! A live plot of a sensor in the terminal: a stream of readings, drawn as they come.

use std::collections::VecDeque;
use std::io::{IsTerminal as _, Write as _};
use std::pin::pin;

use belay::prelude::*;
use belay_examples::ExampleBoard;
use futures_util::TryStreamExt as _;

/// How many readings are drawn, and how many of them stand side by side.
const READINGS: u32 = 120;
const WIDTH: usize = 60;
const HEIGHT: usize = 8;

/// A board with something to measure.
#[belay::device]
pub trait Sensor {
    /// ```python
    /// from machine import ADC
    /// import time
    /// adc = ADC(0)
    /// ```
    #[setup]
    async fn open(&self) -> Result<()>;

    /// The voltage at the first converter, once every `every_ms` milliseconds.
    ///
    /// ```python
    /// for _ in range(n):
    ///     yield adc.read_u16() * 3.3 / 65535
    ///     time.sleep_ms(every_ms)
    /// ```
    #[task]
    fn volts(&self, n: u32, every_ms: u32) -> impl Stream<Item = Result<f32>>;
}

/// The latest readings as columns, scaled so that the largest has the full height.
fn draw(readings: &VecDeque<f32>) -> String {
    const EIGHTHS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let lowest = readings.iter().copied().fold(f32::INFINITY, f32::min);
    let highest = readings.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let range = (highest - lowest).max(f32::EPSILON);
    let full = EIGHTHS.len() - 1;
    let mut lines = vec![String::new(); HEIGHT];
    for reading in readings {
        let share = f64::from((reading - lowest) / range);
        // At least an eighth, so that the lowest reading is visible, too.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a share of a small height"
        )]
        let eighths = (share * (HEIGHT * full - 1) as f64).round() as usize + 1;
        for (row, line) in lines.iter_mut().rev().enumerate() {
            line.push(EIGHTHS[eighths.saturating_sub(row * full).min(full)]);
        }
    }
    let label = |row| match row {
        0 => format!("{highest:6.3} V"),
        _ if row + 1 == HEIGHT => format!("{lowest:6.3} V"),
        _ => " ".repeat(8),
    };
    let labelled = lines
        .iter()
        .enumerate()
        .map(|(row, line)| format!("{} │{line}\n", label(row)));
    labelled.collect()
}

#[tokio::main]
async fn main() -> belay_examples::Result {
    let board = ExampleBoard::from_command_line().await?;
    let sensor = SensorDevice::connect(board.port()).await?;
    let live = std::io::stdout().is_terminal();
    let (mut latest, mut first) = (VecDeque::new(), true);
    {
        let mut readings = pin!(sensor.volts(READINGS, 20));
        while let Some(reading) = readings.try_next().await? {
            if latest.len() == WIDTH {
                latest.pop_front();
            }
            latest.push_back(reading);
            if live {
                // Drawn over the previous plot, except for the first time.
                let up = if first {
                    String::new()
                } else {
                    format!("\x1b[{HEIGHT}A")
                };
                print!("{up}{}", draw(&latest));
                std::io::stdout().flush()?;
                first = false;
            }
        }
    }
    if !live {
        print!("{}", draw(&latest));
    }
    println!("{READINGS} readings, the last {} of them drawn", latest.len());
    sensor.close().await?;
    Ok(())
}
