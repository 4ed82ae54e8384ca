//! Arguments that are attached to a call as data instead of being written into it, because they are large or
//! because JSON cannot express them exactly. The board decodes them without its compiler.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::ser::{Impossible, Serialize, SerializeSeq, SerializeTuple, Serializer};

use super::array::TypeCode;
use super::error::ValueError;
use super::{literal, tag};

/// Text of up to this many bytes is written into the call instead of being attached; the limits for bytes and
/// for sequences of numbers follow.
const SHORT_TEXT: usize = 64;
const SHORT_BYTES: usize = 32;
const SHORT_ROW: usize = 24;

/// How many different characters that a line cannot contain may be replaced by others. Undoing each costs the
/// board one pass over the text.
const REPLACED: usize = 4;

/// An argument in the form in which it is attached to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attached {
    /// Its type and encoding, as `agent/attached.py` reads them.
    pub(crate) how: String,
    /// The encoded value: printable ASCII.
    pub(crate) data: String,
}

impl Attached {
    /// Encodes a value, if attaching it is worth it.
    pub(super) fn of<T: Serialize + ?Sized>(value: &T) -> Option<Self> {
        value.serialize(Collector { form: Form::Plain }).ok()
    }

    fn text(text: &str) -> Self {
        Self::replaced('s', text.as_bytes()).unwrap_or_else(|| Self::base64("S", text.as_bytes()))
    }

    fn bytes(bytes: &[u8]) -> Self {
        Self::replaced('b', bytes).unwrap_or_else(|| Self::base64("B", bytes))
    }

    fn base64(how: &str, bytes: &[u8]) -> Self {
        Self {
            how: how.to_owned(),
            data: STANDARD.encode(bytes),
        }
    }

    /// ASCII text as it is, with a few characters replaced by others that do not occur in it.
    fn replaced(kind: char, bytes: &[u8]) -> Option<Self> {
        let mut seen = [false; 128];
        for byte in bytes {
            *seen.get_mut(usize::from(*byte))? = true;
        }
        let is_printable = |byte: &u8| (b' '..0x7f).contains(byte);
        let special = (0..128_u8).filter(|byte| seen[usize::from(*byte)] && !is_printable(byte));
        let mut free = (0..128_u8).filter(|byte| !seen[usize::from(*byte)] && is_printable(byte));
        let mut how = String::from(kind);
        let mut stands_for: [u8; 128] = std::array::from_fn(|byte| u8::try_from(byte).unwrap_or(0));
        for (many, byte) in special.enumerate() {
            if many == REPLACED {
                return None;
            }
            let other = free.next()?;
            stands_for[usize::from(byte)] = other;
            how.extend([char::from(other), char::from(byte)]);
        }
        let data = bytes
            .iter()
            .map(|byte| char::from(stands_for[usize::from(*byte)]));
        Some(Self {
            how,
            data: data.collect(),
        })
    }
}

/// The outcome for a value that is not attached, but written into the call.
fn none<T>() -> Result<T, ValueError> {
    Err(ValueError::plain("it is not attached".to_owned()))
}

#[derive(Debug, Clone, Copy)]
enum Form {
    Plain,
    ByteArray,
    Array(TypeCode),
}

struct Collector {
    form: Form,
}

macro_rules! refuse {
    ($($method:ident($($argument:ty),*) -> $ok:ty;)*) => {
        $(
            fn $method(self, $(_: $argument),*) -> Result<$ok, ValueError> {
                none()
            }
        )*
    };
}

impl Serializer for Collector {
    type Ok = Attached;
    type Error = ValueError;
    type SerializeSeq = Row;
    type SerializeTuple = Row;
    type SerializeTupleStruct = Impossible<Attached, ValueError>;
    type SerializeTupleVariant = Impossible<Attached, ValueError>;
    type SerializeMap = Impossible<Attached, ValueError>;
    type SerializeStruct = Impossible<Attached, ValueError>;
    type SerializeStructVariant = Impossible<Attached, ValueError>;

    refuse! {
        serialize_bool(bool) -> Attached;
        serialize_i8(i8) -> Attached;
        serialize_i16(i16) -> Attached;
        serialize_i32(i32) -> Attached;
        serialize_i64(i64) -> Attached;
        serialize_i128(i128) -> Attached;
        serialize_u8(u8) -> Attached;
        serialize_u16(u16) -> Attached;
        serialize_u32(u32) -> Attached;
        serialize_u64(u64) -> Attached;
        serialize_u128(u128) -> Attached;
        serialize_f32(f32) -> Attached;
        serialize_f64(f64) -> Attached;
        serialize_char(char) -> Attached;
        serialize_none() -> Attached;
        serialize_unit() -> Attached;
        serialize_unit_struct(&'static str) -> Attached;
        serialize_unit_variant(&'static str, u32, &'static str) -> Attached;
        serialize_tuple_struct(&'static str, usize) -> Self::SerializeTupleStruct;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Self::SerializeTupleVariant;
        serialize_map(Option<usize>) -> Self::SerializeMap;
        serialize_struct(&'static str, usize) -> Self::SerializeStruct;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Self::SerializeStructVariant;
    }

    fn serialize_str(self, value: &str) -> Result<Attached, ValueError> {
        match self.form {
            Form::Plain if value.len() > SHORT_TEXT => Ok(Attached::text(value)),
            _ => none(),
        }
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<Attached, ValueError> {
        match self.form {
            Form::Plain if value.len() > SHORT_BYTES => Ok(Attached::bytes(value)),
            Form::ByteArray if value.len() > SHORT_BYTES => Ok(Attached::base64("Y", value)),
            _ => none(),
        }
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Attached, ValueError> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<Attached, ValueError> {
        let form = match name {
            tag::BYTEARRAY => Form::ByteArray,
            tag::VALUE => Form::Plain,
            _ => match name.strip_prefix(tag::ARRAY).and_then(TypeCode::from_name) {
                Some(code) => Form::Array(code),
                None if name.starts_with(tag::PREFIX) => return none(),
                None => Form::Plain,
            },
        };
        value.serialize(Self { form })
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<Attached, ValueError> {
        none()
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Row, ValueError> {
        Ok(Row::new('L', self.form))
    }

    fn serialize_tuple(self, _: usize) -> Result<Row, ValueError> {
        Ok(Row::new('T', self.form))
    }

    fn is_human_readable(&self) -> bool {
        true
    }
}

/// A sequence of numbers that are either all ints or all floats.
struct Row {
    kind: char,
    count: usize,
    numbers: Numbers,
}

enum Numbers {
    None,
    Ints(Vec<i64>),
    Floats(Vec<f64>),
    Array(TypeCode, Vec<u8>),
}

impl Row {
    fn new(kind: char, form: Form) -> Self {
        let numbers = match form {
            Form::Array(code) => Numbers::Array(code, Vec::new()),
            _ => Numbers::None,
        };
        Self {
            kind,
            count: 0,
            numbers,
        }
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
        self.count += 1;
        if let Numbers::Array(code, bytes) = &mut self.numbers {
            return value.serialize(code.element_writer(bytes));
        }
        match (&mut self.numbers, value.serialize(Element)?) {
            (Numbers::Ints(all), Number::Int(int)) => all.push(int),
            (Numbers::Floats(all), Number::Float(float)) => all.push(float),
            (none @ Numbers::None, Number::Int(int)) => *none = Numbers::Ints(vec![int]),
            (none @ Numbers::None, Number::Float(float)) => *none = Numbers::Floats(vec![float]),
            _ => return none(),
        }
        Ok(())
    }

    fn finish(self) -> Result<Attached, ValueError> {
        if self.count < SHORT_ROW {
            return none();
        }
        let (code, bytes) = match self.numbers {
            Numbers::None => return none(),
            Numbers::Array(code, bytes) => {
                let how = format!("A{}", code.as_char());
                return Ok(Attached::base64(&how, &bytes));
            }
            Numbers::Ints(ints) => ints_in_memory(&ints)?,
            Numbers::Floats(floats) => ('d', floats.into_iter().flat_map(f64::to_le_bytes).collect()),
        };
        Ok(Attached::base64(&format!("{}{code}", self.kind), &bytes))
    }
}

/// Ints, encoded as the memory of the smallest array that holds them.
fn ints_in_memory(ints: &[i64]) -> Result<(char, Vec<u8>), ValueError> {
    let least = ints.iter().min().copied().unwrap_or(0);
    let greatest = ints.iter().max().copied().unwrap_or(0);
    let (code, size) = match (least, greatest) {
        (0.., ..=0xff) => ('B', 1),
        (-0x80.., ..=0x7f) => ('b', 1),
        (0.., ..=0xffff) => ('H', 2),
        (-0x8000.., ..=0x7fff) => ('h', 2),
        (0.., ..=0xffff_ffff) => ('I', 4),
        (-0x8000_0000.., ..=0x7fff_ffff) => ('i', 4),
        _ => return none(),
    };
    let bytes = |int: &i64| int.to_le_bytes().into_iter().take(size);
    Ok((code, ints.iter().flat_map(bytes).collect()))
}

impl SerializeSeq for Row {
    type Ok = Attached;
    type Error = ValueError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
        self.element(value)
    }

    fn end(self) -> Result<Attached, ValueError> {
        self.finish()
    }
}

impl SerializeTuple for Row {
    type Ok = Attached;
    type Error = ValueError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
        self.element(value)
    }

    fn end(self) -> Result<Attached, ValueError> {
        self.finish()
    }
}

enum Number {
    Int(i64),
    Float(f64),
}

/// Serialises one element of a sequence, if it is a number.
struct Element;

macro_rules! ints {
    ($($method:ident: $type:ty,)*) => {
        $(
            fn $method(self, value: $type) -> Result<Number, ValueError> {
                i64::try_from(value).map(Number::Int).or_else(|_| none())
            }
        )*
    };
}

impl Serializer for Element {
    type Ok = Number;
    type Error = ValueError;
    type SerializeSeq = Impossible<Number, ValueError>;
    type SerializeTuple = Impossible<Number, ValueError>;
    type SerializeTupleStruct = Impossible<Number, ValueError>;
    type SerializeTupleVariant = Impossible<Number, ValueError>;
    type SerializeMap = Impossible<Number, ValueError>;
    type SerializeStruct = Impossible<Number, ValueError>;
    type SerializeStructVariant = Impossible<Number, ValueError>;

    ints! {
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_i128: i128,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_u128: u128,
    }

    /// The double that a board with doubles reads from the literal; a board with single precision rounds that
    /// to the same single.
    fn serialize_f32(self, value: f32) -> Result<Number, ValueError> {
        let mut buffer = zmij::Buffer::new();
        let decimal = value
            .is_finite()
            .then(|| literal::decimal_of_f32(value, &mut buffer))
            .flatten();
        let double = decimal.and_then(|decimal| decimal.parse().ok());
        match double {
            Some(double) => Ok(Number::Float(double)),
            None => self.serialize_f64(value.into()),
        }
    }

    fn serialize_f64(self, value: f64) -> Result<Number, ValueError> {
        // Python has one NaN.
        Ok(Number::Float(if value.is_nan() { f64::NAN } else { value }))
    }

    refuse! {
        serialize_bool(bool) -> Number;
        serialize_char(char) -> Number;
        serialize_str(&str) -> Number;
        serialize_bytes(&[u8]) -> Number;
        serialize_none() -> Number;
        serialize_unit() -> Number;
        serialize_unit_struct(&'static str) -> Number;
        serialize_unit_variant(&'static str, u32, &'static str) -> Number;
        serialize_seq(Option<usize>) -> Self::SerializeSeq;
        serialize_tuple(usize) -> Self::SerializeTuple;
        serialize_tuple_struct(&'static str, usize) -> Self::SerializeTupleStruct;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Self::SerializeTupleVariant;
        serialize_map(Option<usize>) -> Self::SerializeMap;
        serialize_struct(&'static str, usize) -> Self::SerializeStruct;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Self::SerializeStructVariant;
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Number, ValueError> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<Number, ValueError> {
        // A tagged value is not a number, except an int of many digits, which has the tag of a `Value`.
        if name.starts_with(tag::PREFIX) && name != tag::VALUE {
            return none();
        }
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<Number, ValueError> {
        none()
    }
}
