//! Results of types that no argument has, from a real board, and the errors for results that are no values.

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use belay::prelude::*;
use belay::{Device, Result};
use belay_runtime::python::{Array, Bytes, Micros, Millis, Seconds, Timestamp, Value};
use belay_tests::connected;
use futures_util::TryStreamExt as _;
use serde::Deserialize;

const MS: Duration = Duration::from_millis(1);

/// Functions that make values without a literal form.
const MAKERS: &str = "
import sys, time, array
from collections import OrderedDict, namedtuple
Point = namedtuple('Point', ('x', 'y'))
class Sensor:
    pass
def numbers():
    yield 1
";

async fn prepared() -> (belay_sim::Board, Device) {
    let (board, device) = connected().await;
    device.execute(MAKERS).await.expect("it runs");
    (board, device)
}

#[tokio::test]
async fn every_type_that_a_board_has_is_read_as_what_it_is() {
    let (_board, device) = prepared().await;
    for (expression, read) in [
        (
            "Point(1, [Point('a', None)])",
            "Point(x=1, y=[Point(x='a', y=None)])",
        ),
        ("OrderedDict([('b', 1), ('a', 2)])", "{'b': 1, 'a': 2}"),
        ("{(2, 3): {1: 'a'}}", "{(2, 3): {1: 'a'}}"),
        ("{5}", "{5}"),
        ("set()", "set()"),
        ("frozenset([6])", "frozenset({6})"),
        ("frozenset()", "frozenset()"),
        ("(1,)", "(1,)"),
        ("()", "()"),
        ("array.array('l', [-1])", "array('q', [-1])"),
        ("array.array('f', [0.5])", "array('f', [0.5])"),
        ("array.array('B')", "array('B')"),
        ("bytearray(b'a\\x00\\xff')", "bytearray(b'a\\x00\\xff')"),
        ("{'a': 1}.keys()", "['a']"),
        ("{'a': 1}.items()", "[('a', 1)]"),
        ("{'a': 1}.values()", "[1]"),
        ("7 ** 60", "508021860739623365322188197652216501772434524836001"),
        ("-(2 ** 127)", "-170141183460469231731687303715884105728"),
        (
            "[1e300 * 1e10, -1e300 * 1e10, 5e-324, -0.0]",
            "[inf, -inf, 5e-324, -0.0]",
        ),
        (
            "(1e22, 1e23, 123456789.123456789)",
            "(1e+22, 1e+23, 123456789.12345679)",
        ),
        ("3 + 4j", "[3.0, 4.0]"),
        (
            "'\\x00\\x7f\\x80\\xff\\u20ac\\U0001f600'",
            "'\\x00\\x7f\\x80\\xff\\u20ac\\U0001f600'",
        ),
        ("True", "True"),
    ] {
        let value: Value = device
            .execute_as(expression)
            .await
            .unwrap_or_else(|error| panic!("{expression}: {error}"));
        assert_eq!(value.to_string(), read, "{expression}");
    }
    device.close().await.expect("it closes");
}

#[derive(Debug, Deserialize, PartialEq)]
struct Point {
    x: i32,
    y: f64,
}

#[tokio::test]
async fn a_struct_is_read_from_what_a_board_has_of_that_shape() {
    let (_board, device) = prepared().await;
    let expected = Point { x: 1, y: 2.5 };
    for expression in [
        "Point(1, 2.5)",
        "(1, 2.5)",
        "{'y': 2.5, 'x': 1, 'z': [{}, {1}]}",
        "OrderedDict([('x', 1), ('y', 2.5)])",
    ] {
        let point: Point = device.execute_as(expression).await.expect(expression);
        assert_eq!(point, expected, "{expression}");
    }
    let pair: (i32, f64) = device.execute_as("Point(1, 2.5)").await.expect("it is one, too");
    assert_eq!(pair, (1, 2.5));
    let samples: Array<u16> = device
        .execute_as("array.array('H', [0, 65535])")
        .await
        .expect("it is an array");
    assert_eq!(*samples, [0, 65535]);
    let data: Bytes = device.execute_as("b'x' * 3000").await.expect("bytes");
    assert_eq!(data.len(), 3000);
    device.close().await.expect("it closes");
}

#[tokio::test]
async fn what_is_no_value_is_named_with_its_place_and_what_to_return_instead() {
    let (_board, device) = prepared().await;
    for (expression, place, named, advice) in [
        (
            "{'led': [1, Sensor()]}",
            "`led[1]`",
            "<Sensor object",
            "return what you need",
        ),
        ("(Sensor,)", "`[0]`", "<class 'Sensor'>", "return what you need"),
        (
            "[1, numbers()]",
            "`[1]`",
            "<generator object 'numbers'",
            "impl Stream",
        ),
        ("[len]", "`[0]`", "<function>", "call the function"),
        ("[range(3)]", "`[0]`", "range(0, 3)", "list(…)"),
        ("[memoryview(b'abc')]", "`[0]`", "<memoryview>", "bytes(…)"),
        ("{'m': sys}", "`m`", "<module 'sys'", "return what you need"),
    ] {
        let read: Result<Value> = device.execute_as(expression).await;
        let error = read.expect_err(expression);
        let text = error.to_string();
        assert!(
            text.contains(place) && text.contains(named),
            "{expression}: {text}"
        );
        assert!(
            error.hint().is_some_and(|hint| hint.contains(advice)),
            "{expression}: {:?}",
            error.hint()
        );
    }
    device.close().await.expect("it closes");
}

#[tokio::test]
async fn a_wrong_type_deep_inside_is_found_by_its_path() {
    let (_board, device) = prepared().await;
    let read: Result<BTreeMap<String, Vec<Point>>> = device
        .execute_as("{'a': [], 'readings': [Point(1, 2.0), {'x': 1, 'y': 'warm'}]}")
        .await;
    let error = read.expect_err("it is no number").to_string();
    assert!(error.contains("`readings[1].y`"), "{error}");
    assert!(error.contains("'warm' (str)") && error.contains("f64"), "{error}");
    let read: Result<Vec<u8>> = device.execute_as("[1, 2 ** 70]").await;
    let error = read.expect_err("it does not fit").to_string();
    assert!(
        error.contains("`[1]`") && error.contains("be represented as u8"),
        "{error}"
    );
    device.close().await.expect("it closes");
}

#[tokio::test]
async fn nesting_without_end_is_an_error_and_the_device_goes_on() {
    let (_board, device) = prepared().await;
    device
        .execute("deep = []\nfor _ in range(150): deep = [deep]")
        .await
        .expect("it runs");
    let read: Result<Value> = device.execute_as("deep").await;
    let error = read.expect_err("it is nested too deep").to_string();
    assert!(error.contains("nested more than 100 levels"), "{error}");
    assert_eq!(device.execute_as::<u8>("1 + 1").await.expect("it goes on"), 2);
    device.close().await.expect("it closes");
}

/// Times and durations as arguments and results.
#[belay::device]
trait Clock {
    /// ```python
    /// import time
    /// return time.gmtime(seconds)
    /// ```
    #[task]
    async fn at(&self, seconds: i64) -> Result<Timestamp>;

    /// ```python
    /// import time
    /// return when == time.gmtime(seconds)
    /// ```
    #[task]
    async fn is_at(&self, when: Timestamp, seconds: i64) -> Result<bool>;

    /// ```python
    /// import time
    /// before = time.ticks_us()
    /// time.sleep(long)
    /// time.sleep_ms(short)
    /// time.sleep_us(shorter)
    /// took = time.ticks_diff(time.ticks_us(), before)
    /// return took, took // 1000, took / 1e6, long
    /// ```
    #[task]
    async fn sleep(
        &self,
        long: Seconds,
        short: Millis,
        shorter: Micros,
    ) -> Result<(Micros, Millis, Seconds, Seconds)>;
}

#[tokio::test]
async fn times_mean_the_same_to_the_board() {
    let (_board, device) = connected().await;
    let clock: ClockDevice = device.attach().await.expect("the trait attaches");
    for seconds in [0, 951_782_400, 951_868_799, 1_796_083_200, 4_107_542_399] {
        let expected = Timestamp(UNIX_EPOCH + Duration::from_secs(seconds));
        let seconds = seconds.cast_signed();
        assert_eq!(clock.at(seconds).await.expect("it returns"), expected);
        assert!(
            clock.is_at(expected, seconds).await.expect("it returns"),
            "{seconds}"
        );
    }
    let (long, short, shorter) = (Seconds(MS * 30), Millis(MS * 20), Micros(MS * 10));
    let (micros, millis, seconds, same) = clock.sleep(long, short, shorter).await.expect("it returns");
    assert!(micros.0 >= MS * 60, "{micros:?}");
    assert_eq!(millis.0.as_millis(), micros.0.as_millis());
    assert!(
        seconds.0.abs_diff(micros.0) < Duration::from_micros(1),
        "{seconds:?}"
    );
    assert_eq!(same, long);
    device.close().await.expect("it closes");
}

#[belay::device]
trait Gives {
    /// ```python
    /// return ready
    /// ```
    #[task]
    async fn anything(&self) -> Result<Value>;

    /// ```python
    /// for item in ready:
    ///     yield item
    /// ```
    #[task]
    fn each(&self) -> impl Stream<Item = Result<Value>>;

    /// ```python
    /// for item in ready:
    ///     yield item
    /// ```
    #[task]
    fn each_float(&self) -> impl Stream<Item = Result<f64>>;

    /// ```python
    /// global ready
    /// from json import loads
    /// ready = eval(expression)
    /// ```
    #[setup]
    async fn prepare(&self, expression: &str) -> Result<()>;
}

#[tokio::test]
async fn the_items_of_a_stream_are_what_they_are() {
    let (_board, device) = prepared().await;
    let gives = GivesDevice::attach(&device).await.expect("it attaches");
    let numbers = "[n * (-1) ** n * 3 ** (n % 50) for n in range(300)]";
    let others = "[0, True, 1, 2**30, -2**30, 2**31, 2**63, -2**64, 1.5, -0.0, 1e300, 1/3, None, 'a', b'b', b'c' * 50, \
                  bytearray(60), [1], (2.5,), 7]";
    for expression in [numbers, others] {
        gives.prepare(expression).await.expect(expression);
        let all = gives.anything().await.expect("all at once");
        let each: Vec<Value> = gives.each().try_collect().await.expect("one by one");
        assert_eq!(Value::List(each), all);
    }
    gives
        .prepare("[n / 7 for n in range(-150, 150)] + [float('inf'), -0.0, 5e-324, 3, 2**70]")
        .await
        .expect("floats");
    let each: Vec<f64> = gives.each_float().try_collect().await.expect("one by one");
    let expected = (-150..150).map(|n| f64::from(n) / 7.0);
    let expected: Vec<f64> = expected
        .chain([f64::INFINITY, -0.0, 5e-324, 3.0, 2_f64.powi(70)])
        .collect();
    let bits = |floats: &[f64]| floats.iter().map(|float| float.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&each), bits(&expected));
    device.close().await.expect("it closes");
}
