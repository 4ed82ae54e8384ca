//! Exceptions as the agent reports them.

use super::typed;
use crate::error::{Error, ErrorKind, Phase};
use crate::exception::{DeviceException, Fate, Frame};
use crate::python::{self, Value};

/// The file name of the agent's own code in tracebacks: boards compile what they read from the line under this name.
const OWN_FILE: &str = "<stdin>";

/// The first line of a traceback.
const TRACEBACK: &str = "Traceback (most recent call last):";

/// The agent's codes for how far a call had got.
const NOT_BEGUN: u8 = 0;
const BEGUN: u8 = 1;
const MISSING: u8 = 2;

/// An exception that ended a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raised {
    /// How many items had been sent before it was raised.
    pub items: usize,
    /// How far the call had got: it had not begun, it had begun, or there is no such function.
    pub fate: u8,
    /// The name of its class.
    pub type_name: String,
    /// Its `str()`.
    pub message: String,
    /// The `repr()` of its arguments.
    pub args: Option<String>,
    /// Its `errno`.
    pub errno: Option<i32>,
    /// Its traceback. If `None`, the traceback is the last thing that the board printed.
    pub trace: Option<String>,
}

/// The number of items, how far the call had got, the class, `str`, `repr` of the arguments, `errno` and the
/// traceback, as one tuple.
type Parts = (usize, u8, String, String, Option<String>, Value, Option<String>);

impl Raised {
    /// Reads the agent's report.
    pub(super) fn decode(payload: &[u8]) -> Self {
        match python::from_repr::<Parts>(&without_surrogates(payload)) {
            Ok((items, fate, type_name, message, args, errno, trace)) => {
                let errno = match errno {
                    // Small boards send only the arguments; the host finds the `errno` in them.
                    Value::None if type_name == "OSError" => first_of(args.as_deref()),
                    errno => errno,
                };
                let errno = match errno {
                    // Some firmware reports a negative number as a large unsigned one.
                    Value::Int(code) => i32::try_from(code)
                        .ok()
                        .or_else(|| u32::try_from(code).ok().map(u32::cast_signed)),
                    _ => None,
                };
                Self {
                    items,
                    fate,
                    type_name,
                    message,
                    args,
                    errno,
                    trace,
                }
            }
            // The checksum was right, so this is what the board sent, even if its `repr` cannot be parsed.
            Err(_) => Self::plain("Exception", String::from_utf8_lossy(payload)),
        }
    }

    /// The report as the agent sends it.
    pub(super) fn encode(&self) -> String {
        let text = typed::quoted;
        let optional = |value: Option<&str>| value.map_or_else(|| "None".to_owned(), text);
        let errno = self
            .errno
            .map_or_else(|| "None".to_owned(), |errno| errno.to_string());
        format!(
            "({},{},{},{},{},{errno},{})",
            self.items,
            self.fate,
            text(&self.type_name),
            text(&self.message),
            optional(self.args.as_deref()),
            optional(self.trace.as_deref()),
        )
    }

    /// The board had no memory left to report anything.
    pub(crate) fn out_of_memory() -> Self {
        Self::plain("MemoryError", "there was no memory left to answer")
    }

    /// An exception of which only the class and the message are known.
    fn plain(type_name: &str, message: impl Into<String>) -> Self {
        Self {
            items: 0,
            fate: BEGUN,
            type_name: type_name.to_owned(),
            message: message.into(),
            args: None,
            errno: None,
            trace: Some(String::new()),
        }
    }

    /// The error of a request that ended with this exception. `output` is what the board had printed before.
    pub(crate) fn into_error(self, output: &[u8]) -> Error {
        let mut exception = DeviceException::new(self.type_name, self.message);
        exception.args = self.args;
        exception.errno = self.errno;
        exception.fate = match self.fate {
            NOT_BEGUN => Fate::NotBegun,
            MISSING => Fate::Missing,
            _ => Fate::Begun,
        };
        exception.traceback = self.trace.as_deref().map(traceback).unwrap_or_default();
        // Boards end lines with `\r\n`, as terminals need it; a reader of the text does not.
        let mut output = String::from_utf8_lossy(output).replace("\r\n", "\n");
        if self.trace.is_none()
            && let Some(at) = output.rfind(TRACEBACK)
        {
            exception.traceback = traceback(&output[at..]);
            output.truncate(at);
        }
        exception.output = output;
        Error::from(ErrorKind::Python(Box::new(exception))).in_phase(Phase::Execute)
    }
}

/// The first of the arguments, of which `args` is the `repr`.
fn first_of(args: Option<&str>) -> Value {
    match args.map(|args| python::from_repr(args.as_bytes())) {
        Some(Ok(Value::Tuple(args))) => args.into_iter().next().unwrap_or_default(),
        _ => Value::None,
    }
}

/// Replaces surrogates, which a board's `str` can contain and Rust's cannot.
fn without_surrogates(payload: &[u8]) -> Vec<u8> {
    let mut text = String::from_utf8_lossy(payload).into_owned().into_bytes();
    let mut at = 0;
    while let Some(found) = text[at..].iter().position(|byte| *byte == b'\\') {
        at += found;
        if let Some(
            [
                b'\\',
                b'u',
                b'd' | b'D',
                b'8'..=b'9' | b'a'..=b'f' | b'A'..=b'F',
                ..,
            ],
        ) = text.get(at..at + 6)
        {
            text[at + 2..at + 6].copy_from_slice(b"fffd");
        }
        at = (at + 2).min(text.len());
    }
    text
}

/// The frames of a traceback, without those of the agent.
fn traceback(text: &str) -> Vec<Frame> {
    let mut frames = frames(text);
    let own = frames.iter().take_while(|frame| frame.file == OWN_FILE).count();
    frames.drain(..own);
    // The frame of the expression with which the agent makes the call.
    if own > 0 && frames.len() > 1 && frames[0].file == "<string>" {
        frames.remove(0);
    }
    frames
}

/// All frames of a traceback.
pub(crate) fn frames(text: &str) -> Vec<Frame> {
    text.lines().filter_map(frame).collect()
}

/// A line such as `  File "main.py", line 3, in f`.
fn frame(line: &str) -> Option<Frame> {
    let rest = line.trim_start().strip_prefix("File \"")?;
    let (file, rest) = rest.split_once("\", line ")?;
    let (number, function) = match rest.split_once(", in ") {
        Some((number, function)) => (number, Some(function.trim().to_owned())),
        None => (rest, None),
    };
    Some(Frame::new(file, number.trim().parse().ok()?, function))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceback_has_the_frames_of_the_user_and_not_those_of_the_agent() {
        let text = "Traceback (most recent call last):\n  File \"<stdin>\", line 118, in serve\n  File \"<string>\", line 1, in <module>\n  File \"Thermometer.celsius\", line 3, in celsius\nValueError: no\n";
        let expected = [Frame::new("Thermometer.celsius", 3, Some("celsius".into()))];
        assert_eq!(traceback(text), expected);
    }
}
