//! Marshalling: Rust values become Python expressions, and the board's `repr` becomes Rust values. No I/O.
//!
//! A parameter may be of any type that is [`Serialize`], a result of any type that is `DeserializeOwned`.
//! Every value is sent to the board as one line of printable ASCII. It is JSON if that expresses the value
//! exactly. Otherwise it consists of literals and of a few calls whose arguments are literals, so it can
//! never become code.
//!
//! # To the board
//!
//! | Rust | Python | what to know |
//! | --- | --- | --- |
//! | `bool` | `bool` | |
//! | integers up to `i128` and `u128` | `int` | exact; a board without long ints raises `OverflowError` for what it cannot hold |
//! | `f32`, `f64` | `float` | exact, as far as the board's floats are, see [below](#floats); NaN has no sign and no payload |
//! | `char`, `&str`, `String` | `str` | every code point |
//! | [`Bytes`], `serde_bytes` | `bytes` | base64 where that is shorter; a `Vec<u8>` or `&[u8]` alone is a `list` of ints |
//! | `()`, unit structs, `None` | `None` | |
//! | `Some(x)`, newtype structs | as `x` | `Some(None)` is `None` too |
//! | `Vec`, slices, sets | `list` | a `tuple` where it is a key, because Python does not hash lists |
//! | tuples, arrays `[T; N]`, tuple structs | `tuple` | |
//! | maps | `dict` | keys: whatever Python hashes, so no maps and no structs; `1`, `1.0` and `True` are one key |
//! | structs | `dict` | from the fields' names |
//! | enum variants: `V`, `V(x)`, `V(x, y)`, `V { a }` | `'V'`, `{'V': x}`, `{'V': (x, y)}`, `{'V': {'a': …}}` | |
//! | [`Array<T>`](Array) | `array.array` | as its memory, so floats are exact |
//! | [`Seconds`]; [`Millis`], [`Micros`] | `float`; `int` | a plain `Duration` is a `dict` of `secs` and `nanos` |
//! | [`Timestamp`] | the tuple of `time.gmtime()` | UTC, whole seconds |
//! | [`Value`] | the type that it says | a namedtuple is a `dict`; long ints, sets and bytearrays are what they are |
//! | [`Remote`](crate::Remote) | the object itself | only on the board where it is, and only until that is reset |
//!
//! # From the board
//!
//! | Python | Rust | what to know |
//! | --- | --- | --- |
//! | `bool` | `bool` | never an integer, nor the other way round |
//! | `int` | every integer that holds it; `f32`, `f64` | an error where it does not fit, or where a float would not be exact |
//! | `float` | `f32`, `f64` | never an integer; `inf` and `nan` too |
//! | `complex` | `(f64, f64)`, `[f64; 2]` | real and imaginary part |
//! | `str` | `String`, `char`, unit variants; `&str` without escapes | half a surrogate pair is an error |
//! | `bytes`, `bytearray`; `memoryview` where it is the result itself | [`Bytes`], `serde_bytes`, `Vec<u8>`, `[u8; N]`; `&[u8]` without escapes | never a `String`; a `memoryview` is `bytes` |
//! | `None` | `()`, `Option` | |
//! | `list`, `tuple`, `set`, `frozenset`, `array`, `dict_keys` and its like | `Vec`, sets, tuples, arrays, [`Array`] | tuples and arrays only of the same length |
//! | `dict`, `OrderedDict` | maps, structs, enums | keys of any type; unknown fields are ignored unless the struct denies them |
//! | namedtuple | structs, tuples, `Vec` | by name or by place |
//! | `tuple` | structs | by place |
//! | any of these | [`Value`] | keeps Python's type |
//! | any object but `None` | [`Remote`](crate::Remote) | stays on the board; also in lists, tuples, values of dicts, and fields |
//! | anything else, such as `<Pin 4>` | an error | names it, where it stands, and what to return instead |
//!
//! In both directions, more than 100 levels of nesting are an error.
//!
//! # Floats
//!
//! Boards read and print decimal numbers with rounding errors. Therefore Belay writes a number in decimal
//! only if every board reads it correctly, and otherwise as integers times powers of two. A float that a
//! board would not print exactly is returned as its bits.
//!
//! | firmware | an `f32` argument | an `f64` argument | a float result |
//! | --- | --- | --- | --- |
//! | doubles | arrives exactly | arrives exactly | comes back exactly |
//! | single precision, as on most microcontrollers | arrives exactly | arrives as the nearest single | comes back exactly, wherever in a result it is |
//! | 30 bits, as with `CircuitPython` | as near as the board holds it | as near as the board holds it | comes back exactly |
//!
//! Some boards have no subnormal floats: they treat numbers between zero and the smallest normal single,
//! 1.2e-38, as zero.
//!
//! Read as an `f64`, a single keeps its exact value: a board with single precision holds `0.1` as
//! `0.10000000149011612`. Read it as an `f32` to see its few digits.
//!
//! Some results are not exact, since the board prints them rounded: complex numbers, floats in objects with a
//! `__repr__` of their own, results so large that the board has no room for their `repr`, and all results of
//! boards with a few kilobytes of memory. On the latter, an `f64` argument is exact as above, and a result
//! has the digits that the board prints: seven or eight. Even of numbers with few digits, such as `21.5`,
//! three in a hundred are off by one in the last bit. Where each bit counts on such a board, return
//! `struct.pack('f', x)` as [`Bytes`].
//!
//! # How results are sent
//!
//! The type that a method returns decides how a board sends its result: a float as its bits, a sequence of
//! eight or more ints or of floats as the memory of an array, large `bytes` in base64, and everything else as
//! its `repr`. This is only an optimisation: a value of another type is sent as its `repr`. The code that the
//! board needs for this, some 1,500 characters of Python, is sent when it is first needed.
//!
//! # Memory on the board
//!
//! A board never forgets a short string literal that its parser has seen. Therefore a string of up to ten
//! bytes that may differ from call to call is sent as bytes, which the board decodes; and bytes whose base64
//! would be as short a string are sent as a bytes literal instead.

mod arguments;
mod array;
mod attach;
mod bytes;
mod de;
mod decimal;
mod error;
mod json;
mod literal;
pub(crate) mod packed;
mod sample;
mod ser;
pub(crate) mod shape;
mod stamped;
pub(crate) mod tag;
mod time;
mod value;

use std::marker::PhantomData;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub(crate) use self::arguments::{Apart, Fed, Feed};
pub(crate) use self::json::write_text as write_json_text;
pub(crate) use self::literal::{ARRAY, BYTES};
pub(crate) use self::stamped::text as stamped_text;

pub use self::arguments::Arguments;
pub use self::array::{Array, ArrayElement, TypeCode};
pub use self::bytes::Bytes;
pub use self::error::ValueError;
pub use self::stamped::Stamped;
pub use self::time::{Micros, Millis, Seconds, Timestamp};
pub use self::value::{BigInt, Value};

/// The Python expression for a value: printable ASCII, without a line break.
///
/// # Errors
///
/// When the value cannot be expressed in Python.
pub fn to_literal<T: Serialize + ?Sized>(value: &T) -> Result<String, ValueError> {
    // Most values fit into this; a short string rarely has to be reallocated.
    let mut text = String::with_capacity(128);
    value.serialize(&mut ser::Writer::new(&mut text))?;
    Ok(text)
}

/// Whether a result of this type can contain handles of objects that stay on the board.
pub(crate) fn has_handles<T: DeserializeOwned>() -> bool {
    shape::Shape::of::<T>().has_handles()
}

/// Reads a value from a board's `repr`. Strings and bytes without escapes can be borrowed from it.
///
/// # Errors
///
/// When the text is no value, or not one of type `T`.
pub fn from_repr<'de, T: Deserialize<'de>>(repr: &'de [u8]) -> Result<T, ValueError> {
    read(de::Deserializer::new(repr)?)
}

/// The same for a `repr` whose floats are exact decimals, to be read as written and not as the board's parser
/// would.
pub(crate) fn from_exact_repr<'de, T: Deserialize<'de>>(repr: &'de [u8]) -> Result<T, ValueError> {
    read(de::Deserializer::new(repr)?.exact())
}

fn read<'de, T: Deserialize<'de>>(mut deserializer: de::Deserializer<'de>) -> Result<T, ValueError> {
    let value = deserializer.part(PhantomData)?;
    deserializer.end()?;
    Ok(value)
}
