//! Values as JSON, which boards read ten times faster than Python; used where JSON expresses the same value
//! as the literal.

use serde::ser::{self, Impossible, Serialize, Serializer};

use super::error::ValueError;
use super::{literal, tag};

/// Appends a value as JSON (printable ASCII) that a board reads as exactly the value of its literal. Returns
/// whether such JSON exists; if not, the caller has to discard what was appended.
pub(super) fn write<T: Serialize + ?Sized>(out: &mut String, value: &T) -> bool {
    value.serialize(Writer(out)).is_ok()
}

/// Appends a string; false if boards would not read it back as it is.
pub(crate) fn write_text(out: &mut String, text: &str) -> bool {
    // Boards do not combine surrogate pairs, so JSON cannot express characters above U+FFFF.
    let has_all = text.chars().all(|char| u32::from(char) <= 0xffff);
    out.push('"');
    for char in text.chars() {
        match char {
            '"' | '\\' => out.extend(['\\', char]),
            ' '..='~' => out.push(char),
            '\n' => out.push_str("\\n"),
            _ => {
                out.push_str("\\u");
                literal::write_hex(out, u32::from(char), 4);
            }
        }
    }
    out.push('"');
    has_all
}

struct Writer<'a>(&'a mut String);

/// The error for a value that JSON cannot express exactly.
fn none<T>() -> Result<T, ValueError> {
    Err(ValueError::plain("it has to be a literal".to_owned()))
}

fn all_or_none(written: bool) -> Result<(), ValueError> {
    if written { Ok(()) } else { none() }
}

macro_rules! ints {
    ($($method:ident: $type:ty,)*) => {
        $(
            fn $method(self, value: $type) -> Result<(), ValueError> {
                self.0.push_str(itoa::Buffer::new().format(value));
                Ok(())
            }
        )*
    };
}

impl<'a> Serializer for Writer<'a> {
    type Ok = ();
    type Error = ValueError;
    type SerializeSeq = Compound<'a>;
    type SerializeTuple = Impossible<(), ValueError>;
    type SerializeTupleStruct = Impossible<(), ValueError>;
    type SerializeTupleVariant = Impossible<(), ValueError>;
    type SerializeMap = Compound<'a>;
    type SerializeStruct = Compound<'a>;
    type SerializeStructVariant = Compound<'a>;

    ints! {
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_i128: i128,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_u128: u128,
    }

    fn serialize_bool(self, value: bool) -> Result<(), ValueError> {
        self.0.push_str(if value { "true" } else { "false" });
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Result<(), ValueError> {
        let mut buffer = zmij::Buffer::new();
        match value
            .is_finite()
            .then(|| literal::decimal_of_f32(value, &mut buffer))
        {
            Some(Some(decimal)) => self.0.push_str(decimal),
            _ => return none(),
        }
        Ok(())
    }

    fn serialize_f64(self, value: f64) -> Result<(), ValueError> {
        let mut buffer = zmij::Buffer::new();
        match value
            .is_finite()
            .then(|| literal::decimal_of_f64(value, &mut buffer))
        {
            Some(Some(decimal)) => self.0.push_str(decimal),
            _ => return none(),
        }
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), ValueError> {
        all_or_none(write_text(self.0, value.encode_utf8(&mut [0; 4])))
    }

    fn serialize_str(self, value: &str) -> Result<(), ValueError> {
        all_or_none(write_text(self.0, value))
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<(), ValueError> {
        none()
    }

    fn serialize_none(self) -> Result<(), ValueError> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), ValueError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), ValueError> {
        self.0.push_str("null");
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), ValueError> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), ValueError> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<(), ValueError> {
        if name.starts_with(tag::PREFIX) && name != tag::VALUE {
            return none();
        }
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), ValueError> {
        let mut dict = Compound::new(self.0, '{', "}");
        dict.entry(variant, value)?;
        dict.finish();
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Compound<'a>, ValueError> {
        Ok(Compound::new(self.0, '[', "]"))
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, ValueError> {
        none()
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, ValueError> {
        none()
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, ValueError> {
        none()
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Compound<'a>, ValueError> {
        Ok(Compound::new(self.0, '{', "}"))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Compound<'a>, ValueError> {
        Ok(Compound::new(self.0, '{', "}"))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Compound<'a>, ValueError> {
        self.0.push('{');
        all_or_none(write_text(self.0, variant))?;
        self.0.push(':');
        Ok(Compound::new(self.0, '{', "}}"))
    }

    fn is_human_readable(&self) -> bool {
        true
    }
}

/// A list or dict that is being written.
struct Compound<'a> {
    out: &'a mut String,
    first: bool,
    close: &'static str,
}

impl<'a> Compound<'a> {
    fn new(out: &'a mut String, open: char, close: &'static str) -> Self {
        out.push(open);
        Self {
            out,
            first: true,
            close,
        }
    }

    fn separate(&mut self) {
        if !std::mem::take(&mut self.first) {
            self.out.push(',');
        }
    }

    fn entry<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), ValueError> {
        self.separate();
        all_or_none(write_text(self.out, name))?;
        self.out.push(':');
        value.serialize(Writer(self.out))
    }

    fn finish(self) {
        self.out.push_str(self.close);
    }
}

impl ser::SerializeSeq for Compound<'_> {
    type Ok = ();
    type Error = ValueError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
        self.separate();
        value.serialize(Writer(self.out))
    }

    fn end(self) -> Result<(), ValueError> {
        self.finish();
        Ok(())
    }
}

impl ser::SerializeMap for Compound<'_> {
    type Ok = ();
    type Error = ValueError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), ValueError> {
        self.separate();
        let start = self.out.len();
        key.serialize(Writer(self.out))?;
        // Boards would accept a number as a key, which is not JSON.
        all_or_none(self.out[start..].starts_with('"'))
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
        self.out.push(':');
        value.serialize(Writer(self.out))
    }

    fn end(self) -> Result<(), ValueError> {
        self.finish();
        Ok(())
    }
}

impl ser::SerializeStruct for Compound<'_> {
    type Ok = ();
    type Error = ValueError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), ValueError> {
        self.entry(name, value)
    }

    fn end(self) -> Result<(), ValueError> {
        self.finish();
        Ok(())
    }
}

impl ser::SerializeStructVariant for Compound<'_> {
    type Ok = ();
    type Error = ValueError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), ValueError> {
        self.entry(name, value)
    }

    fn end(self) -> Result<(), ValueError> {
        self.finish();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Serialize;

    use super::*;
    use crate::python::{Bytes, Value};

    fn json<T: Serialize + ?Sized>(value: &T) -> Option<String> {
        let mut out = String::new();
        write(&mut out, value).then_some(out)
    }

    #[derive(Serialize)]
    enum Command {
        Stop,
        Speed(u8),
        Blink { on_ms: Option<u32>, text: String },
        Move(i8, i8),
    }

    #[test]
    fn what_json_says_all_of_is_written_as_json() {
        for (value, expected) in [
            (json(&501), "501"),
            (json(&u128::MAX), "340282366920938463463374607431768211455"),
            (json(&-1.5), "-1.5"),
            (json(&-0.0), "-0.0"),
            (json(&(None::<u8>)), "null"),
            (json(&vec![true, false]), "[true,false]"),
            (json("a'\"\\\n\x03\x7f€"), r#""a'\"\\\n\u0003\u007f\u20ac""#),
            (json(&BTreeMap::from([("a", vec![(); 0])])), r#"{"a":[]}"#),
            (json(&Command::Stop), r#""Stop""#),
            (json(&Command::Speed(3)), r#"{"Speed":3}"#),
            (
                json(&Command::Blink {
                    on_ms: None,
                    text: "x".into(),
                }),
                r#"{"Blink":{"on_ms":null,"text":"x"}}"#,
            ),
            (json(&Value::List(vec![Value::from(1)])), "[1]"),
        ] {
            assert_eq!(value.as_deref(), Some(expected));
        }
    }

    #[test]
    fn what_json_has_no_word_for_is_not() {
        for value in [
            json(&(1, 2)),
            json(&[1, 2]),
            json(&Bytes(vec![1])),
            json("\u{10000}"),
            json(&'\u{10ffff}'),
            json(&f64::NAN),
            json(&f32::INFINITY),
            json(&0.123_456_789_012_3),
            json(&BTreeMap::from([(1, 2)])),
            json(&BTreeMap::from([(None::<&str>, 2)])),
            json(&Command::Move(1, 2)),
            json(&Value::Tuple(vec![])),
            json(&Value::Set(vec![])),
            json(&Value::ByteArray(vec![])),
        ] {
            assert_eq!(value, None);
        }
    }
}
