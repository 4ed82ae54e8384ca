//! The containers as serde's visitors access them.

use std::borrow::Cow;

use serde::de::value::{BorrowedStrDeserializer, BytesDeserializer, StrDeserializer};
use serde::de::{
    self, Deserialize as _, DeserializeSeed, EnumAccess, IgnoredAny, MapAccess, SeqAccess, VariantAccess,
    Visitor,
};

use super::{Deserializer, Want};
use crate::python::error::{Segment, ValueError};

/// The elements of a list, tuple, set or array.
pub(super) struct Elements<'a, 'de> {
    de: &'a mut Deserializer<'de>,
    close: u8,
    count: usize,
    done: bool,
}

impl<'a, 'de> Elements<'a, 'de> {
    pub(super) fn new(de: &'a mut Deserializer<'de>, close: u8) -> Self {
        Self {
            de,
            close,
            count: 0,
            done: false,
        }
    }

    /// Goes to the next element, if there is one.
    #[inline]
    fn advance(&mut self) -> Result<bool, ValueError> {
        if self.done {
            return Ok(false);
        }
        if self.count > 0 && self.de.eat_separator(b',', self.close) {
            return Ok(true);
        }
        self.de.skip_space();
        let comma = self.count > 0 && self.de.eat(b',');
        if comma {
            self.de.skip_space();
        }
        let tuple = self.close == b')';
        if self.de.peek() == Some(self.close) {
            // A tuple of one element, and only that, ends in a comma.
            if comma != (tuple && self.count == 1) {
                return Err(self.de.malformed("another element"));
            }
            self.de.at += 1;
            self.done = true;
            return Ok(false);
        }
        if self.count > 0 && !comma {
            if self.close == b'}' && self.de.peek() == Some(b':') {
                return Err(ValueError::mismatch(&"a sequence"));
            }
            return Err(self.de.malformed("`,` or the end of the sequence"));
        }
        Ok(true)
    }

    /// Reads to the closing bracket. It is an error if elements are left that the visitor has not read.
    pub(super) fn finish(&mut self) -> Result<(), ValueError> {
        let wanted = self.count;
        while self.advance()? {
            IgnoredAny::deserialize(&mut *self.de)?;
            self.count += 1;
        }
        too_many(self.count, wanted)
    }
}

fn too_many(count: usize, wanted: usize) -> Result<(), ValueError> {
    if count == wanted {
        return Ok(());
    }
    Err(de::Error::invalid_length(count, &format!("{wanted}").as_str()))
}

impl<'de> SeqAccess<'de> for &mut Elements<'_, 'de> {
    type Error = ValueError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, ValueError> {
        if !self.advance()? {
            return Ok(None);
        }
        match self.de.part(seed) {
            Ok(element) => {
                self.count += 1;
                Ok(Some(element))
            }
            Err(error) => Err(error.inside(Segment::Index(self.count))),
        }
    }
}

/// The entries of a dict.
pub(super) struct Entries<'a, 'de> {
    de: &'a mut Deserializer<'de>,
    first: bool,
    done: bool,
    /// The offset at which the last key begins.
    key_from: usize,
}

impl<'a, 'de> Entries<'a, 'de> {
    pub(super) fn new(de: &'a mut Deserializer<'de>) -> Self {
        Self {
            de,
            first: true,
            done: false,
            key_from: 0,
        }
    }

    pub(super) fn finish(&mut self) -> Result<(), ValueError> {
        let mut entries = &mut *self;
        while MapAccess::next_entry::<IgnoredAny, IgnoredAny>(&mut entries)?.is_some() {}
        Ok(())
    }
}

impl<'de> MapAccess<'de> for &mut Entries<'_, 'de> {
    type Error = ValueError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ValueError> {
        if self.done {
            return Ok(None);
        }
        if self.first || !self.de.eat_separator(b',', b'}') {
            self.de.skip_space();
            if self.de.eat(b'}') {
                self.done = true;
                return Ok(None);
            }
            if !self.first {
                self.de.expect(b',', "`,` or the end of the dict")?;
                self.de.skip_space();
            }
        }
        self.first = false;
        self.key_from = self.de.at;
        seed.deserialize(&mut *self.de).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ValueError> {
        let key_to = self.de.at;
        if !self.de.eat_separator(b':', b'}') {
            self.de.skip_space();
            if matches!(self.de.peek(), Some(b',' | b'}')) {
                return Err(ValueError::mismatch(&"a dict"));
            }
            self.de.expect(b':', "`:`")?;
        }
        self.de.part(seed).map_err(|error| {
            let key = String::from_utf8_lossy(&self.de.text[self.key_from..key_to]);
            error.inside(Segment::from_literal(&key))
        })
    }
}

/// The fields of a namedtuple.
pub(super) struct Fields<'a, 'de> {
    de: &'a mut Deserializer<'de>,
    count: usize,
    done: bool,
    name: &'de str,
}

impl<'a, 'de> Fields<'a, 'de> {
    pub(super) fn new(de: &'a mut Deserializer<'de>) -> Self {
        Self {
            de,
            count: 0,
            done: false,
            name: "",
        }
    }

    /// Goes to the value of the next field, if there is one.
    fn advance(&mut self) -> Result<bool, ValueError> {
        if self.done {
            return Ok(false);
        }
        if self.count > 0 {
            self.de.skip_space();
            if self.de.eat(b')') {
                self.done = true;
                return Ok(false);
            }
            self.de.expect(b',', "`,` or `)`")?;
            self.de.skip_space();
        }
        let name = self.de.peek_name();
        self.name = str::from_utf8(name).unwrap_or_default();
        self.de.at += name.len();
        if name.is_empty() {
            return Err(self.de.malformed("the name of a field"));
        }
        self.de.expect(b'=', "`=`")?;
        self.count += 1;
        Ok(true)
    }

    fn field<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, ValueError> {
        self.de
            .part(seed)
            .map_err(|error| error.inside(Segment::Name(self.name.to_owned().into())))
    }

    pub(super) fn finish(&mut self) -> Result<(), ValueError> {
        let wanted = self.count;
        while self.advance()? {
            IgnoredAny::deserialize(&mut *self.de)?;
        }
        too_many(self.count, wanted)
    }
}

impl<'de> SeqAccess<'de> for &mut Fields<'_, 'de> {
    type Error = ValueError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, ValueError> {
        if !self.advance()? {
            return Ok(None);
        }
        self.field(seed).map(Some)
    }
}

impl<'de> MapAccess<'de> for &mut Fields<'_, 'de> {
    type Error = ValueError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ValueError> {
        if !self.advance()? {
            return Ok(None);
        }
        seed.deserialize(BorrowedStrDeserializer::new(self.name))
            .map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ValueError> {
        self.field(seed)
    }
}

/// An enum variant with contents, `'Name': contents`, read from behind the opening brace.
pub(super) struct Variant<'a, 'de> {
    de: &'a mut Deserializer<'de>,
    name: Cow<'de, str>,
}

impl<'a, 'de> Variant<'a, 'de> {
    pub(super) fn new(de: &'a mut Deserializer<'de>) -> Self {
        Self { de, name: "".into() }
    }

    fn contents<T>(
        self,
        read: impl FnOnce(&mut Deserializer<'de>) -> Result<T, ValueError>,
    ) -> Result<T, ValueError> {
        read(self.de).map_err(|error| error.inside(Segment::Name(self.name.into_owned().into())))
    }
}

impl<'de> EnumAccess<'de> for Variant<'_, 'de> {
    type Error = ValueError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(mut self, seed: V) -> Result<(V::Value, Self), ValueError> {
        let start = self.de.at;
        let quote = self.de.peek().unwrap_or_default();
        self.de.at += 1;
        self.name = self.de.string(quote)?;
        let variant = seed
            .deserialize(StrDeserializer::<ValueError>::new(&self.name))
            .map_err(|error| self.de.located(error, start))?;
        self.de.skip_space();
        self.de.expect(b':', "`:`")?;
        Ok((variant, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_, 'de> {
    type Error = ValueError;

    fn unit_variant(self) -> Result<(), ValueError> {
        self.contents(|de| <()>::deserialize(de))
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, ValueError> {
        self.contents(|de| de.part(seed))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, ValueError> {
        self.contents(|de| de.value(visitor, Want::Sequence))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        self.contents(|de| de.value(visitor, Want::Struct))
    }
}

/// How a Python type that serde's data model lacks is shown to `Value`: the name of the type as the variant,
/// and the contents as its data.
pub(super) struct Tagged<'a, 'b, 'de> {
    pub(super) tag: Cow<'static, str>,
    pub(super) content: Content<'a, 'b, 'de>,
}

pub(super) enum Content<'a, 'b, 'de> {
    Elements(&'a mut Elements<'b, 'de>),
    Fields(&'a mut Fields<'b, 'de>),
    Bytes(Cow<'de, [u8]>),
    Text(&'de str),
}

impl<'a, 'b, 'de> EnumAccess<'de> for Tagged<'a, 'b, 'de> {
    type Error = ValueError;
    type Variant = Content<'a, 'b, 'de>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self::Variant), ValueError> {
        let tag = seed.deserialize(StrDeserializer::<ValueError>::new(&self.tag))?;
        Ok((tag, self.content))
    }
}

impl<'de> VariantAccess<'de> for Content<'_, '_, 'de> {
    type Error = ValueError;

    fn unit_variant(self) -> Result<(), ValueError> {
        Err(ValueError::mismatch(&"a unit variant"))
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, ValueError> {
        match self {
            Self::Bytes(bytes) => seed.deserialize(BytesDeserializer::new(&bytes)),
            Self::Text(text) => seed.deserialize(BorrowedStrDeserializer::new(text)),
            Self::Elements(_) | Self::Fields(_) => Err(ValueError::mismatch(&"one value")),
        }
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, ValueError> {
        match self {
            Self::Elements(elements) => visitor.visit_seq(elements),
            Self::Fields(fields) => visitor.visit_seq(fields),
            Self::Bytes(_) | Self::Text(_) => Err(ValueError::mismatch(&visitor)),
        }
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        match self {
            Self::Fields(fields) => visitor.visit_map(fields),
            _ => Err(ValueError::mismatch(&visitor)),
        }
    }
}
