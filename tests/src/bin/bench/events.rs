//! Events as fast as they come: checks that each is received once and in order.

use std::pin::pin;
use std::time::{Duration, Instant};

use belay::ErrorKind;
use belay::prelude::*;
use belay_sim::Board;
use futures_util::StreamExt as _;

/// How long one event may take to arrive.
const LIMIT: Duration = Duration::from_secs(20);

#[belay::device]
trait Ticker {
    /// Beside whatever the main thread does: the board has no timers.
    ///
    /// ```python
    /// import time
    /// begun = time.ticks_us()
    /// for n in range(count):
    ///     while time.ticks_diff(time.ticks_us(), begun) < n * period_us:
    ///         pass
    ///     ticked(n)
    /// ```
    #[thread(stop = "manual")]
    async fn tick(&self, count: u32, period_us: u32) -> Result<ThreadHandle>;

    #[event]
    fn ticked(&self) -> impl Stream<Item = Result<u32>>;

    /// ```python
    /// return a + b
    /// ```
    #[task]
    async fn add(&self, a: u32, b: u32) -> Result<u32>;
}

/// Receives an event every `period_us` microseconds for so many seconds, and calls a task meanwhile.
pub(crate) async fn measure(seconds: u32, period_us: u32) -> Result<(), String> {
    let board = Board::unix().start().await.map_err(|error| error.to_string())?;
    let ticker = TickerDevice::connect(board.port()).await;
    let ticker = ticker.map_err(|error| format!("{error:?}"))?;
    let measured = hear(&ticker, seconds, period_us).await;
    let closed = ticker.device().close().await;
    measured.and(closed).map_err(|error| format!("{error:?}"))
}

async fn hear(ticker: &TickerDevice, seconds: u32, period_us: u32) -> Result<()> {
    let count = seconds.saturating_mul(1_000_000 / period_us.max(1)).max(1);
    let mut events = pin!(ticker.ticked());
    let begun = Instant::now();
    let _ticking = ticker.tick(count, period_us).await?;
    let (mut heard, mut lost, mut wrong, mut calls) = (0, 0, 0, 0_u32);
    let mut next = 0;
    let mut call = Box::pin(ticker.add(1, 2));
    while next < count {
        let event = tokio::select! {
            biased;
            event = tokio::time::timeout(LIMIT, events.next()) => event,
            sum = &mut call => {
                wrong += u64::from(sum? != 3);
                calls += 1;
                call = Box::pin(ticker.add(1, 2));
                continue;
            }
        };
        match event {
            Ok(Some(Ok(n))) => {
                wrong += u64::from(n != next);
                heard += 1;
                next = n + 1;
            }
            Ok(Some(Err(error))) => match error.kind() {
                ErrorKind::EventsLost { lost: Some(some), .. } => {
                    lost += some;
                    next += u32::try_from(*some).unwrap_or(count);
                }
                _ => return Err(error),
            },
            Ok(None) | Err(_) => break,
        }
    }
    let took = begun.elapsed();
    call.await?;
    println!(
        "events: {count} told, one every {period_us} µs; in {:.1} s {heard} heard, {lost} lost, {wrong} wrong; {calls} calls beside them",
        took.as_secs_f64()
    );
    Ok(())
}
