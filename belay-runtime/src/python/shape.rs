//! Which kind of value a type is read from, as shown by what it requests first of a deserialiser.

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::error::ValueError;
use super::sample;
use super::tag;

/// A tuple with more elements than this is an array: serde implements tuples up to this length only.
const TUPLE: usize = 16;

/// The kind of value that a result will be read as, which decides how the board sends it. It is only a hint:
/// the board sends a result of another type as its `repr`, and any result can be read as any type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Shape {
    /// Values that a `repr` expresses exactly: ints, text, bytes.
    Plain,
    /// One float.
    Float,
    /// A sequence of floats.
    Floats,
    /// A sequence of texts.
    Texts,
    /// A sequence of ints, in arrays with one of these type codes, the first one that holds them.
    Ints(&'static str),
    /// Any value, with the time at which the board had it.
    Stamped,
    /// A value that contains handles of objects, which stay on the board.
    Objects(Handles),
    /// A value that can contain floats.
    #[default]
    Any,
}

/// Where the handles are in a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Handles {
    /// The result is a handle.
    Itself,
    /// The result is a list of handles.
    List,
    /// The handles are among other values.
    Somewhere,
    /// The handles are among other values, and floats beside them have to keep all their bits.
    SomewhereExactly,
}

impl Handles {
    /// The same, but with all bits of the floats, where floats are possible.
    pub(super) fn exact(self) -> Self {
        match self {
            Self::Somewhere => Self::SomewhereExactly,
            other => other,
        }
    }
}

impl Shape {
    /// The shape of this type.
    pub(crate) fn of<T: DeserializeOwned>() -> Self {
        let mut asked = Asked::Any;
        // The probe never returns a value, so this always fails.
        let _ = T::deserialize(Probe(&mut asked));
        match asked {
            Asked::Plain | Asked::Int(_) | Asked::Text | Asked::Sequence(Self::Plain) => Self::Plain,
            Asked::Float => Self::Float,
            Asked::Object => Self::Objects(Handles::Itself),
            Asked::Any | Asked::Sequence(Self::Any) if sample::has_handles::<T>() => {
                Self::Objects(Handles::Somewhere)
            }
            Asked::Sequence(shape) => shape,
            Asked::Stamped => Self::Stamped,
            Asked::Any => Self::Any,
        }
    }

    /// Whether objects in the result stay on the board.
    pub(crate) fn has_handles(self) -> bool {
        matches!(self, Self::Objects(_))
    }

    /// The agent's code for this shape.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Float => ".",
            Self::Floats => "f",
            Self::Texts => "t",
            Self::Ints(codes) => codes,
            Self::Stamped => "@",
            Self::Objects(Handles::Itself) => "Oo",
            Self::Objects(Handles::List) => "Ol",
            Self::Objects(Handles::Somewhere) => "Ow",
            Self::Objects(Handles::SomewhereExactly) => "OW",
            Self::Any => "E",
        }
    }
}

/// What the type has requested.
#[derive(Debug, Clone, Copy)]
enum Asked {
    Any,
    Stamped,
    Plain,
    Int(&'static str),
    Float,
    Text,
    Object,
    /// A sequence of this shape.
    Sequence(Shape),
}

/// Records what is requested, and never returns a value.
struct Probe<'a>(&'a mut Asked);

fn nothing<T>() -> Result<T, ValueError> {
    Err(ValueError::plain("there is no value".to_owned()))
}

macro_rules! shapes {
    ($($method:ident => $asked:expr,)*) => {
        $(
            fn $method<V: Visitor<'de>>(self, _: V) -> Result<V::Value, ValueError> {
                *self.0 = $asked;
                nothing()
            }
        )*
    };
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = ValueError;

    shapes! {
        deserialize_any => Asked::Any,
        deserialize_bool => Asked::Plain,
        deserialize_i8 => Asked::Int("b"),
        deserialize_u8 => Asked::Int("B"),
        deserialize_i16 => Asked::Int("h"),
        deserialize_u16 => Asked::Int("H"),
        deserialize_i32 => Asked::Int("hi"),
        deserialize_u32 => Asked::Int("HI"),
        deserialize_i64 => Asked::Int("hi"),
        deserialize_u64 => Asked::Int("HI"),
        deserialize_i128 => Asked::Int("hi"),
        deserialize_u128 => Asked::Int("HI"),
        deserialize_f32 => Asked::Float,
        deserialize_f64 => Asked::Float,
        deserialize_char => Asked::Plain,
        deserialize_str => Asked::Text,
        deserialize_string => Asked::Text,
        deserialize_bytes => Asked::Plain,
        deserialize_byte_buf => Asked::Plain,
        deserialize_unit => Asked::Plain,
    }

    forward_to_deserialize_any! { map enum identifier ignored_any struct }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        *self.0 = match name {
            tag::VALUE => Asked::Any,
            tag::OBJECT => Asked::Object,
            tag::STAMPED => Asked::Stamped,
            _ => return visitor.visit_newtype_struct(self),
        };
        nothing()
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        visitor.visit_seq(Elements(Some(self.0)))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, ValueError> {
        if len > TUPLE {
            return self.deserialize_seq(visitor);
        }
        // The elements can be of different types, and only the type of the first one is known.
        self.deserialize_any(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        self.deserialize_any(visitor)
    }
}

/// The elements of a sequence; only the first one can be requested.
struct Elements<'a>(Option<&'a mut Asked>);

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = ValueError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, ValueError> {
        let Some(asked) = self.0.take() else {
            return Ok(None);
        };
        let mut element = Asked::Any;
        // Always fails; see above.
        let _ = seed.deserialize(Probe(&mut element));
        *asked = Asked::Sequence(match element {
            Asked::Float => Shape::Floats,
            Asked::Int(codes) => Shape::Ints(codes),
            Asked::Text => Shape::Texts,
            Asked::Plain | Asked::Sequence(Shape::Plain | Shape::Ints(_) | Shape::Texts) => Shape::Plain,
            Asked::Object => Shape::Objects(Handles::List),
            Asked::Any | Asked::Stamped | Asked::Sequence(_) => Shape::Any,
        });
        nothing()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::time::Duration;

    use serde::Deserialize;

    use super::*;
    use crate::python::{Array, Bytes, Seconds, Stamped, Value};

    #[derive(Deserialize)]
    struct Wrapped(#[expect(dead_code, reason = "it is never read")] Vec<f32>);

    #[test]
    fn a_type_shows_what_it_is_read_from() {
        assert_eq!(Shape::of::<i32>(), Shape::Plain);
        assert_eq!(Shape::of::<()>(), Shape::Plain);
        assert_eq!(Shape::of::<Option<bool>>(), Shape::Plain);
        assert_eq!(Shape::of::<Bytes>(), Shape::Plain);
        assert_eq!(Shape::of::<String>(), Shape::Plain);
        assert_eq!(Shape::of::<Vec<Vec<String>>>(), Shape::Plain);
        assert_eq!(Shape::of::<Vec<char>>(), Shape::Plain);
        assert_eq!(Shape::of::<Vec<Vec<u8>>>(), Shape::Plain);
        assert_eq!(Shape::of::<f64>(), Shape::Float);
        assert_eq!(Shape::of::<Option<f32>>(), Shape::Float);
        assert_eq!(Shape::of::<Seconds>(), Shape::Float);
        assert_eq!(Shape::of::<Vec<f64>>(), Shape::Floats);
        assert_eq!(Shape::of::<Wrapped>(), Shape::Floats);
        assert_eq!(Shape::of::<Array<f32>>(), Shape::Floats);
        assert_eq!(Shape::of::<[f32; 17]>(), Shape::Floats);
        assert_eq!(Shape::of::<Array<i16>>(), Shape::Ints("h"));
        assert_eq!(Shape::of::<BTreeSet<u32>>(), Shape::Ints("HI"));
        assert_eq!(Shape::of::<Vec<String>>(), Shape::Texts);
        assert_eq!(Shape::of::<BTreeSet<Option<String>>>(), Shape::Texts);
        assert_eq!(Shape::of::<(f32, i32)>(), Shape::Any);
        assert_eq!(Shape::of::<Vec<Vec<f32>>>(), Shape::Any);
        assert_eq!(Shape::of::<BTreeMap<String, f32>>(), Shape::Any);
        assert_eq!(Shape::of::<Duration>(), Shape::Any);
        assert_eq!(Shape::of::<Value>(), Shape::Any);
        assert_eq!(Shape::of::<Stamped<f32>>(), Shape::Stamped);
        assert_eq!(Shape::of::<Vec<Stamped<u8>>>(), Shape::Any);
    }
}
