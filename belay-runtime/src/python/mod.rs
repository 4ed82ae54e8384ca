//! Marshalling: Rust values to Python literals and the board's `repr` back to Rust values. No I/O.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// What cannot be expressed in Python, or is not what the caller's type says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {message}")]
pub struct ValueError {
    path: String,
    message: String,
}

impl ValueError {
    /// What to do about it, where something can be done.
    pub fn hint(&self) -> Option<Cow<'static, str>> {
        None
    }
}

/// The arguments of one call, as Python literals.
#[derive(Debug, Clone, Default)]
pub struct Arguments {
    text: String,
    error: Option<ValueError>,
}

impl Arguments {
    /// No arguments.
    pub fn new() -> Self {
        Self::default()
    }

    /// The literals, separated by commas, as they stand between the parentheses of a call.
    ///
    /// # Errors
    ///
    /// When one of the arguments cannot be expressed in Python.
    pub fn literals(&self) -> Result<&str, ValueError> {
        match &self.error {
            Some(error) => Err(error.clone()),
            None => Ok(&self.text),
        }
    }

    /// Whether there are arguments and each of them is an int that every board holds without allocating
    /// (-2³⁰ to 2³⁰ - 1).
    pub fn are_small_ints(&self) -> bool {
        false
    }

    /// The same with one more. What cannot be expressed is reported when the arguments are used.
    #[must_use]
    pub fn with<T: Serialize + ?Sized>(self, _name: &'static str, _value: &T) -> Self {
        self
    }
}

/// The Python literal of a value: printable ASCII, without a line break.
///
/// # Errors
///
/// When the value cannot be expressed in Python.
pub fn to_literal<T: Serialize + ?Sized>(_value: &T) -> Result<String, ValueError> {
    Err(ValueError {
        path: String::new(),
        message: "not written yet".into(),
    })
}

/// The value that this `repr` of a board stands for. Strings and bytes without escapes can be borrowed
/// from it.
///
/// # Errors
///
/// When the text is no value, or not one of type `T`.
pub fn from_repr<'de, T: Deserialize<'de>>(_repr: &'de [u8]) -> Result<T, ValueError> {
    Err(ValueError {
        path: String::new(),
        message: "not written yet".into(),
    })
}
