//! The calls that are made while a fault is injected, and what each has to give.

use belay_runtime::link::{Link, Payload, Request};
use belay_runtime::python::Arguments;
use belay_runtime::{Error, ErrorKind};
use futures_util::StreamExt as _;
use std::time::Duration;

/// The functions on the board: each counts its own call first.
pub(crate) const SOURCE: &str = r"
seen = {}
def hit(i):
    seen[i] = seen.get(i, 0) + 1
def add(i, a, b):
    hit(i)
    return a + b
def numbers(i, n):
    hit(i)
    return list(range(n))
def data(i, n):
    hit(i)
    return bytes(j & 255 for j in range(n))
def size(i, text):
    hit(i)
    return (len(text), text[-3:])
def fail(i, n):
    hit(i)
    raise ValueError(n)
def items(i, n):
    hit(i)
    for j in range(n):
        yield j * j
def spin(i, n):
    hit(i)
    t = 0
    for j in range(n * 1000):
        t += j
    return t
def say(i, n):
    hit(i)
    print('\x02\x03\x04>' * n)
    return n
";

/// The board's alias for `add`, which is the first that an agent assigns.
pub(crate) const ADD: &str = "f0";

/// The size of the pieces in which an answer is retransmitted over a bad line; at the end they are much smaller.
const PIECE: usize = 384;

/// One call.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) id: u32,
    expression: String,
    expected: Expected,
    /// The minimum number of items in a batch, if nothing goes wrong.
    at_once: usize,
    /// Whether the board retransmits the missing part of an answer in pieces.
    in_pieces: bool,
}

#[derive(Debug, Clone)]
enum Expected {
    Repr(String),
    Bytes(Vec<u8>),
    Raises(&'static str, String),
    Items(Vec<String>),
}

impl std::fmt::Display for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.40}", self.expression)
    }
}

/// The outcome of a call.
#[derive(Debug)]
pub(crate) enum Given {
    /// The expected result.
    Right,
    /// Another result.
    Wrong(String),
    /// An error that says that there is no result.
    Error(Error),
}

impl Call {
    /// A random call. A small board has no room for much data, and sends bytes as their `repr`.
    pub(crate) fn random(id: u32, random: &mut fastrand::Rng, small: bool) -> Self {
        let n = random.u32(1..300);
        let (expression, expected) = match random.u8(0..9) {
            0 | 1 => (format!("add({id},{n},7)"), Expected::Repr((n + 7).to_string())),
            2 => {
                let list: Vec<String> = (0..n).map(|i| i.to_string()).collect();
                let list = format!("[{}]", list.join(", "));
                (format!("numbers({id},{n})"), Expected::Repr(list))
            }
            3 if small => {
                let data: Vec<u8> = (0..n + 60).map(|i| i.to_le_bytes()[0]).collect();
                (format!("data({id},{})", n + 60), Expected::Repr(repr(&data)))
            }
            3 => {
                let n = n * 20 + 60;
                let data = (0..n).map(|i| i.to_le_bytes()[0]).collect();
                (format!("data({id},{n})"), Expected::Bytes(data))
            }
            4 => {
                let text: String = (0..n * 5).map(|_| random.alphanumeric()).collect();
                let expected = format!("({}, '{}')", text.len(), &text[text.len() - 3..]);
                (format!("size({id},'{text}')"), Expected::Repr(expected))
            }
            5 => {
                let expected = Expected::Raises("ValueError", n.to_string());
                (format!("fail({id},{n})"), expected)
            }
            6 => {
                let items = (0..u64::from(n)).map(|i| (i * i).to_string()).collect();
                (format!("items({id},{n})"), Expected::Items(items))
            }
            7 => {
                let n = u64::from(n % 40);
                let sum = (n * 1000) * (n * 1000).saturating_sub(1) / 2;
                (format!("spin({id},{n})"), Expected::Repr(sum.to_string()))
            }
            _ => (format!("say({id},{n})"), Expected::Repr(n.to_string())),
        };
        Self {
            id,
            expression,
            expected,
            // A small board sends a few hundred characters per batch, and the source that is typed for each batch is so
            // long that a bad line damages every second one.
            at_once: if small { 4 } else { 30 },
            in_pieces: !small,
        }
    }

    pub(crate) fn is_stream(&self) -> bool {
        matches!(self.expected, Expected::Items(_))
    }

    /// How often the call's deadline may restart: with each batch of items, and with each piece of a long answer. Among
    /// many batches no fault delays every one.
    pub(crate) fn signs_of_life(&self) -> u32 {
        let signs = match &self.expected {
            Expected::Bytes(bytes) => bytes.len() / PIECE + 1,
            Expected::Items(items) => items.len() / self.at_once + 1,
            Expected::Repr(text) if self.in_pieces => text.len() / PIECE,
            // An exception comes with its traceback, which is sent again in smaller pieces where it was damaged.
            Expected::Raises(..) => 2,
            Expected::Repr(_) => 0,
        };
        u32::try_from(signs).unwrap_or(u32::MAX)
    }

    pub(crate) async fn make(&self, link: &Link, deadline: Duration) -> Given {
        let request = self.request();
        if let Expected::Items(expected) = &self.expected {
            return items(link, request, expected, deadline).await;
        }
        let given = link.request(request, deadline).await;
        match (&self.expected, given) {
            (Expected::Repr(expected), Ok(Payload::Repr(text))) if *text == *expected.as_bytes() => {
                Given::Right
            }
            (Expected::Bytes(expected), Ok(Payload::Bytes(bytes))) if bytes == *expected => Given::Right,
            (Expected::Raises(class, message), Err(error)) => match error.exception() {
                Some(exception) if exception.type_name == *class && exception.message == *message => {
                    Given::Right
                }
                Some(exception) => Given::Wrong(exception.to_string()),
                None => Given::Error(error),
            },
            (_, Ok(payload)) => Given::Wrong(format!("{} gave {payload:?}", self.expression)),
            (_, Err(error)) if error.exception().is_some() => {
                Given::Wrong(format!("{} gave {error}", self.expression))
            }
            (_, Err(error)) => Given::Error(error),
        }
    }

    /// `add` is called as a function with JSON arguments; the other expressions are evaluated.
    fn request(&self) -> Request {
        let (name, rest) = self.expression.split_once('(').unwrap_or_default();
        if name == "add" {
            let mut arguments = Arguments::new();
            for number in rest.trim_end_matches(')').split(',') {
                arguments = arguments.with("number", &number.parse::<u32>().unwrap_or(0));
            }
            let function = ADD.to_owned();
            return Request::Call { function, arguments };
        }
        Request::Evaluate(format!("N('faults')['{name}']({rest}"))
    }
}

async fn items(link: &Link, request: Request, expected: &[String], deadline: Duration) -> Given {
    let mut stream = link.stream(request, deadline);
    let mut seen = 0;
    while let Some(item) = stream.next().await {
        match item {
            Ok(Payload::Repr(text)) if expected.get(seen).is_some_and(|e| *e.as_bytes() == *text) => {
                seen += 1;
            }
            Ok(other) => return Given::Wrong(format!("item {seen} is {other:?}")),
            Err(error) if error.exception().is_some() => return Given::Wrong(error.to_string()),
            Err(error) => return Given::Error(error),
        }
    }
    if seen == expected.len() {
        Given::Right
    } else {
        Given::Wrong(format!("{seen} items instead of {}", expected.len()))
    }
}

/// Bytes as Python's `repr` writes them where they contain both kinds of quotes.
fn repr(data: &[u8]) -> String {
    let mut text = String::from("b'");
    for byte in data {
        match byte {
            b'\\' | b'\'' => text.extend(['\\', char::from(*byte)]),
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            b'\t' => text.push_str("\\t"),
            b' '..=b'~' => text.push(char::from(*byte)),
            _ => text.extend(format!("\\x{byte:02x}").chars()),
        }
    }
    text.push('\'');
    text
}

/// Whether an error of a call says, truthfully, that it did not run.
pub(crate) fn says_not_run(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Disconnected(_))
}
