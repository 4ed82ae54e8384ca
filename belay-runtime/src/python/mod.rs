//! Marshalling: Rust values to Python expressions and the board's `repr` back to Rust values. No I/O.

mod arguments;
mod array;
mod bytes;
mod de;
mod decimal;
mod error;
mod literal;
mod ser;
mod tag;
mod time;
mod value;

use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

pub use self::arguments::Arguments;
pub use self::array::{Array, ArrayElement, TypeCode};
pub use self::bytes::Bytes;
pub use self::error::ValueError;
pub use self::time::{Micros, Millis, Seconds, Timestamp};
pub use self::value::{BigInt, Value};

/// How deep values may be nested.
const MAX_DEPTH: usize = 100;

/// The Python expression for a value: printable ASCII, without a line break.
///
/// # Errors
///
/// When the value cannot be expressed in Python.
pub fn to_literal<T: Serialize + ?Sized>(value: &T) -> Result<String, ValueError> {
    // Most values fit, and a short text is not worth growing one.
    let mut text = String::with_capacity(128);
    value.serialize(&mut ser::Writer::new(&mut text))?;
    Ok(text)
}

/// The value that this `repr` of a board stands for. Strings and bytes without escapes can be borrowed
/// from it.
///
/// # Errors
///
/// When the text is no value, or not one of type `T`.
pub fn from_repr<'de, T: Deserialize<'de>>(repr: &'de [u8]) -> Result<T, ValueError> {
    let mut deserializer = de::Deserializer::new(repr)?;
    let value = deserializer.part(PhantomData)?;
    deserializer.end()?;
    Ok(value)
}
