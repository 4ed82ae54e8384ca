//! String literals: prefixes, escapes, and where they end.

use super::Lexer;
use super::format::{Brace, call_of};
use super::reader::Made;
use crate::Diagnostic;
use crate::range::Range;
use crate::token::{Kind, Token};

/// The kind of a literal.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Flavour {
    #[default]
    Text,
    Bytes,
    Format,
    Template,
}

/// The meaning of the prefix letters of a literal.
#[derive(Clone, Copy, Default)]
pub(super) struct Prefix {
    length: usize,
    raw: bool,
    pub(super) flavour: Flavour,
}

/// How deeply f-strings can be nested: the parser counts two levels for each.
const DEEPEST: usize = crate::parser::MAX_DEPTH / 2;

/// The quotes at the beginning of a literal.
struct Opening {
    range: Range,
    quote: u8,
    quotes: usize,
}

/// One string: a literal, or several adjacent ones.
pub(super) struct Literals {
    pub(super) range: Range,
    bytes: bool,
    empty: bool,
    pub(super) faulty: bool,
    /// Whether it becomes a call: of `format`, or of the function that makes a template.
    pub(super) call: Option<Flavour>,
    /// The first brace in a literal that is no f-string.
    plain_brace: Option<usize>,
    /// The expressions of f-strings, each as `(expression),`.
    pub(super) arguments: Vec<Made>,
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

    /// Takes a literal and all adjacent ones.
    pub(super) fn string(&mut self) {
        let made = self.reader.is_made();
        let depth = self.reader.depth();
        let start = self.reader.position();
        let first = self.prefix().unwrap_or_default();
        let mut all = Literals {
            range: Range::new(start, start),
            bytes: first.flavour == Flavour::Bytes,
            empty: true,
            faulty: false,
            call: None,
            plain_brace: None,
            arguments: Vec::new(),
        };
        let mut count = 0;
        while let Some(prefix) = self.prefix() {
            if (prefix.flavour == Flavour::Bytes) != all.bytes {
                break;
            }
            let start = self.reader.position();
            let template = prefix.flavour == Flavour::Template || all.call == Some(Flavour::Template);
            self.literal(prefix, &mut all);
            let range = self.since(start);
            all.range = all.range.to(range);
            if template && count > 0 && !all.faulty {
                all.faulty = true;
                let message = "a t-string cannot be joined with another string".to_owned();
                self.complain(
                    range,
                    message,
                    Some("write one literal instead of them".to_owned()),
                );
            }
            count += 1;
            if !made {
                self.out.literals.push(range);
            }
            self.skip_space(self.brackets.is_empty());
        }
        if let (Some(Flavour::Format), Some(at), false) = (all.call, all.plain_brace, all.faulty) {
            all.faulty = true;
            let message = "MicroPython takes this brace for one of the f-string beside it";
            self.out.diagnostics.push(Diagnostic {
                range: Range::new(at, at + 1),
                message: message.to_owned(),
                help: Some("write one f-string, with `{{` and `}}` for braces that are text".to_owned()),
                accepted: true,
            });
        }
        if all.call.is_some() && depth >= DEEPEST && !all.faulty {
            all.faulty = true;
            let message = format!("f-strings are nested more than {DEEPEST} levels deep here");
            let help = "move the inner ones into variables".to_owned();
            self.complain(all.range, message, Some(help));
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
            invented: false,
        });
        if all.call.is_some() && !all.faulty {
            self.reader.insert(call_of(&all));
        }
    }

    fn literal(&mut self, prefix: Prefix, all: &mut Literals) {
        let start = self.reader.position();
        let made = self.reader.is_made();
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
        let opening = Opening {
            range: Range::new(start, start + prefix.length + quotes),
            quote,
            quotes,
        };
        let (format, template) = (
            prefix.flavour == Flavour::Format,
            prefix.flavour == Flavour::Template,
        );
        if template || (format && all.call.is_none()) {
            all.call = Some(prefix.flavour);
        }
        let mut closing = 0;
        // The positions of the open braces.
        let mut open: Vec<usize> = Vec::new();
        // The first brace whose end was not found where it has to be.
        let mut brace = None;
        while closing < quotes && !self.string_ends(quotes, made) {
            let next = self.reader.peek();
            if next[0] == quote {
                closing += 1;
                self.reader.advance();
                continue;
            }
            all.empty &= closing == 0 && next[..2] == *b"\\\n";
            closing = 0;
            match next[0] {
                b'{' if format || (template && open.is_empty()) => {
                    let found = self.replacement(prefix, quotes, all);
                    open.extend(found.map(|brace| brace.at));
                    brace = brace.or(found.filter(|brace| !brace.closed));
                }
                b'{' if template => {
                    open.push(self.reader.position());
                    self.reader.advance();
                }
                b'}' if !open.is_empty() => {
                    open.pop();
                    self.reader.advance();
                }
                b'}' if format || template => self.closing_brace(template, all),
                b'{' | b'}' => {
                    all.plain_brace.get_or_insert(self.reader.position());
                    self.reader.advance();
                }
                b'\\' if template && prefix.raw => self.reader.advance(),
                b'\\' => self.escape(prefix, all),
                _ => self.reader.advance(),
            }
        }
        if closing < quotes {
            self.unterminated(&opening, brace, all);
        } else if let Some(at) = open.first() {
            self.never_ends(*at, template, all);
        }
    }

    /// Whether a string with this many quotes has to end here.
    fn string_ends(&self, quotes: usize, made: bool) -> bool {
        self.reader.at_end()
            || (quotes == 1 && self.reader.peek()[0] == b'\n')
            || (made && self.reader.is_invented())
    }

    fn unterminated(&mut self, opening: &Opening, brace: Option<Brace>, all: &mut Literals) {
        all.faulty = true;
        if let Some(brace) = brace {
            self.complain_of_brace(brace.at);
            self.ran_away |= self.reader.at_end();
            self.after_unterminated(opening, brace.at);
            return;
        }
        let quote = char::from(opening.quote);
        let help = if opening.quotes == 3 {
            format!("write `{}` where it ends", quote.to_string().repeat(3))
        } else {
            let triple = quote.to_string().repeat(3);
            format!("write `{quote}` at its end; a string over several lines stands between `{triple}`")
        };
        let range = if opening.quotes == 3 {
            opening.range
        } else {
            let line_end = self.reader.line_end(opening.range.start);
            let end = self.reader.previous_end().min(line_end);
            Range::new(opening.range.start, end.max(opening.range.end))
        };
        self.complain(range, "this string is never closed".to_owned(), Some(help));
        if opening.quotes == 1 {
            self.after_unterminated(opening, opening.range.start);
        }
    }

    /// Recovers from an unterminated string at the place where it most probably ends. The text is wrong from
    /// `fault` on.
    fn after_unterminated(&mut self, opening: &Opening, fault: usize) {
        if self.reader.is_made() {
            return;
        }
        let line_end = self.reader.line_end(fault);
        if opening.quotes == 3 {
            let triple = char::from(opening.quote).to_string().repeat(3);
            let rest = self.source.get(fault..).unwrap_or("");
            if let Some(length) = rest.find(&triple) {
                self.reader.go_back(fault + length + 3);
            }
            return;
        }
        self.reader.go_back(line_end);
        // The end of the line was lexed as part of the string; close the brackets that it was meant to close.
        let taken = self.source.get(fault + 1..line_end).unwrap_or("");
        let before = taken.trim_end_matches([')', ']', '}', ',', ':', ';', ' ', '"', '\'']);
        for closer in taken.bytes().skip(before.len()) {
            let closes = self
                .brackets
                .last()
                .is_some_and(|open| open.kind.closer().as_bytes() == [closer]);
            if closes {
                self.brackets.pop();
            }
        }
        if let Some(open) = self.brackets.last_mut() {
            open.faulty_from = Some(line_end);
        }
    }

    fn escape(&mut self, prefix: Prefix, all: &mut Literals) {
        let start = self.reader.position();
        self.reader.advance();
        let escaped = self.reader.peek()[0];
        if self.reader.at_end() {
            return;
        }
        self.reader.advance();
        if escaped == b'{' && prefix.flavour == Flavour::Format {
            all.faulty = true;
            self.out.diagnostics.push(Diagnostic {
                range: Range::new(start, self.reader.previous_end().max(start)),
                message: "a `\\` takes the brace after it away from the f-string".to_owned(),
                help: Some("write `\\\\` for the backslash, and `{{` for a brace that is text".to_owned()),
                accepted: true,
            });
        }
        if prefix.raw {
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
