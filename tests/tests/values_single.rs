//! A board with 32-bit floats, as most microcontrollers have: each float survives the round trip.

#![expect(
    clippy::cast_possible_truncation,
    reason = "a double becomes the single that is nearest"
)]

use std::collections::BTreeMap;

use belay::prelude::*;
use belay::python::{Array, Bytes, Value};
use belay_sim::Board;
use futures_util::TryStreamExt as _;
use serde::{Deserialize, Serialize};

/// The step between two samples of all bit patterns: no power of two, so that all bits change.
const STEP: usize = 40_503 * 26;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Reading {
    name: String,
    level: f32,
    limits: (f32, Option<f64>),
    history: Vec<Vec<f32>>,
}

#[belay::device]
trait Singles {
    /// ```python
    /// import struct
    /// return struct.pack("<%df" % len(values), *values)
    /// ```
    #[task]
    async fn held(&self, values: &[f32]) -> Result<Bytes>;

    /// ```python
    /// import struct
    /// return struct.pack("<%df" % len(values), *values)
    /// ```
    #[task]
    async fn held_of_doubles(&self, values: &[f64]) -> Result<Bytes>;

    /// ```python
    /// import struct
    /// return struct.unpack("<%df" % (len(data) // 4), data)
    /// ```
    #[task]
    async fn made(&self, data: &Bytes) -> Result<Vec<f32>>;

    /// ```python
    /// return value
    /// ```
    #[task]
    async fn one(&self, value: f32) -> Result<f32>;

    /// ```python
    /// return value
    /// ```
    #[task]
    async fn one_double(&self, value: f64) -> Result<f64>;

    /// ```python
    /// return value
    /// ```
    #[task]
    async fn reading(&self, value: &Reading) -> Result<Reading>;

    /// ```python
    /// import array
    /// return {"all": array.array("f", values), "set": {values[0]}, "none": None}
    /// ```
    #[task]
    async fn mixed(&self, values: &Array<f32>) -> Result<BTreeMap<String, Option<Vec<f32>>>>;

    /// ```python
    /// for value in values:
    ///     yield value
    /// ```
    #[task]
    fn each(&self, values: &Array<f32>) -> impl Stream<Item = Result<f32>>;

    /// ```python
    /// class Odd:
    ///     def __repr__(self):
    ///         return "1.5"
    /// return [2.5, Odd()]
    /// ```
    #[task]
    async fn odd(&self) -> Result<Vec<f32>>;

    /// ```python
    /// return [0, 1.5, True] if mixed else [0, 1.5]
    /// ```
    #[task]
    async fn of_more_types(&self, mixed: bool) -> Result<Vec<f32>>;

    /// ```python
    /// from collections import OrderedDict, namedtuple
    /// import struct
    /// pi = struct.unpack("<f", b"\xdb\x0fI@")[0]
    /// ordered = OrderedDict([(pi, -pi), ("text", pi)])
    /// return [ordered, {(1, pi): {-pi: [pi]}}, {"text": {"text": pi}}, namedtuple("Place", "x y")(pi, 2)]
    /// ```
    #[task]
    async fn keyed(&self) -> Result<Value>;
}

async fn singles() -> (Board, SinglesDevice) {
    let board = Board::unix_single().start().await.expect("the board starts");
    let device = Device::connect(board.port()).await.expect("it answers");
    let singles = device.attach().await.expect("the trait attaches");
    (board, singles)
}

/// Samples of all bit patterns, with a single NaN for the many that there are.
fn samples() -> Vec<f32> {
    let bits = (0..=u32::MAX)
        .step_by(STEP)
        .chain([0, 1 << 31, 0x4049_0fdb, 1, 0x007f_ffff, 0x7f7f_ffff]);
    let float = |bits| match f32::from_bits(bits) {
        float if float.is_nan() => f32::NAN,
        float => float,
    };
    bits.map(float).collect()
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

fn bytes(values: impl IntoIterator<Item = f32>) -> Bytes {
    Bytes(values.into_iter().flat_map(f32::to_le_bytes).collect())
}

#[tokio::test]
async fn each_single_arrives_and_comes_back_with_all_its_bits() {
    let (_board, device) = singles().await;
    for samples in samples().chunks(500) {
        assert_eq!(
            device.held(samples).await.expect("it returns"),
            bytes(samples.iter().copied())
        );
        let made = device
            .made(&bytes(samples.iter().copied()))
            .await
            .expect("it returns");
        assert_eq!(bits(&made), bits(samples));
    }
    for value in samples().into_iter().step_by(20) {
        assert_eq!(
            device.one(value).await.expect("it returns").to_bits(),
            value.to_bits()
        );
    }
    device.close().await.expect("it closes");
}

#[tokio::test]
async fn a_double_arrives_as_the_single_that_is_nearest() {
    let (_board, device) = singles().await;
    let mut random = fastrand::Rng::with_seed(15);
    let mut values: Vec<f64> = (0..1000)
        .map(|_| f64::from_bits(random.u64(..)))
        .filter(|value| !value.is_nan())
        .collect();
    values.extend((0..2000).map(|_| (random.f64() - 0.5) * 10_f64.powi(random.i32(-46..40))));
    // Doubles with few digits, and doubles at and beside the middle between two singles.
    values.extend((0..500).map(|_| f64::from(random.i32(-100_000..100_000)) / 1000.0));
    for _ in 0..500 {
        let single = f64::from(f32::from_bits(random.u32(..0x7f00_0000)));
        let middle = f64::midpoint(single, (single as f32).next_up().into());
        values.extend([middle, middle.next_up(), middle.next_down(), -middle]);
    }
    for values in values.chunks(400) {
        let held = device.held_of_doubles(values).await.expect("it returns");
        for (value, held) in values.iter().zip(held.chunks(4)) {
            assert_eq!(held, (*value as f32).to_le_bytes(), "{value:e}");
        }
    }
    for value in values.into_iter().step_by(40) {
        let came = device.one_double(value).await.expect("it returns");
        assert_eq!(came.to_bits(), f64::from(value as f32).to_bits(), "{value:e}");
    }
    device.close().await.expect("it closes");
}

#[tokio::test]
async fn floats_are_exact_wherever_they_are_in_a_result() {
    let (_board, device) = singles().await;
    let pi = f32::from_bits(0x4049_0fdb);
    let reading = Reading {
        name: "1.5, 'nan'".into(),
        level: pi,
        limits: (-pi, Some(f64::from(pi))),
        history: vec![vec![pi, 0.1], vec![], vec![f32::INFINITY]],
    };
    assert_eq!(device.reading(&reading).await.expect("it returns"), reading);
    let values: Vec<f32> = samples()
        .into_iter()
        .filter(|value| !value.is_nan())
        .step_by(30)
        .collect();
    let mixed = device.mixed(&Array(values.clone())).await.expect("it returns");
    assert_eq!(mixed["all"].as_deref().map(bits), Some(bits(&values)));
    assert_eq!(mixed["set"], Some(vec![values[0]]));
    assert_eq!(mixed["none"], None);
    let items: Result<Vec<f32>> = device.each(&Array(values.clone())).try_collect().await;
    assert_eq!(bits(&items.expect("they come")), bits(&values));
    let evaluated: (f32, Value) = device
        .device()
        .execute_as("(__import__('struct').unpack('<f', b'\\xdb\\x0fI@')[0], 2.5)")
        .await
        .expect("it evaluates");
    assert_eq!(evaluated, (pi, Value::Float(2.5)));
    device.close().await.expect("it closes");
}

#[tokio::test]
async fn floats_are_exact_as_keys_and_in_what_is_a_kind_of_dict_or_tuple() {
    let (_board, device) = singles().await;
    let pi = f64::from(f32::from_bits(0x4049_0fdb));
    let text = || Value::from("text");
    let float = Value::Float;
    let expected = Value::List(vec![
        Value::Dict(vec![(float(pi), float(-pi)), (text(), float(pi))]),
        Value::Dict(vec![(
            Value::Tuple(vec![Value::Int(1), float(pi)]),
            Value::Dict(vec![(float(-pi), Value::List(vec![float(pi)]))]),
        )]),
        Value::Dict(vec![(text(), Value::Dict(vec![(text(), float(pi))]))]),
        Value::NamedTuple(
            "Place".into(),
            vec![("x".into(), float(pi)), ("y".into(), Value::Int(2))],
        ),
    ]);
    assert_eq!(device.keyed().await.expect("it returns"), expected);
    device.close().await.expect("it closes");
}

#[tokio::test]
async fn what_is_no_row_of_floats_is_read_as_it_is_printed() {
    let (_board, device) = singles().await;
    assert_eq!(device.odd().await.expect("it returns"), [2.5, 1.5]);
    assert_eq!(device.of_more_types(false).await.expect("it returns"), [0.0, 1.5]);
    let error = device.of_more_types(true).await.expect_err("a bool is no number");
    assert!(format!("{error:?}").contains("[2]"), "{error:?}");
    device.close().await.expect("it closes");
}
