//! Values to Python and back, beside `serde_json` on the same data.
//!
//! After criterion's own report comes one line for each comparison, with the ratio of the medians.

use std::hint::black_box;
use std::time::{Duration, Instant};

use belay_runtime::python::{Bytes, from_repr, to_literal};
use criterion::Criterion;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Reading {
    id: u32,
    name: String,
    celsius: f64,
    humidity: f32,
    millivolts: i32,
    valid: bool,
    unit: Option<String>,
    channel: u8,
    sequence: u64,
    note: String,
}

fn reading() -> Reading {
    Reading {
        id: 4711,
        name: "greenhouse-3 south".into(),
        celsius: 27.345,
        humidity: 61.5,
        millivolts: -1350,
        valid: true,
        unit: None,
        channel: 7,
        sequence: 123_456_789_012,
        note: "calibrated in spring".into(),
    }
}

/// As `repr` writes it on a board.
const READING: &[u8] = b"{'id': 4711, 'name': 'greenhouse-3 south', 'celsius': 27.345, 'humidity': 61.5, \
    'millivolts': -1350, 'valid': True, 'unit': None, 'channel': 7, 'sequence': 123456789012, \
    'note': 'calibrated in spring'}";

/// A comparison: what it is called, how much slower than `serde_json` it may be, and both sides.
struct Pair<'a> {
    name: &'static str,
    at_most: f64,
    ours: Box<dyn Fn() + 'a>,
    theirs: Box<dyn Fn() + 'a>,
}

fn main() {
    let reading = reading();
    let reading_json = serde_json::to_vec(&reading).expect("it is JSON");
    let ints: Vec<i32> = (0..2000).map(|i| i * 7919 % 65_536 - 32_768).collect();
    let ints_repr = format!("{ints:?}").into_bytes();
    let ints_json = serde_json::to_vec(&ints).expect("it is JSON");
    let bytes = Bytes(
        (0..16_384_u32)
            .map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
            .collect(),
    );
    let bytes_literal = to_literal(&bytes).expect("it is a literal").into_bytes();
    let bytes_repr = format!("b'{}'", bytes.escape_ascii()).into_bytes();
    let bytes_json = serde_json::to_vec(&bytes).expect("it is JSON");

    let pairs = [
        Pair {
            name: "struct of ten fields, to the board",
            at_most: 1.5,
            ours: Box::new(|| drop(black_box(to_literal(&reading)))),
            theirs: Box::new(|| drop(black_box(serde_json::to_string(&reading)))),
        },
        Pair {
            name: "struct of ten fields, from the board",
            at_most: 1.5,
            ours: Box::new(|| drop(black_box(from_repr::<Reading>(READING)))),
            theirs: Box::new(|| drop(black_box(serde_json::from_slice::<Reading>(&reading_json)))),
        },
        Pair {
            name: "2,000 integers, to the board",
            at_most: 1.5,
            ours: Box::new(|| drop(black_box(to_literal(&ints)))),
            theirs: Box::new(|| drop(black_box(serde_json::to_string(&ints)))),
        },
        Pair {
            name: "2,000 integers, from the board",
            at_most: 1.5,
            ours: Box::new(|| drop(black_box(from_repr::<Vec<i32>>(&ints_repr)))),
            theirs: Box::new(|| drop(black_box(serde_json::from_slice::<Vec<i32>>(&ints_json)))),
        },
        Pair {
            name: "16 KB of bytes, to the board",
            at_most: 1.0,
            ours: Box::new(|| drop(black_box(to_literal(&bytes)))),
            theirs: Box::new(|| drop(black_box(serde_json::to_string(&bytes)))),
        },
        Pair {
            name: "16 KB of bytes, from the board",
            at_most: 1.0,
            ours: Box::new(|| drop(black_box(from_repr::<Bytes>(&bytes_literal)))),
            theirs: Box::new(|| drop(black_box(serde_json::from_slice::<Bytes>(&bytes_json)))),
        },
        Pair {
            name: "16 KB of bytes with escapes, from the board",
            at_most: 1.0,
            ours: Box::new(|| drop(black_box(from_repr::<Bytes>(&bytes_repr)))),
            theirs: Box::new(|| drop(black_box(serde_json::from_slice::<Bytes>(&bytes_json)))),
        },
    ];

    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(30)
        .configure_from_args();
    for pair in &pairs {
        let mut group = criterion.benchmark_group(pair.name);
        group.bench_function("belay", |bencher| bencher.iter(|| (pair.ours)()));
        group.bench_function("serde_json", |bencher| bencher.iter(|| (pair.theirs)()));
        group.finish();
    }
    criterion.final_summary();

    println!(
        "\n{:45} {:>10} {:>10} {:>6}  target",
        "", "belay", "serde_json", "ratio"
    );
    for pair in &pairs {
        let (ours, theirs) = medians(pair);
        let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
        let verdict = if ratio <= pair.at_most { "met" } else { "MISSED" };
        println!(
            "{:45} {ours:>10.2?} {theirs:>10.2?} {ratio:>6.2}  at most {:.1}: {verdict}",
            pair.name, pair.at_most
        );
    }
}

/// The median time of each side. The two take turns, so that a busy machine slows both.
fn medians(pair: &Pair<'_>) -> (Duration, Duration) {
    const ROUNDS: usize = 101;
    const CALLS: u32 = 20;
    let time = |work: &dyn Fn()| {
        let start = Instant::now();
        (0..CALLS).for_each(|_| work());
        start.elapsed() / CALLS
    };
    let mut rounds: Vec<_> = (0..ROUNDS)
        .map(|_| (time(&pair.ours), time(&pair.theirs)))
        .collect();
    rounds.sort_by_key(|(ours, _)| *ours);
    let ours = rounds[ROUNDS / 2].0;
    rounds.sort_by_key(|(_, theirs)| *theirs);
    (ours, rounds[ROUNDS / 2].1)
}
