//! What calls cost on a board: ours on both call paths, beside the bare line and the peers, in turns on one port.
//!
//! Everything of ours runs on one thread, the floor too: that makes the floor as low as it can be.

use std::pin::pin;
use std::time::{Duration, Instant};

use belay::prelude::*;
use belay::python::Bytes;
use belay::transport::{Address, Connector, Transport};
use belay::{CallPath, DeviceBuilder};
use belay_runtime::link::{Link, LinkOptions};
use belay_tests::tool::BoardKind;
use futures_util::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use crate::peers;
use crate::report::{Memory, Report};

/// The sizes of what goes over the line, the same as those of the peers.
const SIZE: u32 = 16_384;
const NUMBERS: u32 = 2000;
const ITEMS: u32 = 200;

/// How long the floor may take to measure.
const LIMIT: Duration = Duration::from_secs(60);

/// What the peers' script puts on the board, as our users write it.
#[belay::device]
trait Rows {
    /// ```python
    /// return a + b
    /// ```
    #[task]
    async fn bench_call(&self, a: u32, b: u32) -> Result<u32>;

    /// ```python
    /// print("line", a)
    /// ```
    #[task]
    async fn bench_print(&self, a: u32) -> Result<()>;

    /// ```python
    /// return list(range(n))
    /// ```
    #[task]
    async fn bench_list(&self, n: u32) -> Result<Vec<u32>>;

    /// ```python
    /// return bytes(i & 255 for i in range(n))
    /// ```
    #[task]
    async fn bench_bytes(&self, n: u32) -> Result<Bytes>;

    /// ```python
    /// return len(data)
    /// ```
    #[task]
    async fn bench_len(&self, data: &Bytes) -> Result<u32>;

    /// ```python
    /// for i in range(n):
    ///     yield i
    /// ```
    #[task]
    fn bench_stream(&self, n: u32) -> impl Stream<Item = Result<u32>>;
}

type Outcome<T = ()> = std::result::Result<T, String>;

/// Which board, how often.
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
    // First of all, while nothing else is on the board.
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
        // What a peer has left running may not listen to Ctrl-C.
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

/// What the agent takes of the board's memory.
async fn memory(port: &str) -> Outcome<Option<Memory>> {
    let problem = |error: &dyn std::fmt::Display| error.to_string();
    let address: Address = port.parse().map_err(|error| problem(&error))?;
    let mut options = LinkOptions::default();
    options.call_path = CallPath::Agent;
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

/// Times one byte to the board and back, from a loop that ends by itself.
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
    // The last echo comes together with the prompt, so it is none of those that are timed.
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

/// Times work so many times, after once for what happens only the first time.
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

/// That a call gave what it has to.
fn gave<T: PartialEq>(given: Result<T>, wanted: &T) -> Outcome {
    match given {
        Ok(given) if given == *wanted => Ok(()),
        Ok(_) => Err("it gave a wrong value".into()),
        Err(error) => Err(format!("{error:?}")),
    }
}

/// Measures ours on one of its call paths.
async fn ours(who: &str, builder: impl Fn() -> DeviceBuilder, calls: u32, report: &mut Report) {
    let connects = connects(&builder).await;
    let first = connects.clone().map(|times| times[..1].to_vec());
    report.take(who, "connect", connects);
    report.take(who, "connect_first", first);
    let rows: RowsDevice = match builder().attach().await {
        Ok(rows) => rows,
        Err(error) => return report.note(format!("{who}: {error:?}")),
    };
    let few = (calls / 20).max(3);
    let call = timed(calls, async |n| gave(rows.bench_call(n, 2).await, &(n + 2))).await;
    report.take(who, "call", call);
    let print = timed(calls, async |n| gave(rows.bench_print(n).await, &())).await;
    report.take(who, "print", print);
    let numbers: Vec<u32> = (0..NUMBERS).collect();
    let list = timed(few, async |_| gave(rows.bench_list(NUMBERS).await, &numbers)).await;
    report.take(who, "list", list);
    let bytes: Bytes = (0..SIZE).map(|n| n.to_le_bytes()[0]).collect::<Vec<u8>>().into();
    let down = timed(few, async |_| gave(rows.bench_bytes(SIZE).await, &bytes)).await;
    report.take(who, "bytes_down", down);
    let up = timed(few, async |_| gave(rows.bench_len(&bytes).await, &SIZE)).await;
    report.take(who, "bytes_up", up);
    // Items come in batches: what one costs is its share of all of them.
    let streams = timed(few, async |_| stream(&rows).await).await;
    let items = streams.map(|times| times.into_iter().map(|time| time / ITEMS).collect());
    report.take(who, "stream", items);
    if let Err(error) = rows.close().await {
        report.note(format!("{who} close: {error:?}"));
    }
}

/// Times opening the port until the first result, and closing it.
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

async fn stream(rows: &RowsDevice) -> Outcome {
    let mut items = pin!(rows.bench_stream(ITEMS));
    let mut count = 0;
    while let Some(item) = items.next().await {
        gave(item, &count)?;
        count += 1;
    }
    gave(Ok(count), &ITEMS)
}
