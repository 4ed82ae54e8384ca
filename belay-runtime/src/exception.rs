//! An exception that Python code raised on the board, with its traceback mapped to the Rust source.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use crate::printable::Printable;

/// A Python exception, as the board reported it.
///
/// The fields contain what the board sent, unchanged; `Display` and `Debug` escape what is not printable. If a
/// `HostError` comes from a host function that failed, that function's error is its
/// [`source`](std::error::Error::source).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeviceException {
    /// The name of its class, such as `ValueError`.
    pub type_name: String,
    /// What `str()` of the exception gives: empty if it has no arguments.
    pub message: String,
    /// `repr()` of its `args` tuple, if the board could compute it.
    pub args: Option<String>,
    /// Its `errno`, if it is an `OSError` that has one.
    pub errno: Option<i32>,
    /// The frames from the outermost call to the place where it was raised, as far as the board keeps them.
    pub traceback: Vec<Frame>,
    /// What the code had printed before it; of long output, the last part.
    pub output: String,
    /// How far the call had got.
    pub(crate) fate: Fate,
    /// The error of the host function that it comes from, if any.
    pub(crate) cause: Option<HostFailure>,
}

/// The error of a host function that failed.
#[derive(Clone)]
pub struct HostFailure(Arc<dyn StdError + Send + Sync>);

impl HostFailure {
    /// Wraps an error of a host function.
    pub(crate) fn new(error: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self(Arc::from(error.into()))
    }
}

impl fmt::Debug for HostFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for HostFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Two failures are equal if they share one error.
impl PartialEq for HostFailure {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for HostFailure {}

impl fmt::Display for DeviceException {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, message) = (Printable(&self.type_name), Message(&self.message));
        write!(f, "{name}{message}{}", At(&self.traceback))
    }
}

impl StdError for DeviceException {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        let cause = self.cause.as_ref()?;
        Some(&*cause.0)
    }
}

/// How far a call had got when it raised, as the board reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Fate {
    /// The function had begun, or that is not known.
    #[default]
    Begun,
    /// The function had not begun.
    NotBegun,
    /// The function had not begun, because the board has no function of that name.
    Missing,
}

/// One frame of a traceback.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Frame {
    /// The Python file as the board names it.
    pub file: String,
    /// The line in it, from 1.
    pub line: u32,
    /// The function, if the board reports it.
    pub function: Option<String>,
    /// The place of that line in the Rust source, if it belongs to a method's body.
    pub rust: Option<RustLine>,
}

/// A line of a Rust file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RustLine {
    /// The file, as `file!()` gives it.
    pub file: &'static str,
    /// The line in it, from 1.
    pub line: u32,
}

impl DeviceException {
    /// An exception of this class with this message; the other fields are empty.
    pub fn new(type_name: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            type_name: type_name.into(),
            message: message.into(),
            args: None,
            errno: None,
            traceback: Vec::new(),
            output: String::new(),
            fate: Fate::default(),
            cause: None,
        }
    }

    /// Whether its class has this name.
    pub fn is(&self, type_name: &str) -> bool {
        self.type_name == type_name
    }

    /// Whether the board had no memory left.
    pub(crate) fn is_memory_error(&self) -> bool {
        self.is("MemoryError")
    }

    /// The place in the Rust source of the innermost frame that has one.
    pub fn rust_line(&self) -> Option<RustLine> {
        self.traceback.iter().rev().find_map(|frame| frame.rust)
    }
}

impl Frame {
    /// A frame in this Python file at this line.
    pub fn new(file: impl Into<String>, line: u32, function: Option<String>) -> Self {
        Self {
            file: file.into(),
            line,
            function,
            rust: None,
        }
    }
}

impl fmt::Display for RustLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

struct Message<'a>(&'a str);

impl fmt::Display for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            Ok(())
        } else {
            write!(f, ": {}", Printable(self.0))
        }
    }
}

struct At<'a>(&'a [Frame]);

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.iter().rev().find_map(|frame| frame.rust) {
            Some(line) => write!(f, " at {line}"),
            None => Ok(()),
        }
    }
}
