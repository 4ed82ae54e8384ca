//! A data logger: a thread on the board writes readings into a file, and the host reads the file back and keeps it.

use std::time::Duration;

use belay::prelude::*;
use belay_examples::ExampleBoard;

/// A board that logs a sensor.
#[belay::device]
pub trait Logger {
    /// ```python
    /// from machine import ADC
    /// adc = ADC(4)
    /// ```
    #[setup]
    async fn open(&self) -> Result<()>;

    /// Writes a line for each reading. Each line is flushed, so that it survives a loss of power.
    ///
    /// ```python
    /// import time
    /// began = time.ticks_ms()
    /// with open(path, "w") as log:
    ///     log.write("ms,reading\n")
    ///     for _ in range(readings):
    ///         log.write("%d,%d\n" % (time.ticks_diff(time.ticks_ms(), began), adc.read_u16()))
    ///         log.flush()
    ///         time.sleep_ms(5)
    /// ```
    #[thread]
    async fn log(&self, path: &str, readings: u32) -> Result<ThreadHandle>;
}

#[tokio::main]
async fn main() -> belay_examples::Result {
    let board = ExampleBoard::from_command_line().await?;
    let logger = LoggerDevice::connect(board.port()).await?;
    let files = logger.device().files();
    files.create_dir_all("/log").await?;
    let logging = logger.log("/log/today.csv", 40).await?;
    // The board logs by itself; meanwhile the host can do anything.
    tokio::time::sleep(Duration::from_millis(50)).await;
    logging.join().await?;

    let csv = String::from_utf8(files.read("/log/today.csv").await?)?;
    println!(
        "{} lines, the first of them `{}`",
        csv.lines().count(),
        csv.lines().next().unwrap_or_default()
    );
    let readings: Vec<u32> = csv
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(',')?.1.parse().ok())
        .collect();
    println!(
        "{} readings, the largest {:?}",
        readings.len(),
        readings.iter().max()
    );

    files.rename("/log/today.csv", "/log/read.csv").await?;
    for entry in files.list("/log").await? {
        println!("on the board: {}, {} bytes", entry.path, entry.size);
    }
    if let Some(space) = files.space("/log").await? {
        println!("{} KB free", space.free / 1024);
    }
    files.remove_all("/log").await?;
    logger.close().await?;
    Ok(())
}
