//! Exceptions as the agent tells them.

use crate::error::{Error, ErrorKind, Phase};
use crate::exception::{DeviceException, Fate, Frame};
use crate::python::{self, Value};

/// The file that the agent's own code is in, as boards name what they read from the line.
const OWN_FILE: &str = "<stdin>";

/// What a traceback begins with.
const TRACEBACK: &str = "Traceback (most recent call last):";

/// An exception that ended a request.
pub(super) struct Raised {
    /// How many items had been sent before.
    pub(super) items: usize,
    exception: DeviceException,
    /// Whether the traceback is the last of what was printed.
    printed: bool,
}

/// Reads what the agent says of an exception: the number of items, how far the call had got, the class, `str`,
/// `repr` of the arguments, `errno` and the traceback, as one tuple. Where there is no
/// traceback, it is what the board printed last.
pub(super) fn parse(payload: &[u8]) -> Raised {
    type Parts = (usize, u8, String, String, Option<String>, Value, Option<String>);
    match python::from_repr::<Parts>(&without_surrogates(payload)) {
        Ok((items, fate, type_name, message, args, errno, trace)) => {
            let mut exception = DeviceException::new(type_name, message);
            exception.args = args;
            let errno = match errno {
                // Small boards leave it to the host to find it.
                Value::None if exception.is("OSError") => first_of(exception.args.as_deref()),
                errno => errno,
            };
            exception.errno = match errno {
                // Some firmware takes a negative number for a large one.
                Value::Int(code) => i32::try_from(code)
                    .ok()
                    .or_else(|| u32::try_from(code).ok().map(u32::cast_signed)),
                _ => None,
            };
            exception.traceback = trace.as_deref().map(traceback).unwrap_or_default();
            exception.fate = match fate {
                0 => Fate::NotBegun,
                2 => Fate::Missing,
                _ => Fate::Begun,
            };
            Raised {
                items,
                exception,
                printed: trace.is_none(),
            }
        }
        // The checksum was right, so this is what the board says, whatever its `repr` makes of it.
        Err(_) => Raised {
            items: 0,
            exception: DeviceException::new("Exception", String::from_utf8_lossy(payload)),
            printed: false,
        },
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

/// The board had no memory left to say anything.
pub(super) fn out_of_memory() -> Raised {
    let message = "there was no memory left to answer";
    Raised {
        items: 0,
        exception: DeviceException::new("MemoryError", message),
        printed: false,
    }
}

impl Raised {
    pub(super) fn into_error(mut self, output: &[u8]) -> Error {
        // Boards end lines as terminals want them; a reader of the text does not.
        let mut output = String::from_utf8_lossy(output).replace("\r\n", "\n");
        if self.printed
            && let Some(at) = output.rfind(TRACEBACK)
        {
            self.exception.traceback = traceback(&output[at..]);
            if self.exception.traceback.is_empty()
                && self.exception.is("TypeError")
                && output[at..].contains(OWN_FILE)
            {
                return damaged();
            }
            output.truncate(at);
        }
        self.exception.output = output;
        Error::from(ErrorKind::Python(Box::new(self.exception))).in_phase(Phase::Execute)
    }
}

/// What hands a small board's expression to `eval` is checked by nothing. If the line has damaged how it does so, this
/// is what `eval` says of that, and an error in the expression itself would have a frame of its own.
fn damaged() -> Error {
    let cause = ErrorKind::Protocol {
        what: "the line damaged what was to make the call".into(),
        received: Vec::new(),
    };
    ErrorKind::FateUnknown(Some(Box::new(cause.into()))).into()
}

/// The frames of a traceback, without those of the agent.
pub(super) fn traceback(text: &str) -> Vec<Frame> {
    let mut frames: Vec<Frame> = text.lines().filter_map(frame).collect();
    let own = frames.iter().take_while(|frame| frame.file == OWN_FILE).count();
    frames.drain(..own);
    // The expression that makes the call.
    if own > 0 && frames.len() > 1 && frames[0].file == "<string>" {
        frames.remove(0);
    }
    frames
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
    fn what_eval_says_of_its_arguments_is_no_exception_of_the_call() {
        let raised = || Raised {
            items: 0,
            exception: DeviceException::new("TypeError", "no"),
            printed: true,
        };
        let traceback = |frames: &str| format!("x\r\n{TRACEBACK}\r\n{frames}TypeError: no\r\n");
        let own = "  File \"<stdin>\", line 1, in <module>\r\n";
        let error = raised().into_error(traceback(own).as_bytes());
        assert!(matches!(error.kind(), ErrorKind::FateUnknown(_)), "{error}");
        let expression = format!("{own}  File \"<string>\", line 1, in <module>\r\n");
        let error = raised().into_error(traceback(&expression).as_bytes());
        assert!(
            error.exception().is_some_and(|raised| raised.is("TypeError")),
            "{error}"
        );
    }

    #[test]
    fn a_traceback_has_the_frames_of_the_user_and_not_those_of_the_agent() {
        let text = "Traceback (most recent call last):\n  File \"<stdin>\", line 118, in serve\n  File \"<string>\", line 1, in <module>\n  File \"Thermometer.celsius\", line 3, in celsius\nValueError: no\n";
        let expected = [Frame::new("Thermometer.celsius", 3, Some("celsius".into()))];
        assert_eq!(traceback(text), expected);
    }
}
