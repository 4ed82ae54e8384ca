//! Finds where a text reads from standard input, which on a board is the serial line.

use std::collections::HashSet;

use crate::range::Range;
use crate::token::{Kind, Token};

/// The methods that read from a stream.
const READERS: [&str; 5] = ["read", "readline", "readlines", "readinto", "readchar"];
/// The functions that read all lines of a stream that they are given.
const CONSUMERS: [&str; 4] = ["next", "iter", "list", "enumerate"];

/// The places where these tokens read from `sys.stdin`.
pub(crate) fn reads(tokens: &[Token<'_>]) -> Vec<Range> {
    let names = Names::of(tokens);
    let mut reads = Vec::new();
    for at in 0..tokens.len() {
        let Some(length) = names.stream_at(tokens, at) else {
            continue;
        };
        let end = at + length;
        let method = reader_at(tokens, end);
        let consumed = is_consumed(tokens.get(..at).unwrap_or_default(), kind(tokens, end));
        if let Some(last) = method.or(consumed.then(|| end - 1))
            && let (Some(first), Some(last)) = (tokens.get(at), tokens.get(last))
        {
            reads.push(first.range.to(last.range));
        }
    }
    reads
}

/// The names under which `sys` and `sys.stdin` are known in the text.
struct Names<'a> {
    modules: HashSet<&'a str>,
    streams: HashSet<&'a str>,
}

impl<'a> Names<'a> {
    fn of(tokens: &[Token<'a>]) -> Self {
        let mut names = Self {
            modules: HashSet::from(["sys", "usys"]),
            streams: HashSet::new(),
        };
        let mut from_sys = false;
        for at in 0..tokens.len() {
            let renamed = (kind(tokens, at + 1) == Kind::As).then(|| text(tokens, at + 2));
            match (kind(tokens, at), text(tokens, at)) {
                (Kind::From, _) => from_sys = matches!(text(tokens, at + 1), "sys" | "usys"),
                (Kind::Newline | Kind::Semicolon, _) => from_sys = false,
                (Kind::Name, "sys" | "usys") => names.modules.extend(renamed),
                (Kind::Name, stream @ "stdin") if from_sys => {
                    names.streams.insert(renamed.unwrap_or(stream));
                }
                (Kind::Star, _) if from_sys => drop(names.streams.insert("stdin")),
                _ => {}
            }
        }
        names
    }

    /// The number of tokens of the stream expression that begins here; `None` if there is none.
    fn stream_at(&self, tokens: &[Token<'_>], at: usize) -> Option<usize> {
        let attribute = at.checked_sub(1).is_some_and(|at| kind(tokens, at) == Kind::Dot);
        if kind(tokens, at) != Kind::Name || attribute {
            return None;
        }
        let name = text(tokens, at);
        if self.streams.contains(name) {
            return Some(1);
        }
        let stdin = self.modules.contains(name) && attribute_at(tokens, at + 1) == Some("stdin");
        stdin.then_some(3)
    }
}

/// The last token of a method that reads from the stream or from its `buffer`, if one follows.
fn reader_at(tokens: &[Token<'_>], at: usize) -> Option<usize> {
    let at = if attribute_at(tokens, at) == Some("buffer") {
        at + 2
    } else {
        at
    };
    attribute_at(tokens, at)
        .filter(|name| READERS.contains(name))
        .map(|_| at + 1)
}

/// Whether a stream between these tokens is iterated over.
fn is_consumed(before: &[Token<'_>], after: Kind) -> bool {
    match before {
        [.., token] if token.kind == Kind::In => matches!(after, Kind::Colon | Kind::RParen | Kind::RBracket),
        [.., function, token] if token.kind == Kind::LParen => CONSUMERS.contains(&function.text),
        _ => false,
    }
}

fn attribute_at<'a>(tokens: &[Token<'a>], at: usize) -> Option<&'a str> {
    let there = kind(tokens, at) == Kind::Dot && kind(tokens, at + 1) == Kind::Name;
    there.then(|| text(tokens, at + 1))
}

fn kind(tokens: &[Token<'_>], at: usize) -> Kind {
    tokens.get(at).map_or(Kind::End, |token| token.kind)
}

fn text<'a>(tokens: &[Token<'a>], at: usize) -> &'a str {
    tokens.get(at).map_or("", |token| token.text)
}

#[cfg(test)]
mod tests {

    fn read(source: &str) -> Vec<&str> {
        crate::parse_module(source)
            .stdin_reads()
            .into_iter()
            .map(|range| range.text(source))
            .collect()
    }

    #[test]
    fn every_way_to_read_the_line_is_found_under_every_name() {
        for (source, expected) in [
            ("import sys\nx = sys.stdin.read(1)", "sys.stdin.read"),
            ("sys.stdin.buffer.readinto(b)", "sys.stdin.buffer.readinto"),
            ("read = sys.stdin.readline", "sys.stdin.readline"),
            ("import usys as s\ns.stdin.readlines()", "s.stdin.readlines"),
            ("import time, sys as s\ns.stdin.read()", "s.stdin.read"),
            ("from sys import stdin\nstdin.read()", "stdin.read"),
            (
                "from sys import stdout, stdin as i\ni.buffer.read()",
                "i.buffer.read",
            ),
            ("from sys import *\nstdin.read()", "stdin.read"),
            ("for line in sys.stdin:\n  pass", "sys.stdin"),
            ("x = [line for line in sys.stdin]", "sys.stdin"),
            ("x = next(sys.stdin)", "sys.stdin"),
        ] {
            assert_eq!(read(source), [expected], "{source}");
        }
    }

    #[test]
    fn what_does_not_read_the_line_is_left_alone() {
        for source in [
            "import sys\nsys.stdout.write(x)",
            "poll.register(sys.stdin)",
            "uart.stdin.read()",
            "self.sys.stdin.read()",
            "stdin = open('f')\nstdin.read()",
            "'sys.stdin.read()'  # sys.stdin.read()",
            "uart.read()",
        ] {
            assert!(read(source).is_empty(), "{source}");
        }
    }
}
