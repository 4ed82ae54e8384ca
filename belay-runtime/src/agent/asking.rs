//! The library through which bodies on the board ask the host (host functions, `input`), how it is called, and how its
//! questions and answers are encoded.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::ser;

use super::expression::{call, in_namespace, is_in_namespace};
use super::request;
use crate::error::Result;
use crate::python::{self, Arguments, Bytes, ValueError, packed};

/// The library's source.
pub const LIBRARY: &str = include_str!(concat!(env!("OUT_DIR"), "/asking.py"));
/// The namespace on the board in which the library is executed.
pub const NAMESPACE: &str = "_asking";
/// The file name of the library in tracebacks.
pub const FILE: &str = "belay.asking";
/// The file name of the generated host functions in tracebacks.
pub(crate) const HOST_FILE: &str = "belay.host";
/// The name of the question that `input` asks.
pub(crate) const INPUT: &str = "input";

/// The agent's functions that read and write the line, which the library needs.
const TOOLS: &str = "L";
/// The agent's function that packs exact floats, where it has been sent.
const PACK: &str = "P";

/// Expression: whether the board has the library.
pub(crate) fn is_there() -> String {
    is_in_namespace(NAMESPACE, "bind")
}

/// Prepares the library for this session; `exact` says whether floats are packed.
pub fn begin(exact: bool) -> String {
    let pack = if exact { PACK } else { "None" };
    function("begin", &format!("{TOOLS},N,{pack},globals()"))
}

/// Puts into a namespace what its host functions need, and `input` if the host answers it.
pub fn bind(namespace: &str, has_input: bool) -> Result<String, ValueError> {
    let namespace = python::to_literal(namespace)?;
    Ok(function("bind", &format!("{namespace},{}", u8::from(has_input))))
}

/// The source of the host functions that bodies of this namespace call; each has a name and its parameters.
pub fn functions<'a>(namespace: &str, functions: impl Iterator<Item = (&'a str, &'a [&'a str])>) -> String {
    use std::fmt::Write as _;

    let mut source = String::new();
    for (name, params) in functions {
        let comma = if params.is_empty() { "" } else { "," };
        let params = params.join(",");
        // Writing to a `String` cannot fail.
        let _ = writeln!(
            source,
            "def {name}({params}):return _belay_ask()('{namespace}.{name}',({params}{comma}))"
        );
    }
    source
}

/// Hands a thread the answer that it is waiting for.
pub(crate) fn tell(answer: &str) -> Result<String, ValueError> {
    let answer = Bytes(answer.as_bytes().to_vec());
    Ok(function("told", &python::to_literal(&answer)?))
}

fn function(name: &str, arguments: &str) -> String {
    call(in_namespace(NAMESPACE, name), arguments)
}

/// A question that the board asks the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The slot of the body or thread that asks: 0 for the body that the agent runs.
    pub place: u32,
    /// The question's number, unique for its slot in this run of the interpreter.
    pub number: u64,
    /// How many items the body has yielded before the question, in this batch.
    pub items: usize,
    /// What is asked: `namespace.function`, `input`, or `<` for the next items of a stream.
    pub name: String,
    /// The arguments, as the `repr` of a tuple.
    pub words: Vec<u8>,
    /// Whether the floats among the arguments have all their bits.
    pub exact: bool,
}

impl Question {
    /// Reads a payload such as `0 7 0 Trait.function:v(1, 2)`.
    pub(super) fn decode(payload: &[u8]) -> Option<Self> {
        let colon = payload.iter().position(|byte| *byte == b':')?;
        let head = std::str::from_utf8(&payload[..colon]).ok()?;
        let mut head = head.splitn(4, ' ');
        let (place, number) = (head.next()?.parse().ok()?, head.next()?.parse().ok()?);
        let items = head.next()?.parse().ok()?;
        let name = head.next()?.to_owned();
        let (how, words) = payload[colon + 1..].split_first()?;
        let (words, exact) = match how {
            b'v' => (words.to_vec(), false),
            b'E' => (packed::repr(b'E', &BASE64_STANDARD.decode(words).ok()?)?, true),
            _ => return None,
        };
        Some(Self {
            place,
            number,
            items,
            name,
            words,
            exact,
        })
    }

    /// The question as a payload, for code that plays the board.
    pub(super) fn encode(&self) -> Vec<u8> {
        let Self {
            place,
            number,
            items,
            name,
            words,
            ..
        } = self;
        [format!("{place} {number} {items} {name}:v").as_bytes(), words].concat()
    }
}

/// An answer to a thread: its slot, the number of the question, and the encoded answer.
pub(crate) fn answer(place: u32, number: u64, said: &str) -> String {
    format!("{place} {number} {said}")
}

/// Encodes an answer that is this one argument; `attaches` says whether the board can read arguments attached beside
/// the JSON.
pub(crate) fn value(value: &Arguments, attaches: bool) -> Result<String, ValueError> {
    if !value.handles().is_empty() {
        // The code that answers does not know which board asks, and the same number is another object on another board.
        return Err(ser::Error::custom(
            "an object that stays on the board cannot be an answer to it",
        ));
    }
    let literals = value.literals()?;
    if let Some(json) = value.json() {
        return Ok(format!("j{}", json.trim_start_matches(',')));
    }
    match value.apart().filter(|_| attaches) {
        Some(apart) => Ok(format!("a{}", request::attached("", &apart, ""))),
        None => Ok(format!("e{literals}")),
    }
}

/// Encodes an answer that is all of these, as a list.
pub(crate) fn values(values: &Arguments, attaches: bool) -> Result<String, ValueError> {
    let literals = values.literals()?;
    if let Some(json) = values.json() {
        return Ok(format!("j[{}]", json.trim_start_matches(',')));
    }
    match values.apart().filter(|_| attaches) {
        Some(apart) => Ok(format!("A{}", request::attached("", &apart, ""))),
        None => Ok(format!("e[{literals}]")),
    }
}

/// Encodes an answer that raises a `HostError` with this message.
pub fn failed(message: &str) -> String {
    text('x', message)
}

/// Encodes an answer that raises an `EOFError` with this message.
pub(crate) fn at_end(message: &str) -> String {
    text('o', message)
}

fn text(kind: char, message: &str) -> String {
    let mut said = kind.to_string();
    if !python::write_json_text(&mut said, message) {
        said.truncate(kind.len_utf8());
        python::write_json_text(&mut said, &message.escape_default().to_string());
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_json_where_that_says_it() {
        let of = |arguments: Arguments| value(&arguments, false).unwrap();
        assert_eq!(of(Arguments::new().with("a", &7)), "j7");
        assert_eq!(of(Arguments::new().with("a", &())), "jnull");
        assert_eq!(of(Arguments::new().with("a", &(1, 2))), "e(1,2)");
        let large = Arguments::new().with("a", &Bytes(vec![0; 60]));
        assert!(value(&large, true).unwrap().starts_with("a0000"));
        assert_eq!(failed("it's \"no\"\n"), r#"x"it's \"no\"\n""#);
    }

    #[test]
    fn a_question_is_read_with_all_that_is_in_it() {
        let question = Question::decode(b"3 17 2 Logger.store:v('a:b', 1)").unwrap();
        assert_eq!((question.place, question.number, question.items), (3, 17, 2));
        assert_eq!(question.name, "Logger.store");
        assert_eq!(question.words, b"('a:b', 1)");
        for bad in [
            &b""[..],
            b"1",
            b"1 2 0 a:",
            b"1 x 0 a:v()",
            b"1 2 0 a:E!",
            b"1 2 a:v()",
        ] {
            assert_eq!(Question::decode(bad), None, "{}", bad.escape_ascii());
        }
    }

    #[test]
    fn functions_have_the_parameters_that_they_are_declared_with() {
        let all = [("store", &["sensor", "value"][..]), ("now", &[])];
        assert_eq!(
            functions("Logger", all.into_iter()),
            "def store(sensor,value):return _belay_ask()('Logger.store',(sensor,value,))\n\
             def now():return _belay_ask()('Logger.now',())\n"
        );
    }
}
