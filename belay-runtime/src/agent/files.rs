//! The library for files on the board, and how it is called.

use serde::Deserialize;

use super::expression::{call, in_namespace, is_in_namespace};
use crate::python::{Arguments, ValueError};

/// Its source.
pub(crate) const LIBRARY: &str = include_str!(concat!(env!("OUT_DIR"), "/files.py"));
/// The namespace in which it is.
pub(crate) const NAMESPACE: &str = "_files";
/// What tracebacks call it.
pub(crate) const FILE: &str = "belay.files";

/// What the board says of its files before anything is done with them.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Facts {
    /// How many bytes of memory were free, or a negative number.
    free: i64,
    /// Whether it can unpack what was packed.
    pub(crate) unpacks: bool,
}

impl Facts {
    /// How many bytes of memory were free, where the board says.
    pub(crate) fn free_memory(self) -> Option<u64> {
        u64::try_from(self.free).ok()
    }
}

/// The library in parts of at most so many bytes, where a function is not longer. Each may be executed on its own, one
/// after the other.
pub(crate) fn parts(most: usize) -> Vec<String> {
    const FUNCTION: &str = "\ndef ";
    let mut parts: Vec<String> = Vec::new();
    for (nth, function) in LIBRARY.split(FUNCTION).enumerate() {
        let begin = if nth > 0 { &FUNCTION[1..] } else { "" };
        match parts.last_mut() {
            Some(part) if part.len() + FUNCTION.len() + function.len() <= most => {
                *part += "\n";
                *part += begin;
                *part += function;
            }
            _ => parts.push(format!("{begin}{function}")),
        }
    }
    parts
}

/// Raises something on a board whose `os` has not got what the library needs most.
pub(crate) const NEEDS: &str = "__import__('os').rename and 1";
/// Raises something on a board where nothing is mounted, or where it is mounted that there is no such file.
pub(crate) const LOOKS: &str = "open('belay-is-looking')";

/// Whether the library is there.
pub(crate) fn is_there() -> String {
    is_in_namespace(NAMESPACE, "adopt")
}

/// Calls one of its functions.
pub(crate) fn function(name: &str, arguments: &Arguments) -> Result<String, ValueError> {
    Ok(call(in_namespace(NAMESPACE, name), arguments.literals()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_are_the_whole() {
        for most in [0, 500, 1500, 100_000] {
            let parts = parts(most);
            assert_eq!(parts.join("\n"), LIBRARY);
            assert!(parts[1..].iter().all(|part| part.starts_with("def ")));
        }
        assert_eq!(parts(100_000).len(), 1);
        assert!(parts(1000).iter().all(|part| part.len() < 1000));
    }
}
