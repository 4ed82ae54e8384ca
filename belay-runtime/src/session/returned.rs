//! The result of a call before it is deserialised.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::de::value::{MapAccessDeserializer, MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, Deserializer, Visitor};
use serde::forward_to_deserialize_any;

use crate::agent::clock::{self, Stamp};
use crate::error::{Error, Result};
use crate::kept::{self, Handle};
use crate::link::Payload;
use crate::python::{self, ValueError, packed, tag};

/// The result of a call, or an item of a generator: a Python value that is not deserialised yet.
///
/// Objects in it stay on the board for as long as this value or any handle that was read from it lives.
#[derive(Debug, Clone)]
pub struct Returned(Came, Vec<Arc<Handle>>);

impl PartialEq for Returned {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Returned {}

/// How it came.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Came {
    /// As a `repr` that the board printed.
    Printed(Vec<u8>),
    /// As a `repr` whose floats have all their bits.
    Exact(Vec<u8>),
    /// As the contents of a `bytes`.
    Bytes(Vec<u8>),
    /// As the contents of a `bytearray`.
    ByteArray(Vec<u8>),
    /// With what the board's counter was when it had it.
    Stamped(Box<Stamped>),
}

/// A value that came with what the board's counter was.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamped {
    stamp: Stamp,
    /// When it was asked for, and of which epoch it is, where that is known.
    asked: Option<(Instant, u64)>,
    came: Instant,
}

impl Returned {
    /// A value with this `repr` on the board.
    pub fn new(repr: impl Into<Vec<u8>>) -> Self {
        Self(Came::Printed(repr.into()), Vec::new())
    }

    /// A value with handles of objects that stay on the board; `exact` is whether its floats have all their bits.
    pub(super) fn with_handles(repr: Vec<u8>, exact: bool, handles: Vec<Arc<Handle>>) -> Self {
        let came = if exact {
            Came::Exact(repr)
        } else {
            Came::Printed(repr)
        };
        Self(came, handles)
    }

    /// The value's `repr`, or its contents if it is a large `bytes` or `bytearray`, which are sent as they are. Floats
    /// can have more digits than the board prints.
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Came::Printed(bytes) | Came::Exact(bytes) | Came::Bytes(bytes) | Came::ByteArray(bytes) => bytes,
            Came::Stamped(stamped) => &stamped.stamp.repr,
        }
    }

    /// A value that the board had at this moment since 1970, give or take so much.
    pub(super) fn at(time: Duration, uncertainty: Duration, repr: &[u8]) -> Self {
        Self(
            Came::Exact(python::stamped_text(time, uncertainty, repr)),
            Vec::new(),
        )
    }

    /// The same, which was asked for at this moment of this epoch.
    pub(super) fn asked(mut self, at: Instant, epoch: u64) -> Self {
        if let Came::Stamped(stamped) = &mut self.0 {
            stamped.asked = Some((at, epoch));
        }
        self
    }

    /// The same, which was told between these moments of this epoch.
    pub(super) fn told(mut self, from: Instant, came: Instant, epoch: u64) -> Self {
        if let Came::Stamped(stamped) = &mut self.0 {
            stamped.asked = Some((from, epoch));
            stamped.came = came;
        }
        self
    }

    /// The same without its moment.
    pub(super) fn without_moment(self) -> Self {
        match self.0 {
            Came::Stamped(stamped) => Self(Came::Exact(stamped.stamp.repr), self.1),
            _ => self,
        }
    }

    /// What the board's counter was, between when it was asked for and when it came, and in which epoch.
    pub(super) fn stamp(&self) -> Option<(&Stamp, Instant, Instant, u64)> {
        let Came::Stamped(stamped) = &self.0 else {
            return None;
        };
        let (asked, epoch) = stamped.asked?;
        Some((&stamped.stamp, asked, stamped.came, epoch))
    }

    /// Deserialises the value.
    ///
    /// # Errors
    ///
    /// When it is not a `T`.
    pub fn to<T: DeserializeOwned>(&self) -> Result<T> {
        if self.1.is_empty() {
            return self.read();
        }
        kept::reading(&self.1, || self.read())
    }

    fn read<T: DeserializeOwned>(&self) -> Result<T> {
        match &self.0 {
            Came::Printed(repr) => python::from_repr(repr).map_err(Error::from),
            Came::Exact(repr) => python::from_exact_repr(repr).map_err(Error::from),
            Came::Bytes(bytes) => T::deserialize(Raw {
                bytes,
                is_array: false,
            })
            .map_err(Error::from),
            Came::Stamped(stamped) => stamped.between().to(),
            Came::ByteArray(bytes) => T::deserialize(Raw {
                bytes,
                is_array: true,
            })
            .map_err(Error::from),
        }
    }
}

impl Stamped {
    /// The value in the middle between when it was asked for and when it came. A session [knows more](super::clock).
    fn between(&self) -> Returned {
        let asked = self.asked.map_or(self.came, |(asked, _)| asked);
        let half = self.came.saturating_duration_since(asked) / 2;
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let middle = now.unwrap_or_default().saturating_sub(self.came.elapsed() + half);
        Returned::at(middle, half, &self.stamp.repr)
    }
}

impl From<Payload> for Returned {
    fn from(payload: Payload) -> Self {
        let came = match payload {
            Payload::Repr(repr) => Came::Printed(repr),
            Payload::Bytes(bytes) => Came::Bytes(bytes),
            Payload::ByteArray(bytes) => Came::ByteArray(bytes),
            Payload::Packed(clock::STAMPED, data) => match Stamp::read(&data) {
                Some(stamp) => Came::Stamped(Box::new(Stamped {
                    stamp,
                    asked: None,
                    came: Instant::now(),
                })),
                None => Came::Exact(Vec::new()),
            },
            // A payload that cannot be decoded becomes an empty `repr`, which is an error when it is read.
            Payload::Packed(code, data) => Came::Exact(packed::repr(code, &data).unwrap_or_default()),
        };
        Self(came, Vec::new())
    }
}

/// A `bytes` or `bytearray` that was sent as its contents: deserialised as bytes or, like its `repr`, as a sequence of
/// small numbers.
struct Raw<'a> {
    bytes: &'a [u8],
    is_array: bool,
}

impl<'de> Deserializer<'de> for Raw<'_> {
    type Error = ValueError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        visitor.visit_bytes(self.bytes)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        visitor.visit_seq(SeqDeserializer::new(self.bytes.iter().copied()))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, ValueError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        if name == tag::VALUE && self.is_array {
            let tagged = std::iter::once(("bytearray", self.bytes));
            return visitor.visit_enum(MapAccessDeserializer::new(MapDeserializer::new(tagged)));
        }
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        tuple_struct map struct enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_as_bytes_and_as_numbers() {
        let returned = Returned::from(Payload::Bytes(vec![1, 2, 255]));
        assert_eq!(returned.to::<Vec<u8>>().unwrap(), [1, 2, 255]);
        assert_eq!(returned.to::<Option<[u8; 3]>>().unwrap(), Some([1, 2, 255]));
        assert_eq!(returned.to::<python::Bytes>().unwrap().as_ref(), [1, 2, 255]);
        assert!(returned.to::<String>().is_err());
        assert!(returned.to::<u8>().is_err());
        assert_eq!(
            returned.to::<python::Value>().unwrap(),
            python::Value::Bytes(vec![1, 2, 255])
        );
        let returned = Returned::from(Payload::ByteArray(vec![1, 2]));
        assert_eq!(
            returned.to::<python::Value>().unwrap(),
            python::Value::ByteArray(vec![1, 2])
        );
        assert_eq!(returned.to::<Vec<u8>>().unwrap(), [1, 2]);
    }
}
