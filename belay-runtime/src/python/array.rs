//! `array.array`, for which serde's data model has no type.

use std::fmt;
use std::ops::{Deref, DerefMut};

use serde::ser::{Impossible, Serializer};
use serde::{Deserialize, Deserializer, Serialize};

use super::error::ValueError;
use super::tag;

/// Numbers that travel as Python's `array.array` in both directions: compact, and exact for floats too.
///
/// The type of the elements decides the array's type code. What the board returns may be any sequence
/// of numbers that fit, an array of another type code and a list among them.
///
/// ```
/// # use belay_runtime::python::{Array, from_repr, to_literal};
/// let samples = Array(vec![1_i16, -1, 500, -500]);
/// assert_eq!(to_literal(&samples)?, "A('h',B('AQD///QBDP4='))");
/// assert_eq!(from_repr::<Array<i16>>(b"array('h', [1, -1, 500, -500])")?, samples);
/// # Ok::<(), belay_runtime::python::ValueError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Array<T>(pub Vec<T>);

/// A number that `array.array` has a type code for.
pub trait ArrayElement: Copy + sealed::Sealed {}

mod sealed {
    pub trait Sealed {
        /// The name under which an array of these is serialised.
        const NAME: &'static str;
    }
}

macro_rules! elements {
    ($($type:ty = $name:literal,)*) => {
        $(
            impl ArrayElement for $type {}
            impl sealed::Sealed for $type {
                const NAME: &'static str = $name;
            }
        )*
    };
}

elements! {
    i8 = "$belay::array:b",
    u8 = "$belay::array:B",
    i16 = "$belay::array:h",
    u16 = "$belay::array:H",
    i32 = "$belay::array:i",
    u32 = "$belay::array:I",
    i64 = "$belay::array:q",
    u64 = "$belay::array:Q",
    f32 = "$belay::array:f",
    f64 = "$belay::array:d",
}

impl<T: ArrayElement + Serialize> Serialize for Array<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(T::NAME, &self.0)
    }
}

impl<'de, T: ArrayElement + Deserialize<'de>> Deserialize<'de> for Array<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self)
    }
}

impl<T> Deref for Array<T> {
    type Target = Vec<T>;

    fn deref(&self) -> &Vec<T> {
        &self.0
    }
}

impl<T> DerefMut for Array<T> {
    fn deref_mut(&mut self) -> &mut Vec<T> {
        &mut self.0
    }
}

impl<T> From<Vec<T>> for Array<T> {
    fn from(elements: Vec<T>) -> Self {
        Self(elements)
    }
}

impl<T> FromIterator<T> for Array<T> {
    fn from_iter<I: IntoIterator<Item = T>>(elements: I) -> Self {
        Self(elements.into_iter().collect())
    }
}

/// The type code of an array: which numbers it holds, and in how many bytes.
///
/// `l` and `L`, whose size differs between boards, are `q` and `Q` here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TypeCode {
    /// `b`: `i8`.
    I8,
    /// `B`: `u8`.
    U8,
    /// `h`: `i16`.
    I16,
    /// `H`: `u16`.
    U16,
    /// `i`: `i32`.
    I32,
    /// `I`: `u32`.
    U32,
    /// `q`: `i64`.
    I64,
    /// `Q`: `u64`.
    U64,
    /// `f`: `f32`.
    F32,
    /// `d`: `f64`.
    F64,
}

const CODES: [(TypeCode, char, &str); 10] = [
    (TypeCode::I8, 'b', "$belay::array:b"),
    (TypeCode::U8, 'B', "$belay::array:B"),
    (TypeCode::I16, 'h', "$belay::array:h"),
    (TypeCode::U16, 'H', "$belay::array:H"),
    (TypeCode::I32, 'i', "$belay::array:i"),
    (TypeCode::U32, 'I', "$belay::array:I"),
    (TypeCode::I64, 'q', "$belay::array:q"),
    (TypeCode::U64, 'Q', "$belay::array:Q"),
    (TypeCode::F32, 'f', "$belay::array:f"),
    (TypeCode::F64, 'd', "$belay::array:d"),
];

impl TypeCode {
    /// The character that Python writes.
    pub fn as_char(self) -> char {
        CODES[self as usize].1
    }

    /// The name under which an array with this type code is serialised.
    pub(super) fn tag(self) -> &'static str {
        CODES[self as usize].2
    }

    /// The type code that Python writes as this one character.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        let name = match name {
            "l" => "q",
            "L" => "Q",
            _ => name,
        };
        let found = CODES.iter().find(|(_, _, tag)| tag[tag::ARRAY.len()..] == *name);
        found.map(|(code, ..)| *code)
    }

    /// A serialiser that appends one element as the board has it in memory.
    pub(super) fn element_writer(self, bytes: &mut Vec<u8>) -> ElementWriter<'_> {
        ElementWriter { code: self, bytes }
    }
}

impl fmt::Display for TypeCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.as_char())
    }
}

/// Writes the elements of an array: numbers that the type code holds, and nothing else. Every board that
/// runs MicroPython is little-endian.
pub(super) struct ElementWriter<'a> {
    code: TypeCode,
    bytes: &'a mut Vec<u8>,
}

impl ElementWriter<'_> {
    fn refuse<T>(&self, what: impl fmt::Display) -> Result<T, ValueError> {
        Err(ValueError::plain(format!(
            "an array with type code '{}' cannot hold {what}",
            self.code
        )))
    }

    fn int<I: Copy + fmt::Display + TryInto<i128>>(self, value: I) -> Result<(), ValueError> {
        let Ok(wide) = value.try_into() else {
            return self.refuse(value);
        };
        let (least, greatest, size) = match self.code {
            TypeCode::I8 => (i8::MIN.into(), i8::MAX.into(), 1),
            TypeCode::U8 => (0, u8::MAX.into(), 1),
            TypeCode::I16 => (i16::MIN.into(), i16::MAX.into(), 2),
            TypeCode::U16 => (0, u16::MAX.into(), 2),
            TypeCode::I32 => (i32::MIN.into(), i32::MAX.into(), 4),
            TypeCode::U32 => (0, u32::MAX.into(), 4),
            TypeCode::I64 => (i64::MIN.into(), i64::MAX.into(), 8),
            TypeCode::U64 => (0_i128, u64::MAX.into(), 8),
            TypeCode::F32 | TypeCode::F64 => return self.refuse(format_args!("the int {value}")),
        };
        if !(least..=greatest).contains(&wide) {
            return self.refuse(value);
        }
        self.bytes.extend_from_slice(&wide.to_le_bytes()[..size]);
        Ok(())
    }
}

macro_rules! refuse {
    ($($method:ident($($argument:ty),*) -> $ok:ty, $what:literal;)*) => {
        $(
            fn $method(self, $(_: $argument),*) -> Result<$ok, ValueError> {
                self.refuse($what)
            }
        )*
    };
}

macro_rules! ints {
    ($($method:ident: $type:ty,)*) => {
        $(
            fn $method(self, value: $type) -> Result<(), ValueError> {
                self.int(value)
            }
        )*
    };
}

impl Serializer for ElementWriter<'_> {
    type Ok = ();
    type Error = ValueError;
    type SerializeSeq = Impossible<(), ValueError>;
    type SerializeTuple = Impossible<(), ValueError>;
    type SerializeTupleStruct = Impossible<(), ValueError>;
    type SerializeTupleVariant = Impossible<(), ValueError>;
    type SerializeMap = Impossible<(), ValueError>;
    type SerializeStruct = Impossible<(), ValueError>;
    type SerializeStructVariant = Impossible<(), ValueError>;

    ints! {
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_i128: i128,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_u128: u128,
    }

    fn serialize_f32(self, value: f32) -> Result<(), ValueError> {
        match self.code {
            TypeCode::F32 => self.bytes.extend_from_slice(&value.to_le_bytes()),
            TypeCode::F64 => self.bytes.extend_from_slice(&f64::from(value).to_le_bytes()),
            _ => return self.refuse("a float"),
        }
        Ok(())
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "an array of single precision holds no more"
    )]
    fn serialize_f64(self, value: f64) -> Result<(), ValueError> {
        match self.code {
            TypeCode::F32 => self.bytes.extend_from_slice(&(value as f32).to_le_bytes()),
            TypeCode::F64 => self.bytes.extend_from_slice(&value.to_le_bytes()),
            _ => return self.refuse("a float"),
        }
        Ok(())
    }

    refuse! {
        serialize_bool(bool) -> (), "a bool";
        serialize_char(char) -> (), "a str";
        serialize_str(&str) -> (), "a str";
        serialize_bytes(&[u8]) -> (), "bytes";
        serialize_none() -> (), "None";
        serialize_unit() -> (), "None";
        serialize_unit_struct(&'static str) -> (), "None";
        serialize_unit_variant(&'static str, u32, &'static str) -> (), "a str";
        serialize_seq(Option<usize>) -> Self::SerializeSeq, "a sequence";
        serialize_tuple(usize) -> Self::SerializeTuple, "a tuple";
        serialize_tuple_struct(&'static str, usize) -> Self::SerializeTupleStruct, "a tuple";
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Self::SerializeTupleVariant, "a dict";
        serialize_map(Option<usize>) -> Self::SerializeMap, "a dict";
        serialize_struct(&'static str, usize) -> Self::SerializeStruct, "a dict";
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Self::SerializeStructVariant, "a dict";
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), ValueError> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), ValueError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), ValueError> {
        self.refuse("a dict")
    }
}
