//! The library for objects that stay on the board, how it is called, and what its answers say.

use super::expression::{call, in_namespace};
use crate::python::{Arguments, packed};

/// Its source.
pub const LIBRARY: &str = include_str!(concat!(env!("OUT_DIR"), "/objects.py"));
/// The namespace in which it is.
pub const NAMESPACE: &str = "_objects";
/// What tracebacks call it.
pub const FILE: &str = "belay.objects";

/// The function that does something with an object.
pub const ACT: &str = "O";
/// The function that has objects go.
pub(crate) const RELEASE: &str = "Y";

/// The packing code of an answer that contains handles.
const CODE: u8 = b'O';
/// Whether a result with this packing code can contain handles.
pub(crate) fn makes(result: &str) -> bool {
    result.starts_with(char::from(CODE))
}

/// The minimum length of a handle in an answer, in characters.
const HANDLE: usize = 4;

/// Whether the library is there.
pub(crate) fn is_there() -> String {
    super::expression::is_in_namespace(NAMESPACE, "begin")
}

/// Has it work for this program.
pub fn begin(owner: u64) -> String {
    call(in_namespace(NAMESPACE, "begin"), &format!("globals(),{owner}"))
}

/// Releases all objects; none is kept any more.
pub(crate) fn end() -> String {
    begin(0)
}

/// The arguments of [`RELEASE`]: the numbers of objects, and pairs of an answer and the first number of its objects to
/// release.
pub(crate) fn released(numbers: &[u64], answers: &[(u64, u64)]) -> Arguments {
    let answers: Vec<_> = answers
        .iter()
        .map(|(answer, first)| vec![answer, first])
        .collect();
    Arguments::new()
        .with("numbers", numbers)
        .with("answers", &answers)
}

/// An operation on an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// A method is called.
    Call,
    /// The object itself is called.
    Invoke,
    /// An attribute is read.
    Get,
    /// An attribute is set.
    Set,
    /// An item is read by its key.
    Item,
    /// An item is set.
    Put,
    /// An item is removed.
    Remove,
    /// Asks whether the object contains something.
    Contains,
    /// Asks for its length.
    Length,
    /// Asks for its `repr`.
    Repr,
    /// Iterates over it.
    Iterate,
    /// Reads the object as a value.
    Value,
}

impl Act {
    fn code(self) -> &'static str {
        match self {
            Self::Call => "c",
            Self::Invoke => "f",
            Self::Get => "g",
            Self::Set => "s",
            Self::Item => "i",
            Self::Put => "p",
            Self::Remove => "d",
            Self::Contains => "n",
            Self::Length => "l",
            Self::Repr => "r",
            Self::Iterate => "t",
            Self::Value => "v",
        }
    }

    /// The leading arguments of [`ACT`]; those of the operation itself follow.
    pub(crate) fn with(self, number: u64) -> Arguments {
        Arguments::new().with("act", self.code()).with("number", &number)
    }
}

/// An answer that can contain handles.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    /// The number of the first object.
    pub(crate) first: u64,
    /// How many objects there are; their numbers are consecutive.
    pub(crate) count: usize,
    /// The `repr`, in which each object is written as its handle.
    pub(crate) repr: Vec<u8>,
    /// Whether its floats have all their bits.
    pub(crate) exact: bool,
}

impl Kept {
    /// Reads a packed answer; `None` where the code is another one, or the answer makes no sense.
    pub(crate) fn read(code: u8, data: &[u8]) -> Option<Self> {
        if code != CODE {
            return None;
        }
        let mut words = data.splitn(3, |byte| *byte == b' ');
        let mut number = || str::from_utf8(words.next()?).ok()?.parse::<u64>().ok();
        let (first, count) = (number()?, usize::try_from(number()?).ok()?);
        let (how, rest) = words.next()?.split_first()?;
        let (repr, exact) = match how {
            b'v' => (rest.to_vec(), false),
            code => (packed::repr(*code, rest)?, true),
        };
        // A number that the board has sent must not decide how much memory is allocated.
        if count > repr.len() / HANDLE || first.checked_add(count as u64).is_none() {
            return None;
        }
        Some(Self {
            first,
            count,
            repr,
            exact,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_which_objects_are_in_it() {
        let kept = Kept::read(b'O', b"7 2 v[H(7), H(8)]").unwrap();
        assert_eq!((kept.first, kept.count, kept.exact), (7, 2, false));
        assert_eq!(kept.repr, b"[H(7), H(8)]");
        let data = [b"3 1 Ed1:".as_slice(), &1.5_f64.to_le_bytes(), b"(H(3), 1.5)"].concat();
        let kept = Kept::read(b'O', &data).unwrap();
        assert_eq!((kept.repr, kept.exact), (b"(H(3), 1.5)".to_vec(), true));
    }

    #[test]
    fn what_makes_no_sense_is_no_answer() {
        for data in [
            &b""[..],
            b"1",
            b"1 2 ",
            b"1 2 xH(1)",
            b"1 99 vH(1)",
            b"18446744073709551615 1 vH(1)",
            b"-1 1 vH(1)",
            b"1 1 E?",
        ] {
            assert_eq!(Kept::read(b'O', data), None, "{}", data.escape_ascii());
        }
        assert_eq!(Kept::read(b'E', b"7 1 vH(7)"), None);
    }

    proptest::proptest! {
        #[test]
        fn whatever_comes_it_is_read_or_refused(data: Vec<u8>) {
            let _ = Kept::read(b'O', &data);
        }
    }
}
