//! Durations and points in time, for which Python has numbers and tuples.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

/// A duration that travels as a float of seconds, as `time.sleep` takes it.
///
/// A board with single-precision floats keeps about seven digits of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seconds(pub Duration);

/// A duration that travels as an int of whole milliseconds, as `time.sleep_ms` takes and `time.ticks_diff`
/// returns it. A fraction of a millisecond is dropped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(pub Duration);

/// A duration that travels as an int of whole microseconds, as `time.sleep_us` takes it. A fraction of a
/// microsecond is dropped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Micros(pub Duration);

/// A point in time that travels as the tuple of `time.gmtime()`, in UTC and whole seconds: year, month,
/// day, hour, minute, second, weekday (Monday is 0) and day of the year (from 1).
///
/// Boards count the seconds of `time.time()` from 1970 or from 2000, so a number would mean different times
/// on different boards; the tuple means the same on all of them. A tuple from the board needs at least the
/// first six elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub SystemTime);

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0.as_secs_f64())
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        Duration::try_from_secs_f64(seconds)
            .map(Self)
            .map_err(|_| de::Error::custom("it is no duration in seconds"))
    }
}

macro_rules! whole {
    ($type:ident, $as:ident, $from:ident) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_u128(self.0.$as())
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                u64::deserialize(deserializer)
                    .map(Duration::$from)
                    .map(Self)
            }
        }

        impl From<Duration> for $type {
            fn from(duration: Duration) -> Self {
                Self(duration)
            }
        }

        impl From<$type> for Duration {
            fn from(duration: $type) -> Self {
                duration.0
            }
        }
    };
}

whole!(Millis, as_millis, from_millis);
whole!(Micros, as_micros, from_micros);

impl From<Duration> for Seconds {
    fn from(duration: Duration) -> Self {
        Self(duration)
    }
}

impl From<Seconds> for Duration {
    fn from(duration: Seconds) -> Self {
        duration.0
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        Self(time)
    }
}

impl From<Timestamp> for SystemTime {
    fn from(time: Timestamp) -> Self {
        time.0
    }
}

const DAY: i64 = 24 * 60 * 60;

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let seconds = match self.0.duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_secs()),
            // Round towards the past here too when dropping a fraction.
            Err(before) => {
                let before = before.duration();
                i64::try_from(before.as_secs() + u64::from(before.subsec_nanos() > 0)).map(|before| -before)
            }
        };
        let seconds = seconds.map_err(|_| ser::Error::custom("the time is too far away"))?;
        let (days, second) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
        let (year, month, day) = date_of(days);
        let year_day = days - days_to(year, 1, 1) + 1;
        let weekday = (days + 3).rem_euclid(7);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        (year, month, day, hour, minute, second, weekday, year_day).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let parts = Vec::<i64>::deserialize(deserializer)?;
        let &[year, month, day, hour, minute, second, ..] = parts.as_slice() else {
            return Err(de::Error::custom(
                "it is no time: (year, month, day, hour, minute, second, …)",
            ));
        };
        let valid = (1..=9999).contains(&year)
            && (1..=12).contains(&month)
            && (0..24).contains(&hour)
            && (0..60).contains(&minute)
            && (0..62).contains(&second);
        let days = if valid { days_to(year, month, day) } else { 0 };
        if !valid || date_of(days) != (year, month, day) {
            return Err(de::Error::custom("there is no such time"));
        }
        let seconds = days * DAY + hour * 3600 + minute * 60 + second;
        let distance = Duration::from_secs(seconds.unsigned_abs());
        let time = if seconds < 0 {
            UNIX_EPOCH.checked_sub(distance)
        } else {
            UNIX_EPOCH.checked_add(distance)
        };
        time.map(Self)
            .ok_or_else(|| de::Error::custom("this time is too far away"))
    }
}

/// The days from 1970-01-01 to this date. Years begin in March here, so that a leap day is a year's last.
fn days_to(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let months_since_march = (month + 9) % 12;
    let year_day = (153 * months_since_march + 2) / 5 + day - 1;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    // From 0000-03-01 to 1970-01-01.
    year * 365 + leap_days + year_day - 719_468
}

/// The date that is this many days after 1970-01-01.
fn date_of(days: i64) -> (i64, i64, i64) {
    // The guess is off by one year at most, since it uses the average length of a year.
    let mut year = 1970 + (days * 400).div_euclid(146_097);
    if days_to(year, 1, 1) > days {
        year -= 1;
    } else if days_to(year + 1, 1, 1) <= days {
        year += 1;
    }
    let month = (1..=12)
        .rev()
        .find(|&month| days_to(year, month, 1) <= days)
        .unwrap_or(1);
    (year, month, days - days_to(year, month, 1) + 1)
}
