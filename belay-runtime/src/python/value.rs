//! Any Python value, for results whose type is not known in advance.

use std::fmt::{self, Write as _};

use serde::de::{self, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};
use serde::ser::{SerializeMap as _, SerializeTuple as _, Serializer};
use serde::{Deserialize, Deserializer, Serialize};

use super::array::TypeCode;
use super::bytes::Bytes;
use super::{literal, tag};
use crate::printable::Printable;

/// Any value that a board can return, of whatever type.
///
/// `Display` writes it as Python does. As an argument, it arrives with the same type (except a namedtuple,
/// which arrives as a dict, since the board may not have its class).
///
/// Two sets are equal only if their elements are in the same order. Boards keep sets in no particular order.
///
/// ```
/// # use belay_runtime::python::{Value, from_repr};
/// let value: Value = from_repr(b"{'id': 7, 'mac': (222, 173)}")?;
/// assert_eq!(value.get("id").and_then(Value::as_int), Some(7));
/// assert_eq!(value.to_string(), "{'id': 7, 'mac': (222, 173)}");
/// # Ok::<(), belay_runtime::python::ValueError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub enum Value {
    /// `None`.
    #[default]
    None,
    /// `True` or `False`.
    Bool(bool),
    /// An int of up to 128 bits.
    Int(i128),
    /// A longer int.
    BigInt(BigInt),
    /// A float.
    Float(f64),
    /// A str.
    Str(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A bytearray.
    ByteArray(Vec<u8>),
    /// A list.
    List(Vec<Value>),
    /// A tuple.
    Tuple(Vec<Value>),
    /// A dict or `OrderedDict`, in the board's order.
    Dict(Vec<(Value, Value)>),
    /// A set.
    Set(Vec<Value>),
    /// A frozenset.
    FrozenSet(Vec<Value>),
    /// An `array.array`.
    Array(TypeCode, Vec<Value>),
    /// A namedtuple: the name of its class, which may be empty, and its fields.
    NamedTuple(String, Vec<(String, Value)>),
}

/// An int of any size, as its decimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BigInt(String);

impl BigInt {
    /// The int that these decimal digits are, with a minus sign or without.
    pub fn from_decimal(digits: &str) -> Option<Self> {
        let (sign, rest) = match digits.strip_prefix('-') {
            Some(rest) => ("-", rest),
            None => ("", digits),
        };
        if rest.is_empty() || !rest.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let rest = rest.trim_start_matches('0');
        Some(Self(if rest.is_empty() {
            "0".to_owned()
        } else {
            format!("{sign}{rest}")
        }))
    }

    /// Its decimal digits, with a minus sign where it is negative.
    pub fn as_decimal(&self) -> &str {
        &self.0
    }
}

impl Value {
    /// Whether it is `None`.
    pub fn is_none(&self) -> bool {
        *self == Self::None
    }

    /// The bool that it is.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The int that it is, unless that is longer than 128 bits.
    pub fn as_int(&self) -> Option<i128> {
        match self {
            Self::Int(value) => Some(*value),
            _ => None,
        }
    }

    /// The float that it is.
    pub fn as_float(&self) -> Option<f64> {
        match self {
            Self::Float(value) => Some(*value),
            _ => None,
        }
    }

    /// The str that it is.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(value) => Some(value),
            _ => None,
        }
    }

    /// The bytes or the bytearray that it is.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(value) | Self::ByteArray(value) => Some(value),
            _ => None,
        }
    }

    /// The elements of the list, tuple, set, frozenset or array that it is.
    pub fn elements(&self) -> Option<&[Value]> {
        match self {
            Self::List(elements)
            | Self::Tuple(elements)
            | Self::Set(elements)
            | Self::FrozenSet(elements)
            | Self::Array(_, elements) => Some(elements),
            _ => None,
        }
    }

    /// The value of this key of a dict, or of this field of a namedtuple.
    pub fn get(&self, key: &str) -> Option<&Value> {
        match self {
            Self::Dict(entries) => entries
                .iter()
                .find_map(|(name, value)| (name.as_str() == Some(key)).then_some(value)),
            Self::NamedTuple(_, fields) => fields
                .iter()
                .find_map(|(name, value)| (name == key).then_some(value)),
            _ => None,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Bool(true) => f.write_str("True"),
            Self::Bool(false) => f.write_str("False"),
            Self::Int(value) => write!(f, "{value}"),
            Self::BigInt(value) => f.write_str(&value.0),
            Self::Float(value) if value.is_finite() => f.write_str(zmij::Buffer::new().format_finite(*value)),
            Self::Float(value) if value.is_nan() => f.write_str("nan"),
            Self::Float(value) => write!(f, "{value}"),
            Self::Str(text) => {
                let mut out = String::new();
                literal::write_str(&mut out, text);
                f.write_str(&out)
            }
            Self::Bytes(bytes) => f.write_str(&bytes_literal(bytes)),
            Self::ByteArray(bytes) => write!(f, "bytearray({})", bytes_literal(bytes)),
            Self::List(elements) => write!(f, "[{}]", Elements(elements)),
            Self::Tuple(elements) if elements.len() == 1 => write!(f, "({},)", elements[0]),
            Self::Tuple(elements) => write!(f, "({})", Elements(elements)),
            Self::Set(elements) if elements.is_empty() => f.write_str("set()"),
            Self::Set(elements) => write!(f, "{{{}}}", Elements(elements)),
            Self::FrozenSet(elements) if elements.is_empty() => f.write_str("frozenset()"),
            Self::FrozenSet(elements) => write!(f, "frozenset({{{}}})", Elements(elements)),
            Self::Array(code, elements) if elements.is_empty() => write!(f, "array('{code}')"),
            Self::Array(code, elements) => write!(f, "array('{code}', [{}])", Elements(elements)),
            Self::Dict(entries) => {
                f.write_char('{')?;
                for (i, (key, value)) in entries.iter().enumerate() {
                    let separator = if i == 0 { "" } else { ", " };
                    write!(f, "{separator}{key}: {value}")?;
                }
                f.write_char('}')
            }
            Self::NamedTuple(name, fields) => {
                write!(f, "{}(", Printable(name))?;
                for (i, (field, value)) in fields.iter().enumerate() {
                    let separator = if i == 0 { "" } else { ", " };
                    write!(f, "{separator}{}={value}", Printable(field))?;
                }
                f.write_char(')')
            }
        }
    }
}

fn bytes_literal(bytes: &[u8]) -> String {
    let mut out = String::new();
    literal::write_bytes_literal(&mut out, bytes);
    out
}

/// Values as they stand between brackets.
struct Elements<'a>(&'a [Value]);

impl fmt::Display for Elements<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, element) in self.0.iter().enumerate() {
            let separator = if i == 0 { "" } else { ", " };
            write!(f, "{separator}{element}")?;
        }
        Ok(())
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Int(value) => match i64::try_from(*value) {
                Ok(value) => serializer.serialize_i64(value),
                Err(_) => serializer.serialize_i128(*value),
            },
            Self::BigInt(value) => serializer.serialize_newtype_struct(tag::INT, &value.0),
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::Str(value) => serializer.serialize_str(value),
            Self::Bytes(value) => serializer.serialize_bytes(value),
            Self::ByteArray(value) => {
                serializer.serialize_newtype_struct(tag::BYTEARRAY, &Bytes::from(value.clone()))
            }
            Self::List(elements) => serializer.collect_seq(elements),
            Self::Tuple(elements) => {
                let mut tuple = serializer.serialize_tuple(elements.len())?;
                for element in elements {
                    tuple.serialize_element(element)?;
                }
                tuple.end()
            }
            Self::Set(elements) => serializer.serialize_newtype_struct(tag::SET, elements),
            Self::FrozenSet(elements) => serializer.serialize_newtype_struct(tag::FROZENSET, elements),
            Self::Array(code, elements) => serializer.serialize_newtype_struct(code.tag(), elements),
            Self::Dict(entries) => serializer.collect_map(entries.iter().map(|(key, value)| (key, value))),
            Self::NamedTuple(_, fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for (name, value) in fields {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(tag::VALUE, AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::None)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Int(value.into()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Value, E> {
        Ok(Value::Int(value))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Str(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::Str(value))
    }

    fn visit_bytes<E>(self, value: &[u8]) -> Result<Value, E> {
        Ok(Value::Bytes(value.to_owned()))
    }

    fn visit_byte_buf<E>(self, value: Vec<u8>) -> Result<Value, E> {
        Ok(Value::Bytes(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> Result<Value, A::Error> {
        ElementsVisitor.visit_seq(access).map(Value::List)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Value::Dict(entries))
    }

    /// Called only by our own deserialiser: the variant is the Python type.
    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<Value, A::Error> {
        let (tag, content) = access.variant::<String>()?;
        let elements = |content: A::Variant| content.tuple_variant(0, ElementsVisitor);
        let (kind, name) = tag.split_once(':').unwrap_or((&tag, ""));
        match kind {
            "tuple" => elements(content).map(Value::Tuple),
            "list" => elements(content).map(Value::List),
            "set" => elements(content).map(Value::Set),
            "frozenset" => elements(content).map(Value::FrozenSet),
            "array" => match TypeCode::from_name(name) {
                Some(code) => elements(content).map(|elements| Value::Array(code, elements)),
                None => elements(content).map(Value::List),
            },
            "bytearray" => content
                .newtype_variant::<Bytes>()
                .map(|bytes| Value::ByteArray(bytes.into())),
            "int" => match BigInt::from_decimal(&content.newtype_variant::<String>()?) {
                Some(int) => Ok(Value::BigInt(int)),
                None => Err(de::Error::custom("it is no int")),
            },
            "namedtuple" => content
                .struct_variant(&[], FieldsVisitor)
                .map(|fields| Value::NamedTuple(name.to_owned(), fields)),
            _ => Err(de::Error::unknown_variant(&tag, &[])),
        }
    }
}

struct ElementsVisitor;

impl<'de> Visitor<'de> for ElementsVisitor {
    type Value = Vec<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sequence")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Vec<Value>, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = access.next_element()? {
            elements.push(element);
        }
        Ok(elements)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Vec<(String, Value)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("fields")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = access.next_entry()? {
            fields.push(field);
        }
        Ok(fields)
    }
}

macro_rules! from {
    ($($type:ty => |$value:ident| $made:expr,)*) => {
        $(
            impl From<$type> for Value {
                fn from($value: $type) -> Self {
                    $made
                }
            }
        )*
    };
}

from! {
    () => |_unit| Self::None,
    bool => |value| Self::Bool(value),
    i8 => |value| Self::Int(value.into()),
    i16 => |value| Self::Int(value.into()),
    i32 => |value| Self::Int(value.into()),
    i64 => |value| Self::Int(value.into()),
    i128 => |value| Self::Int(value),
    u8 => |value| Self::Int(value.into()),
    u16 => |value| Self::Int(value.into()),
    u32 => |value| Self::Int(value.into()),
    u64 => |value| Self::Int(value.into()),
    u128 => |value| match i128::try_from(value) {
        Ok(value) => Self::Int(value),
        Err(_) => Self::BigInt(BigInt(value.to_string())),
    },
    f32 => |value| Self::Float(value.into()),
    f64 => |value| Self::Float(value),
    char => |value| Self::Str(value.into()),
    &str => |value| Self::Str(value.to_owned()),
    String => |value| Self::Str(value),
    &[u8] => |value| Self::Bytes(value.to_owned()),
    Bytes => |value| Self::Bytes(value.into()),
    BigInt => |value| match value.0.parse() {
        Ok(value) => Self::Int(value),
        Err(_) => Self::BigInt(value),
    },
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::None, Into::into)
    }
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(elements: Vec<T>) -> Self {
        Self::List(elements.into_iter().map(Into::into).collect())
    }
}
