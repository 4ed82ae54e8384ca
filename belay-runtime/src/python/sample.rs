//! Finds out whether a type contains handles, by deserialising it from made-up values of whatever types it
//! asks for.

use std::cell::Cell;

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::error::ValueError;
use super::tag;

/// How many values are made up at most, since a type can contain itself.
const SAMPLES: u32 = 64;

/// Whether values of this type can contain handles.
pub(super) fn has_handles<T: DeserializeOwned>() -> bool {
    let seen = Seen {
        handle: Cell::new(false),
        left: Cell::new(SAMPLES),
    };
    // The result does not matter: a handle was seen by now, or the type contains none that can be found.
    let _ = T::deserialize(Sample(&seen));
    seen.handle.get()
}

struct Seen {
    handle: Cell<bool>,
    left: Cell<u32>,
}

/// Deserialises as whatever type is asked for.
#[derive(Clone, Copy)]
struct Sample<'a>(&'a Seen);

fn enough<T>() -> Result<T, ValueError> {
    Err(ValueError::plain("there is no more".to_owned()))
}

impl Sample<'_> {
    fn spend(self) -> Result<(), ValueError> {
        let Some(left) = self.0.left.get().checked_sub(1) else {
            return enough();
        };
        self.0.left.set(left);
        Ok(())
    }
}

macro_rules! samples {
    ($($method:ident => $visit:ident($($value:expr)?),)*) => {
        $(
            fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
                self.spend()?;
                visitor.$visit($($value)?)
            }
        )*
    };
}

impl<'de> Deserializer<'de> for Sample<'_> {
    type Error = ValueError;

    samples! {
        deserialize_any => visit_unit(),
        deserialize_bool => visit_bool(true),
        deserialize_i8 => visit_i8(1),
        deserialize_i16 => visit_i16(1),
        deserialize_i32 => visit_i32(1),
        deserialize_i64 => visit_i64(1),
        deserialize_i128 => visit_i128(1),
        deserialize_u8 => visit_u8(1),
        deserialize_u16 => visit_u16(1),
        deserialize_u32 => visit_u32(1),
        deserialize_u64 => visit_u64(1),
        deserialize_u128 => visit_u128(1),
        deserialize_f32 => visit_f32(1.0),
        deserialize_f64 => visit_f64(1.0),
        deserialize_char => visit_char('a'),
        deserialize_str => visit_str("a"),
        deserialize_string => visit_str("a"),
        deserialize_bytes => visit_bytes(b"a"),
        deserialize_byte_buf => visit_bytes(b"a"),
        deserialize_unit => visit_unit(),
        deserialize_identifier => visit_str("a"),
        deserialize_ignored_any => visit_unit(),
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        self.spend()?;
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        self.spend()?;
        if name == tag::OBJECT {
            self.0.handle.set(true);
            return enough();
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        self.deserialize_tuple(1, visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, ValueError> {
        self.spend()?;
        visitor.visit_seq(Several { sample: self, len })
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        self.deserialize_struct("", &["a"], visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        self.spend()?;
        let sample = self;
        visitor.visit_map(Fields { sample, fields })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, ValueError> {
        // Which variant the board would send is not known.
        enough()
    }
}

/// A sequence of made-up values.
struct Several<'a> {
    sample: Sample<'a>,
    len: usize,
}

impl<'de> SeqAccess<'de> for Several<'_> {
    type Error = ValueError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, ValueError> {
        let Some(len) = self.len.checked_sub(1) else {
            return Ok(None);
        };
        self.len = len;
        seed.deserialize(self.sample).map(Some)
    }
}

/// A made-up value for each field.
struct Fields<'a> {
    sample: Sample<'a>,
    fields: &'static [&'static str],
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = ValueError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ValueError> {
        let Some((name, others)) = self.fields.split_first() else {
            return Ok(None);
        };
        self.fields = others;
        seed.deserialize(Key(name, self.sample)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ValueError> {
        seed.deserialize(self.sample)
    }
}

macro_rules! keys {
    ($($method:ident,)*) => {
        $(
            fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
                self.1.$method(visitor)
            }
        )*
    };
}

/// A key: the name of a struct's field, or a made-up key of a map.
struct Key<'a>(&'static str, Sample<'a>);

impl<'de> Deserializer<'de> for Key<'_> {
    type Error = ValueError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        visitor.visit_str(self.0)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        self.1.deserialize_enum(name, variants, visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, ValueError> {
        self.1.deserialize_tuple(len, visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        self.1.deserialize_newtype_struct(name, visitor)
    }

    keys! {
        deserialize_bool, deserialize_char, deserialize_i8, deserialize_i16, deserialize_i32, deserialize_i64,
        deserialize_i128, deserialize_u8, deserialize_u16, deserialize_u32, deserialize_u64, deserialize_u128,
    }

    forward_to_deserialize_any! {
        f32 f64 str string bytes byte_buf option unit unit_struct seq tuple_struct map struct identifier ignored_any
    }
}
