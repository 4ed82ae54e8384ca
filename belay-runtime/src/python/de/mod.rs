//! The deserialiser: reads the `repr` that a board prints into any `Deserialize` value, without a tree in
//! between.

mod access;
mod ahead;
mod named;
mod number;
mod scan;

use std::borrow::Cow;

use serde::de::value::{BorrowedStrDeserializer, SeqDeserializer, StringDeserializer};
use serde::de::{self, DeserializeSeed, IgnoredAny, Visitor};

use self::access::{Content, Elements, Entries, Tagged, Variant};
use self::ahead::Ahead;
use super::error::{MAX_DEPTH, ValueError};
use super::tag;

/// Reads values one after the other from the text that the board sent.
pub(super) struct Deserializer<'de> {
    /// What the board sent.
    source: &'de str,
    /// The same as bytes.
    text: &'de [u8],
    at: usize,
    depth: usize,
    ahead: Ahead,
    /// Whether floats are read as written (correctly rounded), rather than as the board's own parser reads
    /// them.
    exact: bool,
}

/// The kind of value that the caller's type expects. It decides where a Python type can be read in more than
/// one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Want {
    /// Any type.
    Any,
    /// Any type, for a `Value`: tagged with the Python type where serde's data model lacks it.
    Value,
    /// Nothing: the value is skipped.
    Nothing,
    Int,
    F32,
    F64,
    /// A str and not bytes, although serde's own string types would accept both.
    Text,
    /// Bytes and not a str, although serde's own byte types would accept both.
    Bytes,
    Sequence,
    Map,
    Struct,
}

impl<'de> Deserializer<'de> {
    pub(super) fn new(text: &'de [u8]) -> Result<Self, ValueError> {
        let source = str::from_utf8(text).map_err(|error| {
            ValueError::plain(format!(
                "the board's reply is no value in Python: it is not UTF-8 at byte {}",
                error.valid_up_to()
            ))
        })?;
        Ok(Self {
            source,
            text,
            at: 0,
            depth: 0,
            ahead: Ahead::default(),
            exact: false,
        })
    }

    /// The same deserialiser, but reading floats as they are written.
    pub(super) fn exact(self) -> Self {
        Self { exact: true, ..self }
    }

    /// Checks that nothing follows.
    pub(super) fn end(&mut self) -> Result<(), ValueError> {
        self.skip_space();
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.malformed("the end of the value")),
        }
    }

    /// Reads a value into the caller's type. An error says what the board sent at this place.
    #[inline]
    pub(super) fn part<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, ValueError> {
        let start = self.at;
        seed.deserialize(&mut *self)
            .map_err(|error| self.located(error, start))
    }

    #[inline]
    fn value<V: Visitor<'de>>(&mut self, visitor: V, want: Want) -> Result<V::Value, ValueError> {
        self.skip_space();
        let start = self.at;
        // Usually the board's value is of the expected kind; test for that first.
        let value = match (want, self.peek()) {
            (Want::Text, Some(quote @ (b'\'' | b'"'))) => self.text(quote, visitor),
            (Want::Int | Want::F32 | Want::F64, Some(b'0'..=b'9' | b'-')) => self.number(visitor, want),
            (_, Some(b'T')) if self.eat_word(b"True") => visitor.visit_bool(true),
            (_, Some(b'F')) if self.eat_word(b"False") => visitor.visit_bool(false),
            _ => self.value_here(visitor, want),
        };
        value.map_err(|error| self.located(error, start))
    }

    #[inline]
    fn text<V: Visitor<'de>>(&mut self, quote: u8, visitor: V) -> Result<V::Value, ValueError> {
        self.at += 1;
        let text = self.plain(quote)?;
        if self.eat(quote) {
            return visitor.visit_borrowed_str(text);
        }
        visitor.visit_string(self.escaped(text, quote)?)
    }

    #[cold]
    fn located(&self, error: ValueError, start: usize) -> ValueError {
        if !error.wants_found() {
            return error;
        }
        let (text, type_name) = self.describe(start);
        error.found(text, type_name)
    }

    fn value_here<V: Visitor<'de>>(&mut self, visitor: V, want: Want) -> Result<V::Value, ValueError> {
        match self.peek() {
            Some(b'0'..=b'9' | b'-') => self.number(visitor, want),
            Some(b'\'' | b'"') if want == Want::Bytes => Err(ValueError::mismatch(&visitor)),
            Some(quote @ (b'\'' | b'"')) => self.text(quote, visitor),
            Some(b'[') if want == Want::Struct => Err(ValueError::mismatch(&visitor)),
            Some(b'[') => {
                self.at += 1;
                self.elements(b']', visitor)
            }
            Some(b'(') => self.parenthesis(visitor, want),
            Some(b'{') => self.brace(visitor, want),
            Some(b'b') if matches!(self.text.get(self.at + 1), Some(b'\'' | b'"')) => {
                let bytes = self.bytes_literal()?;
                bytes_value(bytes, visitor, want)
            }
            Some(b'_' | b'a'..=b'z' | b'A'..=b'Z' | 0x80..) => self.named(visitor, want),
            Some(b'<') => Err(self.not_a_value()),
            _ => Err(self.malformed("a value")),
        }
    }

    /// The elements of a sequence, read from behind its opening bracket.
    fn elements<V: Visitor<'de>>(&mut self, close: u8, visitor: V) -> Result<V::Value, ValueError> {
        self.enter()?;
        let mut elements = Elements::new(self, close);
        let value = visitor.visit_seq(&mut elements)?;
        elements.finish()?;
        self.depth -= 1;
        Ok(value)
    }

    /// The same elements; a `Value` is told the Python type as well.
    fn tagged_elements<V: Visitor<'de>>(
        &mut self,
        close: u8,
        tag: &'static str,
        visitor: V,
        want: Want,
    ) -> Result<V::Value, ValueError> {
        if want != Want::Value {
            return self.elements(close, visitor);
        }
        self.enter()?;
        let mut elements = Elements::new(self, close);
        let value = visitor.visit_enum(Tagged {
            tag: tag.into(),
            content: Content::Elements(&mut elements),
        })?;
        elements.finish()?;
        self.depth -= 1;
        Ok(value)
    }

    /// The entries of a dict, read from behind its opening brace.
    fn entries<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, ValueError> {
        self.enter()?;
        let mut entries = Entries::new(self);
        let value = visitor.visit_map(&mut entries)?;
        entries.finish()?;
        self.depth -= 1;
        Ok(value)
    }

    /// A tuple, a complex number, or a namedtuple that is printed without the name of its type.
    fn parenthesis<V: Visitor<'de>>(&mut self, visitor: V, want: Want) -> Result<V::Value, ValueError> {
        if let Some(parts) = self.complex()? {
            return visitor.visit_seq(SeqDeserializer::new(parts.into_iter()));
        }
        self.at += 1;
        if self.field_follows() {
            return self.fields("", visitor, want);
        }
        self.tagged_elements(b')', "tuple", visitor, want)
    }

    /// A dict or a set.
    fn brace<V: Visitor<'de>>(&mut self, visitor: V, want: Want) -> Result<V::Value, ValueError> {
        let dict = match want {
            Want::Map | Want::Struct => true,
            // An empty pair of braces is a dict, which `brace_is_dict` finds out at once.
            Want::Sequence | Want::Bytes | Want::Any | Want::Value => self.brace_is_dict()?,
            Want::Nothing => {
                self.skip_brace()?;
                return visitor.visit_unit();
            }
            Want::Int | Want::F32 | Want::F64 | Want::Text => return Err(ValueError::mismatch(&visitor)),
        };
        if dict && want == Want::Sequence {
            return Err(ValueError::mismatch(&visitor));
        }
        self.at += 1;
        if dict {
            self.entries(visitor)
        } else {
            self.tagged_elements(b'}', "set", visitor, want)
        }
    }

    /// Skips a value.
    fn skip(&mut self) -> Result<(), ValueError> {
        self.value(IgnoredAny, Want::Nothing).map(|_| ())
    }

    /// Skips a dict or set. Each byte is read only once, however deep the nesting; looking ahead at each
    /// level would read it again.
    fn skip_brace(&mut self) -> Result<(), ValueError> {
        self.enter()?;
        let start = self.at;
        self.at += 1;
        self.skip_space();
        if self.peek() == Some(b'}') {
            self.ahead.found_dict(start);
        }
        while !self.eat(b'}') {
            self.skip()?;
            self.skip_space();
            if self.eat(b':') {
                self.ahead.found_dict(start);
                self.skip()?;
                self.skip_space();
            }
            if self.eat(b',') {
                self.skip_space();
            } else if self.peek() != Some(b'}') {
                return Err(self.malformed("`,` or `}`"));
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn enter(&mut self) -> Result<(), ValueError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(ValueError::plain(format!(
                "the board returned a value that is nested more than {MAX_DEPTH} levels deep"
            )));
        }
        Ok(())
    }
}

/// Passes bytes to the visitor in the form that the caller's type expects.
fn bytes_value<'de, V: Visitor<'de>>(
    bytes: Cow<'de, [u8]>,
    visitor: V,
    want: Want,
) -> Result<V::Value, ValueError> {
    match (bytes, want) {
        (_, Want::Text) => Err(ValueError::mismatch(&visitor)),
        (bytes, Want::Sequence) => visitor.visit_seq(SeqDeserializer::new(bytes.iter().copied())),
        (Cow::Borrowed(bytes), _) => visitor.visit_borrowed_bytes(bytes),
        (Cow::Owned(bytes), _) => visitor.visit_byte_buf(bytes),
    }
}

macro_rules! deserialize {
    ($($method:ident => $want:ident,)*) => {
        $(
            fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
                self.value(visitor, Want::$want)
            }
        )*
    };
}

impl<'de> de::Deserializer<'de> for &mut Deserializer<'de> {
    type Error = ValueError;

    deserialize! {
        deserialize_any => Any,
        deserialize_bool => Any,
        deserialize_i8 => Int,
        deserialize_i16 => Int,
        deserialize_i32 => Int,
        deserialize_i64 => Int,
        deserialize_i128 => Int,
        deserialize_u8 => Int,
        deserialize_u16 => Int,
        deserialize_u32 => Int,
        deserialize_u64 => Int,
        deserialize_u128 => Int,
        deserialize_f32 => F32,
        deserialize_f64 => F64,
        deserialize_char => Text,
        deserialize_str => Text,
        deserialize_string => Text,
        deserialize_bytes => Bytes,
        deserialize_byte_buf => Bytes,
        deserialize_unit => Any,
        deserialize_identifier => Text,
        deserialize_seq => Sequence,
        deserialize_map => Map,
        deserialize_ignored_any => Nothing,
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        self.skip_space();
        if self.peek() == Some(b'N') && self.eat_word(b"None") {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        self.value(visitor, Want::Any)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        match name {
            tag::VALUE => return self.value(visitor, Want::Value),
            tag::OBJECT => return self.object(visitor),
            _ => {}
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, ValueError> {
        self.value(visitor, Want::Sequence)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        self.value(visitor, Want::Sequence)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        self.value(visitor, Want::Struct)
    }

    /// A variant without contents is a str of its name; any other is a dict with one entry, from the name to
    /// the contents.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        self.skip_space();
        let start = self.at;
        let value = match self.peek() {
            Some(quote @ (b'\'' | b'"')) => {
                self.at += 1;
                match self.string(quote) {
                    Ok(Cow::Borrowed(name)) => visitor.visit_enum(BorrowedStrDeserializer::new(name)),
                    Ok(Cow::Owned(name)) => visitor.visit_enum(StringDeserializer::new(name)),
                    Err(error) => Err(error),
                }
            }
            Some(b'{') => self.variant(visitor),
            _ => self.value_here(visitor, Want::Any),
        };
        value.map_err(|error| self.located(error, start))
    }

    fn is_human_readable(&self) -> bool {
        true
    }
}

impl<'de> Deserializer<'de> {
    fn variant<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, ValueError> {
        self.enter()?;
        self.at += 1;
        self.skip_space();
        if !matches!(self.peek(), Some(b'\'' | b'"')) {
            return Err(ValueError::mismatch(&visitor));
        }
        let value = visitor.visit_enum(Variant::new(self))?;
        self.skip_space();
        if self.peek() == Some(b',') {
            return Err(ValueError::mismatch(&"a dict with one key, the variant's name"));
        }
        self.expect(b'}', "`}`")?;
        self.depth -= 1;
        Ok(value)
    }
}
