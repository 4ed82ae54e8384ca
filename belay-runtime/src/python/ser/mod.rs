//! The serialiser: any `Serialize` value becomes a Python expression.

mod compound;

use serde::{Serialize, ser};

use self::compound::{Close, Dict, Sequence};
use super::array::TypeCode;
use super::error::{MAX_DEPTH, Segment, ValueError};
use super::{literal, tag};

/// Writes values one after the other into one text.
pub(super) struct Writer<'a> {
    out: &'a mut String,
    depth: usize,
    /// Whether a key is being written, which may only contain what Python can hash.
    in_key: bool,
    /// The form in which the next value is written.
    form: Form,
}

/// The form that one of our own types requests by a name in [`tag`].
#[derive(Debug, Clone, Copy, PartialEq)]
enum Form {
    Plain,
    Int,
    Set,
    FrozenSet,
    ByteArray,
    Array(TypeCode),
    Object,
}

impl<'a> Writer<'a> {
    pub(super) fn new(out: &'a mut String) -> Self {
        Self {
            out,
            depth: 0,
            in_key: false,
            form: Form::Plain,
        }
    }

    fn enter(&mut self) -> Result<(), ValueError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(too_deep());
        }
        Ok(())
    }

    fn hashable(&self, what: &str) -> Result<(), ValueError> {
        if self.in_key {
            return Err(ValueError::with_hint(
                format!("{what} cannot be a key in Python"),
                "use a string, a number, bytes, a tuple, or an enum of plain names as the key",
            ));
        }
        Ok(())
    }

    #[inline]
    fn write_int(&mut self, value: impl itoa::Integer) {
        self.out.push_str(itoa::Buffer::new().format(value));
    }

    fn sequence(&mut self) -> Result<Sequence<'_, 'a>, ValueError> {
        self.enter()?;
        let form = std::mem::replace(&mut self.form, Form::Plain);
        let was_key = self.in_key;
        let (open, close) = match form {
            Form::Set => ("{", Close::Set),
            Form::FrozenSet => ("frozenset({", Close::FrozenSet),
            Form::Array(code) => return Ok(Sequence::array(self, code)),
            // A key has to be hashable, and a tuple is read wherever a list is.
            _ if was_key => ("(", Close::Tuple),
            _ => ("[", Close::Text("]")),
        };
        match form {
            Form::Set => self.hashable("a set")?,
            Form::FrozenSet => self.in_key = true,
            _ => {}
        }
        self.out.push_str(open);
        Ok(Sequence::new(self, close, was_key))
    }

    fn tuple(&mut self) -> Result<Sequence<'_, 'a>, ValueError> {
        if self.form != Form::Plain {
            return self.sequence();
        }
        self.enter()?;
        self.out.push('(');
        let was_key = self.in_key;
        Ok(Sequence::new(self, Close::Tuple, was_key))
    }

    fn dict(&mut self, what: &str) -> Result<Dict<'_, 'a>, ValueError> {
        self.hashable(what)?;
        self.enter()?;
        self.out.push('{');
        Ok(Dict::new(self))
    }

    /// Writes `{'Variant':`. [`Sequence`] or [`Dict`] close it with one more brace.
    fn variant(&mut self, variant: &str) -> Result<(), ValueError> {
        self.hashable("an enum's variant with contents")?;
        self.enter()?;
        self.out.push('{');
        literal::write_str(self.out, variant);
        self.out.push(':');
        Ok(())
    }
}

fn too_deep() -> ValueError {
    ValueError::plain(format!("the value is nested more than {MAX_DEPTH} levels deep"))
}

impl<'w, 'a> ser::Serializer for &'w mut Writer<'a> {
    type Ok = ();
    type Error = ValueError;
    type SerializeSeq = Sequence<'w, 'a>;
    type SerializeTuple = Sequence<'w, 'a>;
    type SerializeTupleStruct = Sequence<'w, 'a>;
    type SerializeTupleVariant = Sequence<'w, 'a>;
    type SerializeMap = Dict<'w, 'a>;
    type SerializeStruct = Dict<'w, 'a>;
    type SerializeStructVariant = Dict<'w, 'a>;

    fn serialize_bool(self, value: bool) -> Result<(), ValueError> {
        self.out.push_str(if value { "True" } else { "False" });
        Ok(())
    }

    fn serialize_i8(self, value: i8) -> Result<(), ValueError> {
        self.write_int(value);
        Ok(())
    }

    fn serialize_i16(self, value: i16) -> Result<(), ValueError> {
        self.write_int(value);
        Ok(())
    }

    fn serialize_i32(self, value: i32) -> Result<(), ValueError> {
        self.write_int(value);
        Ok(())
    }

    fn serialize_i64(self, value: i64) -> Result<(), ValueError> {
        self.write_int(value);
        Ok(())
    }

    fn serialize_i128(self, value: i128) -> Result<(), ValueError> {
        self.write_int(value);
        Ok(())
    }

    fn serialize_u8(self, value: u8) -> Result<(), ValueError> {
        self.write_int(value);
        Ok(())
    }

    fn serialize_u16(self, value: u16) -> Result<(), ValueError> {
        self.write_int(value);
        Ok(())
    }

    fn serialize_u32(self, value: u32) -> Result<(), ValueError> {
        self.write_int(value);
        Ok(())
    }

    fn serialize_u64(self, value: u64) -> Result<(), ValueError> {
        if std::mem::replace(&mut self.form, Form::Plain) == Form::Object {
            self.out.push_str("H(");
            self.write_int(value);
            self.out.push(')');
        } else {
            self.write_int(value);
        }
        Ok(())
    }

    fn serialize_u128(self, value: u128) -> Result<(), ValueError> {
        self.write_int(value);
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Result<(), ValueError> {
        literal::write_f32(self.out, value);
        Ok(())
    }

    fn serialize_f64(self, value: f64) -> Result<(), ValueError> {
        literal::write_f64(self.out, value);
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), ValueError> {
        let mut buffer = [0; 4];
        let text = value.encode_utf8(&mut buffer);
        if value.is_ascii() {
            literal::write_str(self.out, text);
        } else {
            literal::write_text(self.out, text);
        }
        Ok(())
    }

    fn serialize_str(self, value: &str) -> Result<(), ValueError> {
        if std::mem::replace(&mut self.form, Form::Plain) != Form::Int {
            literal::write_text(self.out, value);
            return Ok(());
        }
        // The name may be used by a foreign type: its text must not reach the board as code.
        let digits = value.strip_prefix('-').unwrap_or(value);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(ValueError::plain(format!("{value:?} is no int")));
        }
        self.out.push_str(value);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), ValueError> {
        if std::mem::replace(&mut self.form, Form::Plain) != Form::ByteArray {
            literal::write_bytes(self.out, value);
            return Ok(());
        }
        self.hashable("a bytearray")?;
        self.out.push_str("bytearray(");
        literal::write_bytes(self.out, value);
        self.out.push(')');
        Ok(())
    }

    fn serialize_none(self) -> Result<(), ValueError> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), ValueError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), ValueError> {
        self.out.push_str("None");
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
        literal::write_str(self.out, variant);
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<(), ValueError> {
        if name.starts_with(tag::PREFIX) {
            self.form = match name {
                tag::INT => Form::Int,
                tag::SET => Form::Set,
                tag::FROZENSET => Form::FrozenSet,
                tag::BYTEARRAY => Form::ByteArray,
                tag::OBJECT => Form::Object,
                _ => name
                    .strip_prefix(tag::ARRAY)
                    .and_then(TypeCode::from_name)
                    .map_or(Form::Plain, Form::Array),
            };
        }
        let result = value.serialize(&mut *self);
        self.form = Form::Plain;
        result
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), ValueError> {
        self.variant(variant)?;
        value
            .serialize(&mut *self)
            .map_err(|error| error.inside(Segment::Name(variant.into())))?;
        self.depth -= 1;
        self.out.push('}');
        Ok(())
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Sequence<'w, 'a>, ValueError> {
        // Only an estimate, and bounded, because the caller's type may report any length.
        self.out.reserve(len.unwrap_or_default().min(4096) * 4);
        self.sequence()
    }

    fn serialize_tuple(self, _: usize) -> Result<Sequence<'w, 'a>, ValueError> {
        self.tuple()
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Sequence<'w, 'a>, ValueError> {
        self.tuple()
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Sequence<'w, 'a>, ValueError> {
        self.variant(variant)?;
        self.depth -= 1;
        let mut sequence = self.tuple()?;
        sequence.close = Close::TupleVariant;
        Ok(sequence)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Dict<'w, 'a>, ValueError> {
        self.dict("a map")
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Dict<'w, 'a>, ValueError> {
        self.dict("a struct")
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Dict<'w, 'a>, ValueError> {
        self.variant(variant)?;
        self.depth -= 1;
        let mut dict = self.dict("a struct")?;
        dict.close = "}}";
        Ok(dict)
    }

    fn is_human_readable(&self) -> bool {
        true
    }
}
