//! Values with the time at which the board had them.

use std::fmt;
use std::marker::PhantomData;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer};

use super::tag;

/// A value, and the moment at which the board had it, by this machine's clock: when the body of a task returned it, or a
/// generator yielded it, or a body told it as an event.
///
/// It is the whole result of a task, the item of a stream, or an event. Without more the moment of a result is the middle
/// between the request and its answer; the more [exchanges](crate::Clock::measure) there were with the board, the smaller the
/// uncertainty is. While somebody listens to events with their moments, there is one every minute.
///
/// ```
/// # use belay_runtime::{Result, python::Stamped};
///
/// // In a trait with `#[belay::device]`: `async fn celsius(&self) -> Result<Stamped<f32>>;`
/// fn show(reading: &Stamped<f32>) {
///     println!("{} °C at {:?} ± {:?}", reading.value, reading.time, reading.uncertainty);
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stamped<T> {
    /// The value.
    pub value: T,
    /// The estimated time.
    pub time: SystemTime,
    /// How far the true time may be from the estimate, in either direction.
    pub uncertainty: Duration,
}

/// The text that a value with its time is deserialised from. The time is given since 1970.
pub(crate) fn text(time: Duration, uncertainty: Duration, repr: &[u8]) -> Vec<u8> {
    let nanos = |of: Duration| u64::try_from(of.as_nanos()).unwrap_or(u64::MAX);
    let (time, uncertainty) = (nanos(time), nanos(uncertainty));
    [
        format!("('{}', {time}, {uncertainty}, ", tag::STAMPED).as_bytes(),
        repr,
        b")",
    ]
    .concat()
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Stamped<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(tag::STAMPED, Inside(PhantomData))
    }
}

struct Inside<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Inside<T> {
    type Value = Stamped<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value with its moment")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Stamped<T>, D::Error> {
        let nowhere =
            "`Stamped` has to be the whole result of a method, a whole item of its stream, or a whole event";
        let read = <(String, u64, u64, T)>::deserialize(deserializer);
        let (mark, time, uncertainty, value) = read.map_err(de::Error::custom)?;
        if mark != tag::STAMPED {
            return Err(de::Error::custom(nowhere));
        }
        Ok(Stamped {
            value,
            time: UNIX_EPOCH + Duration::from_nanos(time),
            uncertainty: Duration::from_nanos(uncertainty),
        })
    }
}
