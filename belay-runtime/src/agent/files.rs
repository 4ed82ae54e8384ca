//! The library for files on the board, and how it is called.

use serde::Deserialize;

use super::expression::{call, in_namespace, is_in_namespace};
use crate::python::{Arguments, ValueError};

/// The library's source.
pub(crate) const LIBRARY: &str = include_str!(concat!(env!("OUT_DIR"), "/files.py"));
/// The namespace on the board in which the library is executed.
pub(crate) const NAMESPACE: &str = "_files";
/// The file name of the library in tracebacks.
pub(crate) const FILE: &str = "belay.files";

/// What the board reports before the first operation on its files.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Facts {
    /// How many bytes of memory were free; negative where the board cannot tell.
    free: i64,
    /// Whether the board can decompress.
    pub(crate) unpacks: bool,
}

impl Facts {
    /// How many bytes of memory were free, where the board can tell.
    pub(crate) fn free_memory(self) -> Option<u64> {
        u64::try_from(self.free).ok()
    }
}

/// The library's source, split between functions into parts of at most `most` bytes (a longer function is one part).
/// The parts can be executed one after the other.
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

/// Raises an exception on a board whose `os` lacks what the library needs most.
pub(crate) const NEEDS: &str = "__import__('os').rename and 1";
/// Always raises an exception, from which the host sees whether a file system is mounted: if it is, there is no such
/// file.
pub(crate) const LOOKS: &str = "open('belay-is-looking')";

/// Expression: whether the board has the library.
pub(crate) fn is_there() -> String {
    is_in_namespace(NAMESPACE, "adopt")
}

/// Calls one of the library's functions.
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
