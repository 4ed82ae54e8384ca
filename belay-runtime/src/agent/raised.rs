//! Exceptions as the agent tells them.

use super::typed;
use crate::error::{Error, ErrorKind, Phase};
use crate::exception::{DeviceException, Fate, Frame};
use crate::python::{self, Value};

/// The file that the agent's own code is in, as boards name what they read from the line.
const OWN_FILE: &str = "<stdin>";

/// What a traceback begins with.
const TRACEBACK: &str = "Traceback (most recent call last):";

/// How the agent says how far a call had got.
const NOT_BEGUN: u8 = 0;
const BEGUN: u8 = 1;
const MISSING: u8 = 2;

/// An exception that ended a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raised {
    /// How many items had been sent before.
    pub items: usize,
    /// How far the call had got: it had not begun, it had, or there is no such function.
    pub fate: u8,
    /// The name of its class.
    pub type_name: String,
    /// What `str()` gives of it.
    pub message: String,
    /// `repr()` of its arguments.
    pub args: Option<String>,
    /// Its `errno`.
    pub errno: Option<i32>,
    /// Its traceback. Where there is none, it is what the board printed last.
    pub trace: Option<String>,
}

/// The number of items, how far the call had got, the class, `str`, `repr` of the arguments, `errno` and the
/// traceback, as one tuple.
type Parts = (usize, u8, String, String, Option<String>, Value, Option<String>);

impl Raised {
    /// Reads what the agent says of it.
    pub(super) fn decode(payload: &[u8]) -> Self {
        match python::from_repr::<Parts>(&without_surrogates(payload)) {
            Ok((items, fate, type_name, message, args, errno, trace)) => {
                let errno = match errno {
                    // Small boards leave it to the host to find it.
                    Value::None if type_name == "OSError" => first_of(args.as_deref()),
                    errno => errno,
                };
                let errno = match errno {
                    // Some firmware takes a negative number for a large one.
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
            // The checksum was right, so this is what the board says, whatever its `repr` makes of it.
            Err(_) => Self::plain("Exception", String::from_utf8_lossy(payload)),
        }
    }

    /// What the agent says of it.
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

    /// The board had no memory left to say anything.
    pub(crate) fn out_of_memory() -> Self {
        Self::plain("MemoryError", "there was no memory left to answer")
    }

    /// One of which no more is known.
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

    /// The error of a request that ended so, after this was printed.
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
        // Boards end lines as terminals want them; a reader of the text does not.
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

/// The first of the arguments of which this is the `repr`.
fn first_of(args: Option<&str>) -> Value {
    match args.map(|args| python::from_repr(args.as_bytes())) {
        Some(Ok(Value::Tuple(args))) => args.into_iter().next().unwrap_or_default(),
        _ => Value::None,
    }
}

/// A str on a board can have halves of characters, which no text here has.
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
    // The expression that makes the call.
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
