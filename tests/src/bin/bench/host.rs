//! The host's own time for a call: everything but the line and the board, which answers at once here.

use std::time::{Duration, Instant};

use belay::DeviceBuilder;
use belay::prelude::*;
use belay::transport::{Connector, TransportError};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

use crate::scripted::Scripted;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

#[belay::device]
trait Bench {
    /// ```python
    /// pin = number
    /// ```
    #[setup]
    async fn configure(&self, number: u32) -> Result<()>;

    /// ```python
    /// return a + b
    /// ```
    #[task]
    async fn add(&self, a: u32, b: u32) -> Result<u32>;

    /// ```python
    /// return a + b
    /// ```
    #[task(cache = false)]
    async fn add_uncached(&self, a: u32, b: u32) -> Result<u32>;

    /// ```python
    /// while True:
    ///     pass
    /// ```
    #[thread]
    async fn spin(&self) -> Result<ThreadHandle>;
}

/// One row of the table.
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) unit: &'static str,
    pub(crate) samples: Vec<f64>,
}

impl Row {
    pub(crate) fn seconds(what: impl Into<String>, samples: &[Duration]) -> Self {
        Self {
            what: what.into(),
            unit: "s",
            samples: samples.iter().map(Duration::as_secs_f64).collect(),
        }
    }

    fn bytes(what: &str, bytes: f64) -> Self {
        Self {
            what: what.into(),
            unit: "bytes",
            samples: vec![bytes],
        }
    }

    /// The median, the minimum, and the 99th percentile.
    pub(crate) fn summary(&self) -> (f64, f64, f64) {
        let mut sorted = self.samples.clone();
        sorted.sort_by(f64::total_cmp);
        let at = |part: usize| sorted.get((sorted.len() * part / 100).min(sorted.len().saturating_sub(1)));
        let read = |part| at(part).copied().unwrap_or(f64::NAN);
        (read(50), read(0), read(99))
    }
}

fn builder() -> DeviceBuilder {
    DeviceBuilder::over(Connector::new("scripted", || async {
        Ok::<_, TransportError>(Scripted::new())
    }))
}

/// Times `count` runs of some work, after a tenth as many to warm up.
async fn timed<F: AsyncFnMut(u32) -> Result<()>>(count: u32, mut work: F) -> Result<Vec<Duration>> {
    let mut samples = Vec::with_capacity(usize::try_from(count).unwrap_or(0));
    for n in 0..count / 10 + count {
        let began = Instant::now();
        work(n).await?;
        if n >= count / 10 {
            samples.push(began.elapsed());
        }
    }
    Ok(samples)
}

/// Measures everything.
pub(crate) fn measure(calls: u32) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    let many = runtime(&mut Builder::new_multi_thread());
    let one = runtime(&mut Builder::new_current_thread());
    rows.extend(one.block_on(memory())?);
    rows.extend(many.block_on(single(calls))?);
    // On a current-thread runtime no other thread has to be woken for each answer.
    for row in one.block_on(single(calls))? {
        let what = format!("{}_one_thread", row.what);
        rows.push(Row { what, ..row });
    }
    for callers in [1, 4, 16] {
        rows.push(many.block_on(crowd(callers, calls))?);
    }
    Ok(rows)
}

fn runtime(builder: &mut Builder) -> Runtime {
    builder.enable_all().build().expect("a runtime")
}

async fn single(calls: u32) -> Result<Vec<Row>> {
    let connect = timed(calls / 50, async |_| {
        let device = builder().connect().await?;
        device.close().await
    })
    .await?;
    let bench: BenchDevice = builder().attach().await?;
    let device = bench.device().clone();
    let call = timed(calls, async |n| bench.add(n, 2).await.map(drop)).await?;
    // The function is sent, called and removed: a first call, and one more exchange for the removal.
    let first = timed(calls / 5, async |n| bench.add_uncached(n, 2).await.map(drop)).await?;
    let setup = timed(calls / 5, async |n| bench.configure(n).await).await?;
    let mut stops = Vec::new();
    let starts = timed(calls / 20, async |_| {
        let handle = bench.spin().await?;
        let began = Instant::now();
        handle.stop(Duration::from_secs(5)).await?;
        stops.push(began.elapsed());
        Ok(())
    })
    .await?;
    device.close().await?;
    Ok(vec![
        Row::seconds("call", &call),
        Row::seconds("first_call", &first),
        Row::seconds("setup", &setup),
        Row::seconds("thread_start_stop", &starts),
        Row::seconds("thread_stop", &stops),
        Row::seconds("connect", &connect),
    ])
}

/// Many tasks that call at the same time: the time from one answer to the next.
async fn crowd(callers: u32, calls: u32) -> Result<Row> {
    let bench: BenchDevice = builder().attach().await?;
    let mut rounds = Vec::new();
    for _ in 0..10 {
        let began = Instant::now();
        let mut tasks = JoinSet::new();
        for _ in 0..callers {
            let bench = bench.clone();
            tasks.spawn(async move {
                for n in 0..calls / 10 / callers {
                    bench.add(n, 2).await?;
                }
                Ok::<_, Error>(())
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.expect("a caller does not panic")?;
        }
        rounds.push(began.elapsed() / (calls / 10 / callers * callers));
    }
    bench.close().await?;
    Ok(Row::seconds(format!("call_callers_{callers}"), &rounds))
}

/// How much is allocated for a device, and for a deployed method.
async fn memory() -> Result<Vec<Row>> {
    const DEVICES: u32 = 32;
    // What is allocated once for all devices is not to be counted.
    builder().connect().await?.close().await?;
    let region = Region::new(ALLOCATOR);
    let mut devices = Vec::new();
    for _ in 0..DEVICES {
        devices.push(builder().attach::<BenchDevice>().await?);
    }
    let held = |region: &Region<'_, _>| {
        let stats = region.change();
        stats.bytes_allocated.saturating_sub(stats.bytes_deallocated)
    };
    let connected = held(&region);
    let region = Region::new(ALLOCATOR);
    for bench in &devices {
        bench.add(1, 2).await?;
    }
    let deployed = held(&region);
    for bench in devices {
        bench.close().await?;
    }
    #[expect(clippy::cast_precision_loss, reason = "these are small")]
    let each = |bytes: usize| bytes as f64 / f64::from(DEVICES);
    Ok(vec![
        Row::bytes("memory_device", each(connected)),
        Row::bytes("memory_method", each(deployed)),
    ])
}

/// Prints the rows as a table, or as one JSON object per line.
pub(crate) fn print(rows: &[Row], json: bool) {
    if !json {
        println!(
            "{:36} {:>12} {:>12} {:>12} {:>8}",
            "host", "median", "min", "p99", "n"
        );
    }
    for row in rows {
        let (median, min, p99) = row.summary();
        let n = row.samples.len();
        if json {
            let what = &row.what;
            println!(
                r#"{{"who":"host","what":"{what}","unit":"{}","median":{median},"min":{min},"p99":{p99},"n":{n}}}"#,
                row.unit
            );
        } else if row.unit == "s" {
            let micros = |seconds: f64| format!("{:.2} µs", seconds * 1e6);
            let (median, min, p99) = (micros(median), micros(min), micros(p99));
            println!("{:36} {median:>12} {min:>12} {p99:>12} {n:>8}", row.what);
        } else {
            println!("{:36} {:>12}", row.what, format!("{median:.0} B"));
        }
    }
}
