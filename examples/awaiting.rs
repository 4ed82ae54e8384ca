//! Bodies with `await`: several things at once on the board, in one task.

use belay::prelude::*;
use belay_examples::ExampleBoard;

/// A station with sensors that need some time for a reading.
#[belay::device]
pub trait Station {
    /// ```python
    /// import asyncio
    ///
    /// async def reading(name, milliseconds):
    ///     await asyncio.sleep_ms(milliseconds)
    ///     return name, milliseconds
    /// ```
    #[setup]
    async fn sensors(&self) -> Result<()>;

    /// Asks all sensors at the same time, and waits for the slowest.
    ///
    /// ```python
    /// return await asyncio.gather(reading("light", 30), reading("sound", 10))
    /// ```
    #[task]
    async fn readings(&self) -> Result<Vec<(String, u32)>>;

    /// Gives up a reading that takes too long, by the board's own clock.
    ///
    /// ```python
    /// try:
    ///     return await asyncio.wait_for(reading("slow", 60_000), 0.05)
    /// except asyncio.TimeoutError:
    ///     return None
    /// ```
    #[task]
    async fn quick(&self) -> Result<Option<(String, u32)>>;

    /// Runs in the background; it can be stopped while it waits.
    ///
    /// ```python
    /// while True:
    ///     name, value = await reading("light", 10)
    ///     print(name, value)
    /// ```
    #[thread]
    async fn watch(&self) -> Result<ThreadHandle>;
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let board = ExampleBoard::from_command_line().await?;
    let station = StationDevice::connect(board.port()).await?;
    println!("{:?}", station.readings().await?);
    println!("the slow one gives {:?}", station.quick().await?);
    let watching = station.watch().await?;
    watching.stop(std::time::Duration::from_secs(5)).await?;
    println!("the thread is {:?}", watching.state());
    station.close().await?;
    Ok(())
}
