//! Three boards at once: each device is independent, and calls to different boards run in parallel.

use belay::prelude::*;
use belay_examples::ExampleBoard;
use futures_util::future::try_join_all;

/// A board that can count.
#[belay::device]
pub trait Counter {
    /// Adds up all numbers below `n`, on the board.
    ///
    /// ```python
    /// return sum(range(n))
    /// ```
    #[task]
    async fn add_up(&self, n: u32) -> Result<u64>;
}

#[tokio::main]
async fn main() -> belay_examples::Result {
    let mut boards = vec![ExampleBoard::from_command_line().await?];
    for _ in 0..2 {
        boards.push(ExampleBoard::simulated().await?);
    }
    let counters = try_join_all(boards.iter().map(|board| CounterDevice::connect(board.port()))).await?;
    let sums = try_join_all(
        counters
            .iter()
            .zip([1_000, 10_000, 100_000])
            .map(|(counter, n)| counter.add_up(n)),
    )
    .await?;
    println!("{sums:?}");
    for counter in counters {
        counter.close().await?;
    }
    Ok(())
}
