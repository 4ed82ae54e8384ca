//! The time that calls take on a board: Belay on both call paths, a bare echo (the floor) and the peers, one after the
//! other on one port.
//!
//! Everything of Belay's runs on one thread, the floor as well: that makes the floor as low as it can be.

use std::time::{Duration, Instant};

use belay::prelude::*;
use belay::transport::{Address, Connector, Transport};
use belay::{CallPath, DeviceBuilder};
use belay_runtime::link::{Link, LinkOptions};
use belay_tests::rows::asking::{Adds, Asked, AskingDevice};
use belay_tests::rows::{ITEMS, RowsDevice, Work, gave};
use belay_tests::tool::BoardKind;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use crate::peers;
use crate::report::{Memory, Report};

/// How long measuring the floor may take.
const LIMIT: Duration = Duration::from_secs(60);

type Outcome<T = ()> = std::result::Result<T, String>;

/// On which board to measure, and how often.
pub(crate) struct Options {
    pub(crate) board: BoardKind,
    pub(crate) port: Option<String>,
    pub(crate) rounds: u32,
    pub(crate) calls: u32,
    pub(crate) json: bool,
}

/// Measures everything and prints it.
pub(crate) async fn measure(options: Options) -> Outcome {
    let simulated = options.port.is_none().then(|| options.board.builder());
    let mut board = simulated
        .map(|board| board.start_blocking().map_err(|error| error.to_string()))
        .transpose()?;
    let port = options.port.clone();
    let port = port
        .or_else(|| board.as_ref().map(|board| board.port().to_owned()))
        .unwrap_or_default();
    let python = peers::python();
    let mut report = Report::new(options.json);
    if python.is_none() {
        report.note("without the peers: `cargo xtask bench` sets BELAY_PEERS_PYTHON".into());
    }
    // The memory is measured first, while nothing else is on the board.
    match memory(&port).await {
        Ok(Some(memory)) => report.remember(memory),
        Ok(None) => report.note("the board does not say how much memory is free".into()),
        Err(problem) => report.note(format!("agent memory: {problem}")),
    }
    for _ in 0..options.rounds {
        let floor = timeout(LIMIT, echo(&port, options.calls)).await;
        let floor = floor.unwrap_or_else(|_| Err(format!("it took longer than {LIMIT:?}")));
        report.take("wire", "echo", floor);
        for (who, path) in [("agent", CallPath::Agent), ("raw-repl", CallPath::RawRepl)] {
            let builder = || Device::builder(&port).call_path(path);
            ours(who, builder, options.calls, &mut report).await;
        }
        let Some(python) = &python else { continue };
        let well = peers::measure(python, &port, options.calls, &mut report).await;
        // A program that a peer has left running may ignore Ctrl-C.
        if let (false, Some(board)) = (well, &mut board) {
            board.restart().map_err(|error| error.to_string())?;
        }
    }
    report.print(if options.port.is_some() {
        "port"
    } else {
        options.board.name()
    });
    Ok(())
}

/// How much of the board's memory the agent takes.
async fn memory(port: &str) -> Outcome<Option<Memory>> {
    let problem = |error: &dyn std::fmt::Display| error.to_string();
    let address: Address = port.parse().map_err(|error| problem(&error))?;
    let options = LinkOptions::default().with_call_path(CallPath::Agent);
    let link = Link::connect(&Connector::from(address), options).await;
    let link = link.map_err(|error| problem(&error))?;
    let memory = link.hello().free_memory;
    link.close().await.map_err(|error| problem(&error))?;
    Ok(memory.map(|(free_before, free_after)| Memory {
        who: "agent".into(),
        what: "memory",
        free_before,
        free_after,
    }))
}

/// Times one byte to the board and back, echoed by a loop that ends by itself.
async fn echo(port: &str, calls: u32) -> Outcome<Vec<Duration>> {
    let problem = |error: &dyn std::fmt::Display| error.to_string();
    let address: Address = port.parse().map_err(|error| problem(&error))?;
    let mut line = address.open().await.map_err(|error| problem(&error))?;
    exchange(&mut *line, b"\r\x03\x03\r\x01", b"CTRL-B to exit\r\n>").await?;
    let code = format!(
        "import sys\nr=sys.stdin.read\nw=sys.stdout.write\nfor _ in range({}):\n w(r(1))\n\x04",
        calls + 2
    );
    exchange(&mut *line, code.as_bytes(), b"OK").await?;
    let line = &mut line;
    let times = timed(calls, async |_| exchange(&mut **line, b"x", b"x").await).await?;
    // The last echo comes together with the prompt, so it is not timed.
    exchange(&mut **line, b"x", b"\x04\x04>").await?;
    exchange(&mut **line, b"\x02", b">>> ").await?;
    Ok(times)
}

/// Writes something and reads until an answer has come.
async fn exchange(line: &mut dyn Transport, write: &[u8], until: &[u8]) -> Outcome {
    line.write_all(write).await.map_err(|error| error.to_string())?;
    let mut received = Vec::new();
    while !received.ends_with(until) {
        let mut bytes = [0; 64];
        let count = line.read(&mut bytes).await.map_err(|error| error.to_string())?;
        received.extend_from_slice(&bytes[..count]);
    }
    Ok(())
}

/// Times `count` runs of some work, after one untimed run for what happens only the first time.
async fn timed<F: AsyncFnMut(u32) -> Outcome>(count: u32, mut work: F) -> Outcome<Vec<Duration>> {
    work(0).await?;
    let mut times = Vec::new();
    for n in 0..count {
        let began = Instant::now();
        work(n).await?;
        times.push(began.elapsed());
    }
    Ok(times)
}

/// Measures Belay on one of its call paths.
async fn ours(who: &str, builder: impl Fn() -> DeviceBuilder, calls: u32, report: &mut Report) {
    let connects = connects(&builder).await;
    let first = connects.clone().map(|times| times[..1].to_vec());
    report.take(who, "connect", connects);
    report.take(who, "connect_first", first);
    let rows: RowsDevice = match builder().attach().await {
        Ok(rows) => rows,
        Err(error) => return report.note(format!("{who}: {error:?}")),
    };
    for work in Work::ALL {
        let count = if work.is_large() {
            (calls / 20).max(3)
        } else {
            calls
        };
        let mut times = timed(count, async |n| work.run(&rows, n).await).await;
        // Items come in batches: the time of one is its share of the whole stream.
        if let (Work::Stream, Ok(times)) = (work, &mut times) {
            for time in times {
                *time /= ITEMS;
            }
        }
        report.take(who, work.name(), times);
    }
    if who == "agent"
        && let Err(problem) = asked(who, &rows, calls, report).await
    {
        report.note(format!("{who}: {problem}"));
    }
    if let Err(error) = rows.close().await {
        report.note(format!("{who} close: {error:?}"));
    }
}

/// Times the questions that bodies ask the host.
async fn asked(who: &str, rows: &RowsDevice, calls: u32, report: &mut Report) -> Outcome {
    let asking = AskingDevice::attach(rows.device(), Adds).await;
    let asking = asking.map_err(|error| format!("{error:?}"))?;
    for asked in Asked::ALL {
        let mut times = timed((calls / 20).max(3), async |_| asked.run(&asking).await).await;
        for time in times.iter_mut().flatten() {
            *time /= asked.at_once();
        }
        report.take(who, asked.name(), times);
    }
    Ok(())
}

/// Times a connection from opening the port to the first result and closing.
async fn connects(builder: impl Fn() -> DeviceBuilder) -> Outcome<Vec<Duration>> {
    let mut times = Vec::new();
    for _ in 0..3 {
        let began = Instant::now();
        let device = builder().connect().await;
        let device = device.map_err(|error| format!("{error:?}"))?;
        let two = device.execute_as("1+1").await;
        let closed = device.close().await;
        times.push(began.elapsed());
        gave(two, &2)?;
        gave(closed, &())?;
    }
    Ok(times)
}
