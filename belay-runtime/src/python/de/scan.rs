//! Scanning the board's text: where tokens end, and which characters strings and bytes contain.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::IgnoredAny;

use super::ahead::Ahead;
use super::{Deserializer, Want};
use crate::python::error::{ValueError, shortened};

/// How many characters of the board's text an error message shows.
const SHOWN: usize = 60;

/// The offset of the first control character, backslash or quote of this kind; found eight bytes at a time.
#[inline]
fn run_of_plain(text: &[u8], quote: u8) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHEST: u64 = ONES << 7;
    let (words, tail) = text.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        // `below(x, n)` sets the highest bit of each byte of x that is below n. It may set bits behind the
        // first such byte wrongly, which does not matter, since only the first one is used.
        let below = |word: u64, bound: u8| word.wrapping_sub(ONES * u64::from(bound)) & !word & HIGHEST;
        let equal = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
        let stops = below(word, b' ') | equal(quote) | equal(b'\\');
        if stops != 0 {
            return Some(at * 8 + stops.trailing_zeros() as usize / 8);
        }
    }
    let stop = |&byte: &u8| byte == quote || byte == b'\\' || byte < b' ';
    tail.iter().position(stop).map(|at| words.len() * 8 + at)
}

/// Whether a byte can be part of a name. Python allows any non-ASCII letter, so all non-ASCII bytes count.
fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

impl<'de> Deserializer<'de> {
    #[inline]
    pub(super) fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    #[inline]
    pub(super) fn skip_space(&mut self) {
        while let Some(b' ' | b'\r' | b'\n') = self.peek() {
            self.at += 1;
        }
    }

    /// The fast path for a separator: skips it and the space that boards print behind it, if neither a space
    /// nor the closing bracket comes next.
    #[inline]
    pub(super) fn eat_separator(&mut self, separator: u8, close: u8) -> bool {
        let there = matches!(
            self.text[self.at..],
            [first, b' ', next, ..] if first == separator && next > b' ' && next != close
        );
        self.at += if there { 2 } else { 0 };
        there
    }

    #[inline]
    pub(super) fn eat(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    #[inline]
    pub(super) fn expect(&mut self, byte: u8, what: &str) -> Result<(), ValueError> {
        if self.eat(byte) {
            return Ok(());
        }
        Err(self.malformed(what))
    }

    /// The name that begins here, which may be empty.
    pub(super) fn peek_name(&self) -> &'de [u8] {
        let rest = &self.text[self.at..];
        let end = rest.iter().position(|byte| !is_of_name(*byte));
        &rest[..end.unwrap_or(rest.len())]
    }

    /// Skips this word, if it stands here.
    pub(super) fn eat_word(&mut self, word: &[u8]) -> bool {
        let rest = &self.text[self.at..];
        let more = |byte: &u8| is_of_name(*byte) || *byte == b'(';
        let there = rest.starts_with(word) && !rest.get(word.len()).is_some_and(more);
        if there {
            self.at += word.len();
        }
        there
    }

    /// The contents of a str, read from behind its opening quote.
    #[inline]
    pub(super) fn string(&mut self, quote: u8) -> Result<Cow<'de, str>, ValueError> {
        let plain = self.plain(quote)?;
        if self.eat(quote) {
            return Ok(Cow::Borrowed(plain));
        }
        self.escaped(plain, quote).map(Cow::Owned)
    }

    /// The contents of a str that begins with `plain` and continues with an escape.
    pub(super) fn escaped(&mut self, plain: &str, quote: u8) -> Result<String, ValueError> {
        let mut text = plain.to_owned();
        while self.eat(b'\\') {
            let char = self.escape(true)?;
            let Some(char) = char::from_u32(char) else {
                return Err(ValueError::with_hint(
                    format!("the board returned a str with \\u{char:x}, which no string in Rust can hold"),
                    "return bytes instead: `text.encode()`",
                ));
            };
            text.push(char);
            text.push_str(self.plain(quote)?);
        }
        self.expect(quote, "the end of a str")?;
        Ok(text)
    }

    /// A bytes literal, read from the `b` on.
    pub(super) fn bytes_literal(&mut self) -> Result<Cow<'de, [u8]>, ValueError> {
        self.expect(b'b', "bytes")?;
        let Some(quote @ (b'\'' | b'"')) = self.peek() else {
            return Err(self.malformed("bytes"));
        };
        self.at += 1;
        let mut bytes = Cow::Borrowed(self.plain_ascii(quote)?);
        while self.eat(b'\\') {
            let byte = u8::try_from(self.escape(false)?).map_err(|_| self.malformed("a byte"))?;
            let bytes = bytes.to_mut();
            bytes.push(byte);
            if self.peek() != Some(b'\\') {
                bytes.extend_from_slice(self.plain_ascii(quote)?);
            }
        }
        self.expect(quote, "the end of bytes")?;
        Ok(bytes)
    }

    /// Bytes in base64, read from between the parentheses of `B("…")`, with the closing one.
    pub(super) fn base64(&mut self) -> Result<Vec<u8>, ValueError> {
        let Some(quote @ (b'\'' | b'"')) = self.peek() else {
            return Err(self.malformed("base64"));
        };
        self.at += 1;
        let digits = self.plain(quote)?;
        let bytes = STANDARD.decode(digits).map_err(|_| self.malformed("base64"))?;
        self.expect(quote, "the end of base64")?;
        self.expect(b')', "`)`")?;
        Ok(bytes)
    }

    /// The unescaped characters up to the next escape or the closing quote.
    #[inline]
    pub(super) fn plain(&mut self, quote: u8) -> Result<&'de str, ValueError> {
        let rest = &self.text[self.at..];
        let end = match run_of_plain(rest, quote) {
            Some(end) if rest[end] >= b' ' => end,
            Some(end) => {
                self.at += end;
                return Err(self.malformed("no control character"));
            }
            None => {
                self.at = self.text.len();
                return Err(self.malformed("the closing quote"));
            }
        };
        let start = self.at;
        self.at += end;
        // The stops are ASCII characters, so the slice ends at a character boundary.
        Ok(&self.source[start..self.at])
    }

    fn plain_ascii(&mut self, quote: u8) -> Result<&'de [u8], ValueError> {
        let plain = self.plain(quote)?.as_bytes();
        if !plain.is_ascii() {
            return Err(self.malformed("ASCII in bytes"));
        }
        Ok(plain)
    }

    /// The character that an escape stands for, read from behind its backslash.
    fn escape(&mut self, unicode: bool) -> Result<u32, ValueError> {
        let kind = self.peek();
        self.at += usize::from(kind.is_some());
        let digits = match kind {
            Some(byte @ (b'\\' | b'\'' | b'"')) => return Ok(byte.into()),
            Some(b'n') => return Ok(b'\n'.into()),
            Some(b'r') => return Ok(b'\r'.into()),
            Some(b't') => return Ok(b'\t'.into()),
            Some(b'x') => 2,
            Some(b'u') if unicode => 4,
            Some(b'U') if unicode => 8,
            _ => return Err(self.malformed("an escape")),
        };
        let mut code = 0;
        for _ in 0..digits {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            let Some(digit) = digit else {
                return Err(self.malformed("a hexadecimal digit"));
            };
            code = code << 4 | digit;
            self.at += 1;
        }
        Ok(code)
    }

    /// The board's text from here on, shortened for an error message, and the name of its Python type.
    pub(super) fn describe(&self, mut start: usize) -> (String, &'static str) {
        while self.text.get(start).is_some_and(u8::is_ascii_whitespace) {
            start += 1;
        }
        let mut rest = self.again_from(start);
        let whole = rest.value_here(IgnoredAny, Want::Nothing).is_ok();
        let end = if whole { rest.at } else { self.text.len() };
        let text = String::from_utf8_lossy(&self.text[start..end]);
        let type_name = self.again_from(start).type_name();
        (shortened(&text, SHOWN), type_name)
    }

    /// A second reader of the same text, at another offset.
    fn again_from(&self, at: usize) -> Self {
        Self {
            at,
            ahead: Ahead::default(),
            ..*self
        }
    }

    /// The name of the Python type of the value that begins here.
    fn type_name(&mut self) -> &'static str {
        match self.peek() {
            Some(b'\'' | b'"') => "str",
            Some(b'[') => "list",
            Some(b'(') if matches!(self.complex(), Ok(Some(_))) => "complex",
            Some(b'(') => "tuple",
            Some(b'{') if matches!(self.brace_is_dict(), Ok(false)) => "set",
            Some(b'{') => "dict",
            Some(b'0'..=b'9' | b'-') => self.number_type(),
            Some(b'b') if matches!(self.text.get(self.at + 1), Some(b'\'' | b'"')) => "bytes",
            _ => match self.peek_name() {
                b"None" => "NoneType",
                b"True" | b"False" => "bool",
                b"inf" | b"nan" => "float",
                b"bytearray" => "bytearray",
                b"array" => "array",
                b"OrderedDict" => "OrderedDict",
                b"set" => "set",
                b"frozenset" => "frozenset",
                b"B" => "bytes",
                _ => "namedtuple",
            },
        }
    }

    /// The error for a text that is no value, unlike anything that a board's `repr` prints.
    #[cold]
    pub(super) fn malformed(&self, expected: &str) -> ValueError {
        let before = String::from_utf8_lossy(&self.text[self.at.saturating_sub(SHOWN / 2)..self.at]);
        let after = String::from_utf8_lossy(&self.text[self.at..]);
        ValueError::with_hint(
            format!(
                "the board's reply is no value in Python: {expected} was expected at byte {}, where `{}` is followed by `{}`",
                self.at,
                before.escape_debug(),
                shortened(&after, SHOWN / 2).escape_debug(),
            ),
            "if the Python returns an object of its own, return its parts instead",
        )
    }
}
