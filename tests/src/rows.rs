//! The work whose time and cost is measured by `cargo xtask bench`, for Belay; the peers do the same in
//! `tests/peers/peers.py`. The values to send are prepared on the board, so that most of the work is the line's. The
//! floats have few enough digits to be printed the same on a board with single precision as on the one where costs are
//! counted.

pub mod asking;

use std::collections::BTreeMap;
use std::pin::pin;

use belay::prelude::*;
use belay::python::Bytes;
use futures_util::StreamExt as _;

/// The size in bytes of the large values in both directions.
pub const SIZE: u32 = 16_384;
/// How many items a stream has.
pub const ITEMS: u32 = 200;

/// The work as a user of Belay would write it; the peers' script puts the same on the board.
#[belay::device]
pub trait Rows {
    /// ```python
    /// ready_list = list(range(2000))
    /// ready_floats = [n / 64 for n in range(500)]
    /// ready_dicts = {"sensor%d" % n: {"name": "input %d" % n, "values": [n, n + 1, n + 2], "scale": n * 0.5} for n in range(20)}
    /// ready_strings = ["string number %d" % n for n in range(100)]
    /// ready_bytes = bytes(n & 255 for n in range(16384))
    /// ```
    #[setup]
    async fn prepare(&self) -> Result<()>;

    /// ```python
    /// return a + b
    /// ```
    #[task]
    async fn bench_call(&self, a: u32, b: u32) -> Result<u32>;

    /// ```python
    /// return len(text) + number
    /// ```
    #[task]
    async fn bench_mixed(&self, number: f64, text: &str) -> Result<f64>;

    /// ```python
    /// print("line", a)
    /// ```
    #[task]
    async fn bench_print(&self, a: u32) -> Result<()>;

    /// ```python
    /// return ready_list
    /// ```
    #[task]
    async fn bench_list(&self) -> Result<Vec<u32>>;

    /// ```python
    /// return ready_floats
    /// ```
    #[task]
    async fn bench_floats(&self) -> Result<Vec<f64>>;

    /// ```python
    /// return ready_dicts
    /// ```
    #[task]
    async fn bench_dicts(&self) -> Result<BTreeMap<String, Sensor>>;

    /// ```python
    /// return ready_strings
    /// ```
    #[task]
    async fn bench_strings(&self) -> Result<Vec<String>>;

    /// ```python
    /// return ready_bytes
    /// ```
    #[task]
    async fn bench_bytes(&self) -> Result<Bytes>;

    /// ```python
    /// return len(data)
    /// ```
    #[task]
    async fn bench_len(&self, data: &Bytes) -> Result<u32>;

    /// ```python
    /// return len(data)
    /// ```
    #[task]
    async fn bench_len_text(&self, data: &str) -> Result<u32>;

    /// ```python
    /// return len(data)
    /// ```
    #[task]
    async fn bench_len_list(&self, data: &[u32]) -> Result<u32>;

    /// ```python
    /// for i in range(n):
    ///     yield i
    /// ```
    #[task]
    fn bench_stream(&self, n: u32) -> impl Stream<Item = Result<u32>>;
}

/// One of the inner dicts.
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
pub struct Sensor {
    name: String,
    values: Vec<u32>,
    scale: f64,
}

/// A kind of work, by its name in the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// `call`: two integers, and one back.
    Call,
    /// `mixed`: a float and a string.
    Mixed,
    /// `print`: one line printed.
    Print,
    /// `list`: 2,000 integers back.
    List,
    /// `floats`: 500 floats back.
    Floats,
    /// `dicts`: a dict of twenty dicts back.
    Dicts,
    /// `strings`: a hundred strings back.
    Strings,
    /// `arg_text`: two kilobytes of text as an argument.
    ArgText,
    /// `arg_list`: five hundred integers as an argument.
    ArgList,
    /// `bytes_down`: [`SIZE`] bytes back.
    BytesDown,
    /// `bytes_up`: [`SIZE`] bytes as an argument.
    BytesUp,
    /// `stream`: [`ITEMS`] items.
    Stream,
}

impl Work {
    /// All kinds, in the order in which they are measured.
    pub const ALL: [Self; 12] = [
        Self::Call,
        Self::Mixed,
        Self::Print,
        Self::List,
        Self::Floats,
        Self::Dicts,
        Self::Strings,
        Self::ArgText,
        Self::ArgList,
        Self::BytesDown,
        Self::BytesUp,
        Self::Stream,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Mixed => "mixed",
            Self::Print => "print",
            Self::List => "list",
            Self::Floats => "floats",
            Self::Dicts => "dicts",
            Self::Strings => "strings",
            Self::ArgText => "arg_text",
            Self::ArgList => "arg_list",
            Self::BytesDown => "bytes_down",
            Self::BytesUp => "bytes_up",
            Self::Stream => "stream",
        }
    }

    /// Whether one run takes so long that it is repeated less often.
    pub fn is_large(self) -> bool {
        !matches!(self, Self::Call | Self::Mixed | Self::Print)
    }

    /// Does the work once. `n` makes the arguments differ from run to run.
    ///
    /// # Errors
    ///
    /// When it fails, or gives something else than it has to.
    pub async fn run(self, rows: &RowsDevice, n: u32) -> std::result::Result<(), String> {
        match self {
            Self::Call => gave(rows.bench_call(n, 2).await, &(n + 2)),
            Self::Mixed => gave(rows.bench_mixed(1.5, "abc").await, &4.5),
            Self::Print => gave(rows.bench_print(n).await, &()),
            Self::List => gave(rows.bench_list().await, &(0..2000).collect()),
            Self::Floats => gave(rows.bench_floats().await, &floats()),
            Self::Dicts => gave(rows.bench_dicts().await, &dicts()),
            Self::Strings => gave(rows.bench_strings().await, &strings()),
            Self::ArgText => gave(rows.bench_len_text(&"Belay 15".repeat(256)).await, &2048),
            Self::ArgList => gave(
                rows.bench_len_list(&(500..1000).collect::<Vec<u32>>()).await,
                &500,
            ),
            Self::BytesDown => gave(rows.bench_bytes().await, &bytes()),
            Self::BytesUp => gave(rows.bench_len(&bytes()).await, &SIZE),
            Self::Stream => stream(rows).await,
        }
    }
}

/// Checks that a call gave the expected value.
///
/// # Errors
///
/// When it gave something else.
pub fn gave<T: PartialEq>(given: Result<T>, wanted: &T) -> std::result::Result<(), String> {
    match given {
        Ok(given) if given == *wanted => Ok(()),
        Ok(_) => Err("it gave a wrong value".into()),
        Err(error) => Err(format!("{error:?}")),
    }
}

fn bytes() -> Bytes {
    let bytes: Vec<u8> = (0..SIZE).map(|n| n.to_le_bytes()[0]).collect();
    bytes.into()
}

fn floats() -> Vec<f64> {
    (0..500).map(|n| f64::from(n) / 64.0).collect()
}

fn strings() -> Vec<String> {
    (0..100).map(|n| format!("string number {n}")).collect()
}

fn dicts() -> BTreeMap<String, Sensor> {
    let sensor = |n: u32| Sensor {
        name: format!("input {n}"),
        values: vec![n, n + 1, n + 2],
        scale: f64::from(n) * 0.5,
    };
    (0..20).map(|n| (format!("sensor{n}"), sensor(n))).collect()
}

async fn stream(rows: &RowsDevice) -> std::result::Result<(), String> {
    let mut items = pin!(rows.bench_stream(ITEMS));
    let mut count = 0;
    while let Some(item) = items.next().await {
        gave(item, &count)?;
        count += 1;
    }
    gave(Ok(count), &ITEMS)
}
