//! The board's clock beside that of this machine.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use belay::prelude::*;
use belay::python::{Timestamp, Value};
use belay::{CallPath, ErrorKind, ReconnectPolicy, Stamped};
use belay_sim::{Board, Builder};
use belay_tests::{PATIENCE, on_both_runtimes, soon};
use futures_util::TryStreamExt as _;

on_both_runtimes! {
    a_moment_is_told_to_within_its_uncertainty
    a_result_has_the_moment_at_which_the_board_had_it
    the_items_of_a_stream_have_their_moments
    an_event_has_the_moment_at_which_it_was_told_and_not_at_which_it_came
    events_with_moments_have_all_kinds_of_values_and_go_on_after_a_reset
    a_reset_has_the_estimate_begun_anew
}

/// Values with their moments. On this machine the board's own time is the host's.
#[belay::device]
pub trait Sensor {
    /// ```python
    /// import time
    /// ```
    #[setup]
    async fn open(&self) -> Result<()>;

    /// The counter, and the time before and after it was read.
    ///
    /// ```python
    /// return time.time_ns(), time.ticks_us(), time.time_ns()
    /// ```
    #[task]
    async fn counter(&self) -> Result<(u64, u64, u64)>;

    /// The time.
    ///
    /// ```python
    /// return time.time_ns()
    /// ```
    #[task]
    async fn now(&self) -> Result<Stamped<u64>>;

    /// ```python
    /// for _ in range(many):
    ///     yield time.time_ns()
    /// ```
    #[task]
    fn times(&self, many: u32) -> impl Stream<Item = Result<Stamped<u64>>>;

    /// ```python
    /// return value
    /// ```
    #[task]
    async fn echo(&self, value: &Value) -> Result<Stamped<Value>>;

    /// ```python
    /// return [value]
    /// ```
    #[task]
    async fn nested(&self, value: u8) -> Result<Vec<Stamped<u8>>>;

    /// ```python
    /// return [1.5, -0.1]
    /// ```
    #[task]
    async fn floats(&self) -> Result<Stamped<Vec<f32>>>;

    /// ```python
    /// raise ValueError("no")
    /// ```
    #[task]
    async fn fails(&self) -> Result<Stamped<u8>>;

    /// Tells the time, and again as a hard interrupt handler does, from which it is heard of long afterwards. Gives the time at
    /// which both had been told.
    ///
    /// ```python
    /// import micropython
    /// told(time.time_ns())
    /// before = time.time_ns()
    /// micropython.heap_lock()
    /// told(before)
    /// told_at = time.ticks_us()
    /// time.sleep_ms(200)
    /// micropython.heap_unlock()
    /// ago = time.ticks_diff(time.ticks_us(), told_at)
    /// return time.time_ns() - 1000 * ago
    /// ```
    #[task]
    async fn tell(&self) -> Result<u64>;

    /// ```python
    /// said(value)
    /// ```
    #[task]
    async fn say(&self, value: &Value) -> Result<()>;

    /// The time.
    #[event]
    fn told(&self) -> impl Stream<Item = Result<Stamped<u64>>>;

    /// Anything.
    #[event]
    fn said(&self) -> impl Stream<Item = Result<Stamped<Value>>>;
}

async fn sensor(board: Builder) -> (Board, SensorDevice) {
    let board = board.start().await.unwrap();
    let sensor = SensorDevice::builder(board.port())
        .timeout(PATIENCE)
        .reconnect(ReconnectPolicy::attempts(5))
        .connect()
        .await
        .unwrap();
    (board, sensor)
}

fn at(nanos: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(nanos)
}

/// How much two readings of a clock can differ because they are rounded to whole microseconds.
const WHOLE: Duration = Duration::from_micros(5);

async fn a_moment_is_told_to_within_its_uncertainty() {
    let (_board, sensor) = sensor(Board::unix()).await;
    let clock = sensor.device().clock();
    assert_eq!(clock.estimate(), None);
    assert_eq!(clock.moment(0), None);
    for _ in 0..5 {
        let estimate = clock.measure().await.unwrap();
        assert!(
            estimate.exchanges > 0 && estimate.drift_ppm.abs() <= estimate.drift_uncertainty_ppm,
            "{estimate:?}"
        );
        for _ in 0..20 {
            let (before, ticks, after) = sensor.counter().await.unwrap();
            let told = clock.moment(ticks).unwrap();
            let (from, to) = (
                told.time - told.uncertainty - WHOLE,
                told.time + told.uncertainty + WHOLE,
            );
            assert!(
                from <= at(after) && at(before) <= to,
                "{told:?} is not between {:?} and {:?}",
                at(before),
                at(after)
            );
            assert!(told.uncertainty < PATIENCE, "{told:?}");
        }
    }
    sensor.close().await.unwrap();
}

/// The stamp has to lie between the time that the board gave and the arrival of the result.
fn is_right(stamped: Stamped<u64>, got: SystemTime) {
    let Stamped {
        value,
        time,
        uncertainty,
    } = stamped;
    assert!(time + uncertainty + WHOLE >= at(value), "{stamped:?}");
    assert!(time <= got + uncertainty + WHOLE, "{stamped:?} {got:?}");
}

async fn a_result_has_the_moment_at_which_the_board_had_it() {
    let (_board, sensor) = sensor(Board::unix()).await;
    for times in 0..30 {
        let asked = SystemTime::now();
        let stamped = sensor.now().await.unwrap();
        is_right(stamped, SystemTime::now());
        assert!(stamped.time + stamped.uncertainty + WHOLE >= asked, "{stamped:?}");
        if times == 10 {
            sensor.device().clock().measure().await.unwrap();
        }
    }
    for value in [
        Value::None,
        Value::Int(7),
        Value::Float(0.1),
        Value::Str("ä\n".into()),
        Value::Bytes(vec![0; 100]),
        Value::List(vec![Value::Float(-1.5e300), Value::Tuple(vec![])]),
    ] {
        assert_eq!(sensor.echo(&value).await.unwrap().value, value);
    }
    assert_eq!(sensor.floats().await.unwrap().value, [1.5, -0.1]);
    let error = sensor.fails().await.unwrap_err();
    assert!(
        error.exception().is_some_and(|raised| raised.is("ValueError")),
        "{error:?}"
    );
    let error = sensor.nested(1).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Value(_)), "{error:?}");
    sensor.close().await.unwrap();
}

async fn the_items_of_a_stream_have_their_moments() {
    let (_board, sensor) = sensor(Board::unix()).await;
    sensor.device().clock().measure().await.unwrap();
    let mut times = sensor.times(50);
    let mut last = UNIX_EPOCH;
    let mut many = 0;
    while let Some(stamped) = soon("an item", times.try_next()).await.unwrap() {
        is_right(stamped, SystemTime::now());
        assert!(stamped.time + stamped.uncertainty >= last, "{stamped:?}");
        last = stamped.time - stamped.uncertainty;
        many += 1;
    }
    assert_eq!(many, 50);
    drop(times);
    sensor.close().await.unwrap();
}

async fn an_event_has_the_moment_at_which_it_was_told_and_not_at_which_it_came() {
    let (_board, sensor) = sensor(Board::unix()).await;
    tells_the_moments_of_events(&sensor).await;
    sensor.close().await.unwrap();
}

async fn tells_the_moments_of_events(sensor: &SensorDevice) {
    let mut told = sensor.told();
    let mut other = sensor.told();
    for times in 0..5 {
        let after = sensor.tell().await.unwrap();
        for _ in 0..2 {
            let stamped = soon("an event", told.try_next()).await.unwrap().unwrap();
            is_right(stamped, at(after));
            let same = soon("an event", other.try_next()).await.unwrap().unwrap();
            is_right(same, at(after));
        }
        if times == 2 {
            sensor.device().clock().measure().await.unwrap();
        }
    }
}

async fn events_with_moments_have_all_kinds_of_values_and_go_on_after_a_reset() {
    let (_board, sensor) = sensor(Board::unix()).await;
    let mut said = sensor.said();
    for value in [
        Value::None,
        Value::Int(7),
        Value::Float(0.1 + 0.2),
        Value::Str("ä:#\n".into()),
        Value::Bytes(vec![0; 100]),
        Value::List(vec![Value::Float(-1.5e300), Value::Tuple(vec![])]),
    ] {
        sensor.say(&value).await.unwrap();
        let stamped = soon("an event", said.try_next()).await.unwrap().unwrap();
        assert_eq!(stamped.value, value);
    }
    let mut told = sensor.told();
    let before = sensor.tell().await.unwrap();
    soon("a reset", sensor.device().reset()).await.unwrap();
    let clock = sensor.device().clock();
    let measured = clock.measure().await.unwrap();
    let after = sensor.tell().await.unwrap();
    // What waits from before the reset is of a clock of its own.
    for _ in 0..2 {
        is_right(
            soon("an event", told.try_next()).await.unwrap().unwrap(),
            at(before),
        );
    }
    let lost = soon("a loss", told.try_next()).await.unwrap_err();
    assert!(matches!(lost.kind(), ErrorKind::EventsLost { .. }), "{lost:?}");
    for _ in 0..2 {
        is_right(
            soon("an event", told.try_next()).await.unwrap().unwrap(),
            at(after),
        );
    }
    assert!(clock.estimate().unwrap().exchanges >= measured.exchanges);
    drop((said, told));
    sensor.close().await.unwrap();
}

async fn a_reset_has_the_estimate_begun_anew() {
    let (_board, sensor) = sensor(Board::unix()).await;
    let clock = sensor.device().clock();
    clock.measure().await.unwrap();
    assert!(clock.estimate().is_some());
    soon("a reset", sensor.device().reset()).await.unwrap();
    assert_eq!(clock.estimate(), None, "what is known is of another epoch");
    is_right(sensor.now().await.unwrap(), SystemTime::now());
    assert_eq!(clock.estimate().unwrap().exchanges, 1);
    clock.measure().await.unwrap();
    sensor.close().await.unwrap();
}

/// A counter that runs too fast by 900 millionths and begins again every 17 seconds, from just before it does.
const DRIFTING: &str = "\
from utime import *
import utime
began = utime.ticks_us()
def ticks_us():
    past = utime.ticks_us() - began
    return (16000000 + past + past * 9 // 10000) % 16777216
def ticks_add(a, b):
    return (a + b) % 16777216
";

#[tokio::test]
async fn a_counter_that_drifts_and_begins_again_is_seen_through() {
    let (_board, sensor) = sensor(Board::unix().file("time.py", DRIFTING)).await;
    assert_eq!(
        sensor
            .device()
            .execute_as::<u32>("__import__('time').ticks_add(0, -1)")
            .await
            .unwrap(),
        16_777_215
    );
    let clock = sensor.device().clock();
    let begun = tokio::time::Instant::now();
    let mut began_again = false;
    let mut last = 0;
    while !began_again || begun.elapsed() < Duration::from_secs(3) {
        clock.measure().await.unwrap();
        let (before, ticks, after) = sensor.counter().await.unwrap();
        let told = clock.moment(ticks).unwrap();
        let (from, to) = (
            told.time - told.uncertainty - WHOLE,
            told.time + told.uncertainty + WHOLE,
        );
        assert!(from <= at(after) && at(before) <= to, "{told:?} {before} {after}");
        began_again |= ticks < last;
        last = ticks;
        assert!(begun.elapsed() < PATIENCE, "it does not begin again");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let estimate = clock.estimate().unwrap();
    let off = (estimate.drift_ppm - 900.0).abs();
    assert!(off <= estimate.drift_uncertainty_ppm, "{estimate:?}");
    // The bounds are measured by now, and no longer the default, which holds for any crystal.
    assert!(estimate.drift_uncertainty_ppm < 900.0, "{estimate:?}");
    sensor.close().await.unwrap();
}

#[tokio::test]
async fn over_the_raw_repl_moments_are_told_as_well() {
    let board = Board::unix().start().await.unwrap();
    let raw = SensorDevice::builder(board.port()).call_path(CallPath::RawRepl);
    let sensor = raw.timeout(PATIENCE).connect().await.unwrap();
    sensor.device().clock().measure().await.unwrap();
    for _ in 0..3 {
        is_right(sensor.now().await.unwrap(), SystemTime::now());
    }
    tells_the_moments_of_events(&sensor).await;
    sensor.close().await.unwrap();
}

#[tokio::test]
async fn a_board_without_a_counter_has_no_clock() {
    let without = "from utime import time, time_ns, sleep, gmtime\n";
    let (_board, sensor) = sensor(Board::unix().file("time.py", without)).await;
    let error = sensor.device().clock().measure().await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Unsupported { .. }), "{error:?}");
    let error = sensor.now().await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Unsupported { .. }), "{error:?}");
    let error = sensor.device().clock().set_rtc().await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Unsupported { .. }), "{error:?}");
    let mut told = sensor.told();
    let error = soon("the reason", told.try_next()).await.unwrap_err();
    let ErrorKind::NotHeard(cause) = error.kind() else {
        panic!("{error:?}");
    };
    assert!(matches!(cause.kind(), ErrorKind::Unsupported { .. }), "{cause:?}");
    assert!(soon("the end", told.try_next()).await.unwrap().is_none());
    drop(told);
    sensor.close().await.unwrap();
}

/// As a board tells it that counts nanoseconds.
#[belay::device]
pub trait Counted {
    /// ```python
    /// told(value)
    /// ```
    #[task]
    async fn tell(&self, value: u32) -> Result<()>;

    #[event]
    fn told(&self) -> impl Stream<Item = Result<Stamped<u32>>>;
}

#[tokio::test]
async fn circuitpython_has_a_counter_of_its_own() {
    let board = Board::circuitpython_like().start().await.unwrap();
    let device = Device::connect(board.port()).await.unwrap();
    let estimate = device.clock().measure().await.unwrap();
    assert!(estimate.exchanges > 0, "{estimate:?}");
    let counted = CountedDevice::attach(&device).await.unwrap();
    let mut told = counted.told();
    let before = SystemTime::now();
    counted.tell(7).await.unwrap();
    let after = SystemTime::now();
    let Stamped {
        value,
        time,
        uncertainty,
    } = soon("an event", told.try_next()).await.unwrap().unwrap();
    assert_eq!(value, 7);
    assert!(time + uncertainty + WHOLE >= before && time <= after + uncertainty + WHOLE);
    device.close().await.unwrap();
}

/// A real-time clock like that of some chips: it only stores what it was set to, and when.
const RTC: &str = "\
import time
calls = []
class RTC:
    def datetime(self, *now):
        calls.append((now[0], time.time_ns()))
";

/// The arguments with which a clock is set: year, month, day, weekday, hour, minute, second and fraction of a second.
type Told = (u16, u8, u8, u8, u8, u8, u8, u32);

#[tokio::test]
async fn a_clock_is_set_when_a_second_begins() {
    let (_board, sensor) = sensor(Board::unix().file("rtc.py", RTC)).await;
    let device = sensor.device();
    for _ in 0..2 {
        device.clock().set_rtc().await.unwrap();
    }
    let known = device.clock().estimate().unwrap();
    let set: Vec<(Told, u64)> = device.execute_as("__import__('rtc').calls").await.unwrap();
    assert_eq!(set.len(), 2);
    for ((year, month, day, weekday, hour, minute, second, _), when) in set {
        let time = format!("({year}, {month}, {day}, {hour}, {minute}, {second})");
        let Timestamp(time) = belay::python::from_repr(time.as_bytes()).unwrap();
        // The clock must not be set before the second has begun, as far as the host knows the board's time.
        assert!(
            at(when) + known.uncertainty + Duration::from_millis(100) >= time,
            "{when} {time:?}"
        );
        let days = time.duration_since(UNIX_EPOCH).unwrap().as_secs() / 86_400;
        assert_eq!(u64::from(weekday), (days + 3) % 7);
        let late = at(when).duration_since(time).unwrap_or_default();
        assert!(late < PATIENCE, "{late:?}");
    }
    sensor.close().await.unwrap();
}

#[tokio::test]
async fn a_board_without_a_clock_to_set_says_so() {
    let (_board, sensor) = sensor(Board::unix()).await;
    let error = sensor.device().clock().set_rtc().await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Unsupported { .. }), "{error:?}");
    sensor.close().await.unwrap();
}
