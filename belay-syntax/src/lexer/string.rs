//! String literals: prefixes, escapes, and the insides of f-strings and t-strings.

use super::Lexer;
use super::reader::Made;
use crate::range::Range;
use crate::token::{Kind, Token};

/// What a literal is.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Flavour {
    #[default]
    Text,
    Bytes,
    Format,
    Template,
}

/// What the letters in front of a literal say.
#[derive(Clone, Copy, Default)]
struct Prefix {
    length: usize,
    raw: bool,
    flavour: Flavour,
}

/// A literal, or several that stand side by side and are one string.
struct Literals {
    range: Range,
    bytes: bool,
    empty: bool,
    faulty: bool,
    /// Whether it becomes a call: of `format`, or of what makes a template.
    call: Option<Flavour>,
    /// The expressions of f-strings, each as `(expression),`.
    arguments: Vec<Made>,
}

impl Lexer<'_> {
    pub(super) fn at_string(&self) -> bool {
        self.prefix().is_some()
    }

    fn prefix(&self) -> Option<Prefix> {
        let is_quote = |byte: u8| byte == b'"' || byte == b'\'';
        let [first, second, third] = self.reader.peek();
        if is_quote(first) {
            return Some(Prefix::default());
        }
        if is_quote(second) {
            let prefix = Prefix {
                length: 1,
                ..Prefix::default()
            };
            return match first {
                b'u' => Some(prefix),
                b'r' => Some(Prefix { raw: true, ..prefix }),
                b'b' => Some(Prefix {
                    flavour: Flavour::Bytes,
                    ..prefix
                }),
                b'f' => Some(Prefix {
                    flavour: Flavour::Format,
                    ..prefix
                }),
                b't' => Some(Prefix {
                    flavour: Flavour::Template,
                    ..prefix
                }),
                _ => None,
            };
        }
        if !is_quote(third) {
            return None;
        }
        let prefix = Prefix {
            length: 2,
            raw: true,
            ..Prefix::default()
        };
        match (first, second) {
            (b'r', b'b') | (b'b', b'r') => Some(Prefix {
                flavour: Flavour::Bytes,
                ..prefix
            }),
            (b'r', b'f') | (b'f', b'r') => Some(Prefix {
                flavour: Flavour::Format,
                ..prefix
            }),
            (b'r', b't') | (b't', b'r') => Some(Prefix {
                flavour: Flavour::Template,
                ..prefix
            }),
            _ => None,
        }
    }

    /// Takes a literal and all that follow it.
    pub(super) fn string(&mut self) {
        let made = self.reader.is_made();
        let start = self.reader.position();
        let mut all = Literals {
            range: Range::new(start, start),
            bytes: self
                .prefix()
                .is_some_and(|prefix| prefix.flavour == Flavour::Bytes),
            empty: true,
            faulty: false,
            call: None,
            arguments: Vec::new(),
        };
        while let Some(prefix) = self.prefix() {
            if (prefix.flavour == Flavour::Bytes) != all.bytes {
                break;
            }
            let start = self.reader.position();
            let still_made = self.reader.is_made();
            self.literal(prefix, &mut all);
            let range = self.since(start, still_made);
            all.range = all.range.to(range);
            if !made {
                self.out.literals.push(range);
            }
            self.skip_space(self.brackets.is_empty());
        }
        let (kind, text) = match (all.faulty, all.bytes) {
            (true, _) => (Kind::Error, ""),
            (false, _) if all.call == Some(Flavour::Template) => (Kind::Name, "__template__"),
            (false, true) => (Kind::Bytes, if all.empty { "" } else { "b" }),
            (false, false) => (Kind::Str, if all.empty { "" } else { "s" }),
        };
        self.out.tokens.push(Token {
            kind,
            range: all.range,
            text,
            made,
        });
        if all.call.is_some() {
            self.formatted = all.range;
            self.reader.insert(call_of(&all));
        }
    }

    fn literal(&mut self, prefix: Prefix, all: &mut Literals) {
        let start = self.reader.position();
        for _ in 0..prefix.length {
            self.reader.advance();
        }
        let quote = self.reader.peek()[0];
        self.reader.advance();
        let quotes = if self.reader.peek()[..2] == [quote, quote] {
            3
        } else {
            1
        };
        if quotes == 3 {
            self.reader.advance();
            self.reader.advance();
        }
        let (format, template) = (
            prefix.flavour == Flavour::Format,
            prefix.flavour == Flavour::Template,
        );
        if template || (format && all.call.is_none()) {
            all.call = Some(prefix.flavour);
        }
        let mut closing = 0;
        // Between the braces of a format specification, in a t-string.
        let mut depth = 0_usize;
        while closing < quotes && !self.reader.at_end() && (quotes == 3 || self.reader.peek()[0] != b'\n') {
            let next = self.reader.peek();
            if next[0] == quote {
                closing += 1;
                self.reader.advance();
                continue;
            }
            all.empty &= closing == 0 && next[..2] == *b"\\\n";
            closing = 0;
            match next[0] {
                b'{' if format || (template && depth == 0) => {
                    depth += self.replacement(prefix, all);
                }
                b'{' if template => {
                    depth += 1;
                    self.reader.advance();
                }
                b'}' if template && depth > 0 => {
                    depth -= 1;
                    self.reader.advance();
                }
                b'}' if template => self.closing_brace(all),
                b'\\' => self.escape(prefix, all),
                _ => self.reader.advance(),
            }
        }
        if closing < quotes {
            self.unterminated(start, prefix, quotes, all);
        }
    }

    fn unterminated(&mut self, start: usize, prefix: Prefix, quotes: usize, all: &mut Literals) {
        let opening = Range::new(start, start + prefix.length + quotes);
        let quote = opening
            .text(self.source)
            .get(prefix.length..)
            .unwrap_or("\"")
            .to_owned();
        let help = if quotes == 3 {
            format!("write `{quote}` where it ends")
        } else {
            let triple = quote.repeat(3);
            format!("write `{quote}` at its end; a string over several lines stands between `{triple}`")
        };
        let range = if quotes == 3 {
            opening
        } else {
            Range::new(start, self.reader.previous_end().max(opening.end))
        };
        let ran_away = quotes == 1 && self.reader.at_end();
        if ran_away {
            // An open brace took the rest of the text with it.
            self.reader.go_to_line_end(start);
        }
        let range = if ran_away { opening } else { range };
        all.faulty = true;
        self.complain(range, "this string is never closed".to_owned(), Some(help));
    }

    fn closing_brace(&mut self, all: &mut Literals) {
        let at = self.reader.position();
        self.reader.advance();
        if self.reader.peek()[0] == b'}' {
            self.reader.advance();
        } else {
            all.faulty = true;
            let help = "write `}}` for a brace that is part of the text".to_owned();
            self.complain(
                Range::new(at, at + 1),
                "this `}` closes nothing".to_owned(),
                Some(help),
            );
        }
    }

    /// Takes `{expression`, up to what ends it, and keeps the expression. MicroPython finds that end without
    /// knowing what an expression is: by counting brackets and braces, but neither parentheses nor strings.
    ///
    /// Gives how many braces it opened that have to be closed.
    fn replacement(&mut self, prefix: Prefix, all: &mut Literals) -> usize {
        let template = prefix.flavour == Flavour::Template;
        let brace = self.reader.position();
        self.reader.advance();
        if self.reader.peek()[0] == b'{' {
            self.reader.advance();
            return 0;
        }
        let made_at = |byte| Made {
            byte,
            origin: brace,
            width: 0,
        };
        all.arguments.push(made_at(b'('));
        let first = all.arguments.len();
        let mut level = 0_u32;
        while !self.reader.at_end() {
            let next = self.reader.peek();
            let conversion =
                next[0] == b'!' && matches!(next[1], b'r' | b's') && matches!(next[2], b':' | b'}');
            if level == 0 && (matches!(next[0], b':' | b'}') || conversion) {
                break;
            }
            match next[0] {
                b'[' | b'{' => level = level.wrapping_add(1),
                b']' | b'}' => level = level.wrapping_sub(1),
                _ => {}
            }
            all.arguments.push(Made {
                byte: next[0],
                origin: self.reader.position(),
                width: 1,
            });
            self.reader.advance();
        }
        if all.arguments.last().is_some_and(|last| last.byte == b'=') {
            // `f"{x=}"` shows the expression, too.
            all.arguments.pop();
        }
        while template
            && all
                .arguments
                .last()
                .is_some_and(|last| last.byte.is_ascii_whitespace())
        {
            all.arguments.pop();
        }
        if all.arguments.len() == first {
            all.faulty = true;
            let help =
                "write an expression there, or `{{` and `}}` for braces that are part of the text".to_owned();
            let range = Range::new(brace, self.reader.previous_end());
            self.complain(
                range,
                "there is no expression between these braces".to_owned(),
                Some(help),
            );
        }
        all.arguments.extend([made_at(b')'), made_at(b',')]);
        if template && self.reader.peek()[0] == b'!' {
            self.reader.advance();
            self.reader.advance();
        }
        1
    }

    fn escape(&mut self, prefix: Prefix, all: &mut Literals) {
        let start = self.reader.position();
        self.reader.advance();
        let escaped = self.reader.peek()[0];
        if self.reader.at_end() {
            return;
        }
        self.reader.advance();
        if prefix.raw || prefix.flavour == Flavour::Template {
            return;
        }
        let digits = match escaped {
            b'x' => 2,
            b'u' if !all.bytes => 4,
            b'U' if !all.bytes => 8,
            b'0'..=b'7' => return self.octal(start, escaped, all),
            b'N' => {
                let help = "write the character itself, or its number as `\\u20ac`".to_owned();
                self.bad_escape(
                    start,
                    all,
                    "MicroPython does not know characters by their names",
                    help,
                );
                return;
            }
            _ => return,
        };
        let mut value = 0_u32;
        for _ in 0..digits {
            let Some(digit) = char::from(self.reader.peek()[0]).to_digit(16) else {
                let help = format!(
                    "write {digits} hexadecimal digits after `\\{}`",
                    char::from(escaped)
                );
                self.bad_escape(start, all, "this escape has too few digits", help);
                return;
            };
            value = value.wrapping_mul(16).wrapping_add(digit);
            self.reader.advance();
        }
        if value >= 0x11_0000 {
            self.bad_escape(
                start,
                all,
                "there is no such character",
                "the last one is `\\U0010ffff`".to_owned(),
            );
        }
    }

    fn octal(&mut self, start: usize, first: u8, all: &mut Literals) {
        let mut value = u32::from(first - b'0');
        for _ in 0..2 {
            let next = self.reader.peek()[0];
            if !matches!(next, b'0'..=b'7') {
                break;
            }
            value = value * 8 + u32::from(next - b'0');
            self.reader.advance();
        }
        if value > 0xff && all.bytes {
            self.bad_escape(
                start,
                all,
                "a byte cannot be that large",
                "the largest byte is `\\377`".to_owned(),
            );
        }
    }

    fn bad_escape(&mut self, start: usize, all: &mut Literals, message: &str, help: String) {
        all.faulty = true;
        let range = Range::new(start, self.reader.previous_end().max(start));
        self.complain(range, message.to_owned(), Some(help));
    }
}

/// The call that MicroPython makes of the inside of an f-string or t-string.
fn call_of(all: &Literals) -> Vec<Made> {
    let made = |byte| Made {
        byte,
        origin: all.range.start,
        width: 0,
    };
    let start: &[u8] = if all.call == Some(Flavour::Template) {
        b"("
    } else {
        b".format("
    };
    let mut call: Vec<Made> = start.iter().copied().map(made).collect();
    call.extend(&all.arguments);
    call.push(made(b')'));
    call
}
