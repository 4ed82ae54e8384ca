//! Errors about a value, worded for readers who may be new to all of this.

use std::borrow::Cow;
use std::fmt;

use serde::{de, ser};

use super::literal::DECODED;
use crate::printable::Printable;

/// How deep values may be nested.
pub(super) const MAX_DEPTH: usize = 100;

/// A value that Python cannot express, or that does not match the caller's type.
///
/// `Display` is one line that begins with the path of the part that it is about, such as
/// `` `readings[3].value` ``, unless it is about the whole value.
#[derive(Clone, PartialEq, Eq)]
pub struct ValueError(Box<Inner>);

#[derive(Clone, PartialEq, Eq)]
struct Inner {
    /// The path from the outermost value to the faulty one, innermost segment first, since each level adds
    /// its own while the error propagates outwards.
    path: Vec<Segment>,
    problem: Problem,
    /// What the board returned at that place, if the error is about that and it is known already.
    found: Option<Found>,
}

/// One step into a value.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Segment {
    /// A parameter, a field, or a key that looks like one.
    Name(Cow<'static, str>),
    /// An element of a sequence.
    Index(usize),
    /// Any other key, as its Python literal.
    Key(String),
}

#[derive(Clone, PartialEq, Eq)]
enum Problem {
    /// The board's value has another type than the caller's.
    Type { expected: String },
    /// The value has the right type, but is out of its range.
    Range { expected: String },
    /// The sequence has the wrong number of elements.
    Length { length: usize, expected: String },
    /// An error that the caller's own type reported about the board's value.
    Refused(String),
    /// A message that is complete in itself, and a hint.
    Plain(String, Option<&'static str>),
}

#[derive(Clone, PartialEq, Eq)]
struct Found {
    text: String,
    type_name: &'static str,
}

impl ValueError {
    fn new(problem: Problem) -> Self {
        Self(Box::new(Inner {
            path: Vec::new(),
            problem,
            found: None,
        }))
    }

    /// An error with a message that is complete in itself.
    pub(super) fn plain(message: impl Into<String>) -> Self {
        Self::new(Problem::Plain(message.into(), None))
    }

    /// The same with a hint.
    pub(super) fn with_hint(message: impl Into<String>, hint: &'static str) -> Self {
        Self::new(Problem::Plain(message.into(), Some(hint)))
    }

    /// A value of another type than the caller's.
    pub(super) fn mismatch(expected: &dyn de::Expected) -> Self {
        Self::new(Problem::Type {
            expected: rust_type(expected),
        })
    }

    /// A number that is out of the range of the caller's type.
    pub(super) fn range(expected: &dyn de::Expected) -> Self {
        Self::new(Problem::Range {
            expected: rust_type(expected),
        })
    }

    /// The same error, now saying that the number is out of range instead of that the type is wrong.
    #[must_use]
    pub(super) fn into_range(mut self) -> Self {
        if let Problem::Type { expected } = &mut self.0.problem {
            self.0.problem = Problem::Range {
                expected: std::mem::take(expected),
            };
        }
        self
    }

    /// The same error with the path extended by one level outwards.
    #[must_use]
    pub(super) fn inside(mut self, segment: Segment) -> Self {
        self.0.path.push(segment);
        self
    }

    /// Whether the error still lacks what the board returned.
    pub(super) fn wants_found(&self) -> bool {
        self.0.found.is_none() && !matches!(self.0.problem, Problem::Plain(..))
    }

    /// The same error with what the board returned.
    #[must_use]
    pub(super) fn found(mut self, text: String, type_name: &'static str) -> Self {
        self.0.found = Some(Found { text, type_name });
        self
    }

    /// The part of the value that the error is about, such as `readings[3].value`. Empty when it is about the
    /// whole value. For an argument, the path begins with the name of the parameter.
    pub fn path(&self) -> String {
        let mut path = String::new();
        for segment in self.0.path.iter().rev() {
            match segment {
                Segment::Name(name) => {
                    path.push_str(if path.is_empty() { "" } else { "." });
                    path.push_str(&Printable(name).to_string());
                }
                Segment::Index(index) => path.extend(["[", &index.to_string(), "]"]),
                Segment::Key(key) => path.extend(["[", &Printable(key).to_string(), "]"]),
            }
        }
        path
    }

    /// How to mend the problem, where that is known.
    pub fn hint(&self) -> Option<Cow<'static, str>> {
        let found = self.0.found.as_ref().map_or("", |found| found.type_name);
        let hint = match &self.0.problem {
            Problem::Plain(_, hint) => return hint.map(Cow::Borrowed),
            Problem::Type { .. } if found == "NoneType" => {
                "a Python function without `return` gives None: add one, or make the type an `Option`"
            }
            Problem::Type { expected } if found == "float" && expected.starts_with(['i', 'u']) => {
                "return `int(…)` or `round(…)`, or make the type `f64`"
            }
            Problem::Type { .. } => {
                "change the type in Rust or what the Python returns; `belay::python::Value` takes everything"
            }
            Problem::Range { .. } => "use a wider type; `belay::python::Value` holds integers of every size",
            Problem::Length { .. } => "use a `Vec` when the number of elements can differ",
            Problem::Refused(_) => return None,
        };
        Some(Cow::Borrowed(hint))
    }
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { path, problem, found } = &*self.0;
        if !path.is_empty() {
            write!(f, "`{}`: ", self.path())?;
        }
        let found = FoundText(found.as_ref());
        match problem {
            Problem::Plain(message, _) => Printable(message).fmt(f),
            Problem::Type { expected } => write!(f, "the board returned {found}, the method says {expected}"),
            Problem::Range { expected } => {
                write!(
                    f,
                    "the board returned {found}, which cannot be represented as {expected}"
                )
            }
            Problem::Length { length, expected } => {
                write!(
                    f,
                    "the board returned {found} with {length} elements, the method says {expected}"
                )
            }
            Problem::Refused(message) => write!(f, "the board returned {found}: {}", Printable(message)),
        }
    }
}

impl fmt::Debug for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ValueError({:?})", self.to_string())
    }
}

impl std::error::Error for ValueError {}

struct FoundText<'a>(Option<&'a Found>);

impl fmt::Display for FoundText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("something else"),
            Some(Found { text, type_name }) if *type_name == "NoneType" => Printable(text).fmt(f),
            Some(Found { text, type_name }) => write!(f, "{} ({type_name})", Printable(text)),
        }
    }
}

/// Serde's description of a type, replaced by the type's name in Rust source where there is one.
fn rust_type(expected: &dyn de::Expected) -> String {
    let expected = expected.to_string();
    let name = match expected.as_str() {
        "a string" | "a borrowed string" => "a string (String, &str)",
        "a boolean" => "bool",
        "a character" => "char",
        "unit" => "()",
        "a sequence" => "a sequence (Vec, set, tuple)",
        "a byte array" | "a borrowed byte array" | "byte array" => "bytes",
        _ => return expected,
    };
    name.to_owned()
}

impl de::Error for ValueError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(Problem::Refused(message.to_string()))
    }

    fn invalid_type(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::mismatch(expected)
    }

    fn invalid_value(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::range(expected)
    }

    fn invalid_length(length: usize, expected: &dyn de::Expected) -> Self {
        Self::new(Problem::Length {
            length,
            expected: rust_type(expected),
        })
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::custom(format_args!("none of {}", Names(expected)))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::plain(format!(
            "the board returned a field {field:?} that the type in Rust does not have; it has {}",
            Names(expected)
        ))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(Problem::Refused(format!("it has no {field:?}")))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::plain(format!("the board returned the field {field:?} twice"))
    }
}

impl ser::Error for ValueError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::plain(message.to_string())
    }
}

/// A list of names, formatted for a message.
struct Names(&'static [&'static str]);

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("nothing");
        }
        for (i, name) in self.0.iter().enumerate() {
            let separator = if i == 0 { "" } else { ", " };
            write!(f, "{separator}{name:?}")?;
        }
        Ok(())
    }
}

impl Segment {
    /// The segment for this key, as a board or the serialiser writes it.
    pub(super) fn from_literal(key: &str) -> Self {
        const SHOWN: usize = 40;
        let decoded = key
            .strip_prefix(DECODED.0)
            .and_then(|key| key.strip_suffix(DECODED.1)?.strip_prefix('b'));
        let key = decoded.unwrap_or(key);
        let name = key
            .strip_prefix('\'')
            .and_then(|key| key.strip_suffix('\''))
            .filter(|name| !name.starts_with(|first: char| first.is_ascii_digit()))
            .filter(|name| {
                !name.is_empty()
                    && name
                        .chars()
                        .all(|char| char.is_ascii_alphanumeric() || char == '_')
            });
        match name {
            Some(name) => Self::Name(name.to_owned().into()),
            None => Self::Key(shortened(key, SHOWN)),
        }
    }
}

/// The text, or its beginning followed by `…` if it is longer than `chars` characters.
pub(super) fn shortened(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
