//! `belay latency`

use std::time::{Duration, Instant};

use serde_json::json;

use super::Json;
use crate::bench::Bench;
use crate::board::Tool as _;
use crate::failure::Failure;
use crate::json;
use crate::screen::{line, size};

/// How many bytes a call of the throughput test transfers in one direction.
const LOAD: usize = 4096;
/// The length of the longest bar, in characters.
const BAR: usize = 40;

/// Measures how fast this board answers over this cable
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  belay latency\n  belay latency --count 1000 --json\n\n\
    An echo is the shortest call there is; a call has two numbers and their sum; the throughput is that of calls with 4 KB of \
    bytes."
)]
pub(crate) struct Arguments {
    /// How many calls of each kind
    #[arg(short, long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    count: u32,
    #[command(flatten)]
    json: Json,
}

/// The durations of calls of one kind, sorted.
struct Times(Vec<Duration>);

impl Times {
    fn new(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    /// The time that this percentage of the calls did not exceed.
    fn percentile(&self, percent: usize) -> Duration {
        let last = self.0.len().saturating_sub(1);
        self.0.get(last * percent / 100).copied().unwrap_or_default()
    }

    /// A histogram of the times: eight equal steps from the shortest to the 99th percentile, and one for the
    /// rest.
    fn histogram(&self) -> Vec<(Duration, usize)> {
        let (low, high) = (self.percentile(0), self.percentile(99));
        let step = (high.saturating_sub(low) / 8).max(Duration::from_nanos(1));
        let mut bins: Vec<(Duration, usize)> = (1..=8).map(|i| (low + step * i, 0)).collect();
        bins.push((self.percentile(100), 0));
        for time in &self.0 {
            if let Some((_, many)) = bins.iter_mut().find(|(to, _)| time <= to) {
                *many += 1;
            }
        }
        bins
    }
}

pub(crate) async fn run(arguments: &Arguments, bench: &mut Bench) -> Result<(), Failure> {
    let Arguments { count, json } = *arguments;
    let tool = bench.board().await?.tool().await?;
    let load = belay::python::Bytes::from(vec![0xa5; LOAD]);
    // The first call of a method deploys it, so it is not measured.
    tool.echo().await?;
    tool.sum(1, 2).await?;
    tool.swallow(load.clone()).await?;
    tool.spill(1).await?;
    let (mut echo, mut call, mut up, mut down) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for i in 0..count {
        let begun = Instant::now();
        tool.echo().await?;
        echo.push(begun.elapsed());
        let begun = Instant::now();
        tool.sum(i, 1).await?;
        call.push(begun.elapsed());
    }
    for _ in 0..count.clamp(1, 50) {
        let begun = Instant::now();
        tool.swallow(load.clone()).await?;
        up.push(begun.elapsed());
        let begun = Instant::now();
        tool.spill(LOAD).await?;
        down.push(begun.elapsed());
    }
    for (name, times) in [("echo", echo), ("call", call)] {
        tell(name, &Times::new(times), json)?;
    }
    for (name, times) in [("to the board", up), ("to the host", down)] {
        throughput(name, &Times::new(times), json)?;
    }
    Ok(())
}

fn tell(name: &str, times: &Times, json: Json) -> Result<(), Failure> {
    let milliseconds = |percent| times.percentile(percent).as_secs_f64() * 1e3;
    if json.json {
        return json::line(&json!({
            "kind": name, "count": times.0.len(), "min_ms": milliseconds(0), "median_ms": milliseconds(50),
            "p90_ms": milliseconds(90), "p99_ms": milliseconds(99), "max_ms": milliseconds(100),
        }));
    }
    let (median, most, longest) = (milliseconds(50), milliseconds(99), milliseconds(100));
    line!("{name}: median {median:.3} ms, 99 of 100 within {most:.3} ms, longest {longest:.3} ms")?;
    let bins = times.histogram();
    let highest = bins.iter().map(|(_, many)| *many).max().unwrap_or(1).max(1);
    for (to, many) in bins {
        let bar = "█".repeat((many * BAR).div_ceil(highest));
        let milliseconds = to.as_secs_f64() * 1e3;
        line!(
            "{}",
            format!("  to {milliseconds:8.3} ms {many:6}  {bar}").trim_end()
        )?;
    }
    Ok(())
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is far from what a u64 holds"
)]
fn throughput(name: &str, times: &Times, json: Json) -> Result<(), Failure> {
    let seconds = times.percentile(50).as_secs_f64().max(1e-9);
    let rate = (f64::from(u32::try_from(LOAD).unwrap_or(u32::MAX)) / seconds) as u64;
    if json.json {
        return json::line(&json!({ "kind": name, "count": times.0.len(), "bytes_per_second": rate }));
    }
    Ok(line!("{name}: {}/s", size(rate))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_time_is_in_one_place_of_the_histogram() {
        let times = Times::new(
            (0..1000_u64)
                .map(|i| Duration::from_micros(100 + i * i % 977))
                .collect(),
        );
        let bins = times.histogram();
        assert_eq!(bins.iter().map(|(_, many)| many).sum::<usize>(), 1000);
        assert!(times.percentile(0) <= times.percentile(50));
        let one = Times::new(vec![Duration::from_millis(1)]);
        assert_eq!(one.histogram().iter().map(|(_, many)| many).sum::<usize>(), 1);
    }
}
