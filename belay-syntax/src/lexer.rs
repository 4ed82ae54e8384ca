//! Characters to tokens, as MicroPython does it.
//!
//! An f-string is a string followed by tokens made from its inside, because that is what it is to MicroPython:
//! `f"{x}"` reads as `"{}".format((x),)`. Those tokens come from a queue in front of the source.

mod number;
mod reader;
mod string;

use crate::Diagnostic;
use crate::range::Range;
use crate::token::{Kind, Token};
use reader::Reader;

/// All tokens of a text.
pub(crate) struct Lexed<'a> {
    pub(crate) tokens: Vec<Token<'a>>,
    /// Every string literal of the source by itself, also those that are joined into one token.
    pub(crate) literals: Vec<Range>,
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// What follows a bracket that is never closed, as far as it was taken for the inside of the bracket.
    pub(crate) unclosed: Vec<Range>,
}

/// Splits a text into tokens. It never fails: what is wrong becomes a diagnostic and [`Kind::Error`].
pub(crate) fn tokenize(source: &str) -> Lexed<'_> {
    let mut lexer = Lexer {
        source,
        reader: Reader::new(source),
        brackets: Vec::new(),
        levels: Vec::new(),
        formatted: Range::default(),
        out: Lexed {
            tokens: Vec::with_capacity(source.len() / 4),
            literals: Vec::new(),
            diagnostics: Vec::new(),
            unclosed: Vec::new(),
        },
    };
    lexer.run();
    lexer.out
}

#[derive(Clone, Copy)]
struct Level {
    column: usize,
    /// The line was indented like no other block; it has been complained about and opens no block.
    tolerated: bool,
}

struct Lexer<'a> {
    source: &'a str,
    reader: Reader<'a>,
    /// The brackets that are open, and where.
    brackets: Vec<(Kind, Range)>,
    /// The blocks that are open.
    levels: Vec<Level>,
    /// The last f-string: where tokens are that were made and are not in it.
    formatted: Range,
    out: Lexed<'a>,
}

impl<'a> Lexer<'a> {
    fn run(&mut self) {
        self.first_line();
        loop {
            let skipped = self.skip_space(self.brackets.is_empty());
            if skipped == Skipped::AtNewline {
                let end = self.reader.position();
                self.skip_space(false);
                self.new_line(Range::new(end, end));
                continue;
            }
            if self.reader.at_end() {
                if self.never_closed() {
                    self.new_line(self.here());
                }
                self.push(Kind::End, self.here(), "");
                return;
            }
            self.token(skipped == Skipped::Newlines);
        }
    }

    /// The first statement has to stand in the first column.
    fn first_line(&mut self) {
        if self.skip_space(true) != Skipped::AtNewline && self.reader.column() != 0 && !self.reader.at_end() {
            self.levels.push(Level {
                column: self.reader.column(),
                tolerated: false,
            });
            self.push(Kind::Indent, self.here(), "");
        }
    }

    fn token(&mut self, first_in_line: bool) {
        let start = self.reader.position();
        let made = self.reader.is_made();
        let next = self.reader.peek();
        if self.at_string() {
            self.string();
        } else if is_name_start(next[0]) {
            self.name(start, first_in_line && !made);
        } else if next[0].is_ascii_digit() || (next[0] == b'.' && next[1].is_ascii_digit()) {
            self.number();
        } else if let Some((kind, length)) = Kind::operator(next) {
            for _ in 0..length {
                self.reader.advance();
            }
            let range = self.since(start, made);
            let kind = self.bracket(kind, range);
            self.push_made(kind, range, made);
        } else {
            self.strange_character(start, made);
        }
    }

    /// Keeps track of brackets; one that does not fit becomes an error.
    fn bracket(&mut self, kind: Kind, range: Range) -> Kind {
        if kind.opens() {
            self.brackets.push((kind, range));
        }
        let Some(opener) = kind.opener() else { return kind };
        match self.brackets.last().copied() {
            Some((open, _)) if open == opener => {
                self.brackets.pop();
                return kind;
            }
            Some((open, _)) => {
                let (open, close) = (open.spelling().unwrap_or(""), kind.spelling().unwrap_or(""));
                let help = format!("close the `{open}` before it");
                self.complain(
                    range,
                    format!("this `{close}` does not close the `{open}`"),
                    Some(help),
                );
                if let Some(at) = self.brackets.iter().rposition(|(open, _)| *open == opener) {
                    self.brackets.truncate(at);
                }
            }
            None => {
                let message = format!("this `{}` closes nothing", kind.spelling().unwrap_or(""));
                self.complain(
                    range,
                    message,
                    Some("remove it, or write the one that opens".to_owned()),
                );
            }
        }
        Kind::Error
    }

    fn name(&mut self, start: usize, first_in_line: bool) {
        let made = self.reader.is_made();
        let column = self.reader.column();
        while is_name_start(self.reader.peek()[0]) || self.reader.peek()[0].is_ascii_digit() {
            self.reader.advance();
        }
        let range = self.since(start, made);
        // `format` is the only name that is made and has no place.
        let text = if made && self.reader.previous_end() == start {
            "format"
        } else {
            range.text(self.source)
        };
        let kind = Kind::keyword(text).unwrap_or(Kind::Name);
        if first_in_line && kind.begins_only_statements() && self.never_closed() {
            // A bracket was left open on an earlier line: this is where the text makes sense again.
            self.new_line_at(Range::new(start, start), column);
        }
        self.out.tokens.push(Token {
            kind,
            range,
            text,
            made,
        });
    }

    fn strange_character(&mut self, start: usize, made: bool) {
        let character = self
            .source
            .get(start..)
            .and_then(|rest| rest.chars().next())
            .unwrap_or('\0');
        self.reader.advance();
        let range = Range::new(start, start + character.len_utf8());
        let next = self.source.get(range.end..).and_then(|rest| rest.chars().next());
        let help = match character {
            '!' => Some("to negate, write `not`; to compare, write `!=`".to_owned()),
            '?' => Some("Python's conditional is `a if condition else b`".to_owned()),
            '\\' if next.is_some_and(|next| next == ' ' || next == '\t') => {
                Some("a line goes on after `\\` only if nothing follows it, not even a space".to_owned())
            }
            '\\' => Some(
                "a `\\` outside a string continues the line, and has to be its last character".to_owned(),
            ),
            _ => None,
        };
        let message = if character.is_control() {
            format!(
                "the control character U+{:04X} has no meaning here",
                u32::from(character)
            )
        } else {
            format!("`{character}` has no meaning here")
        };
        self.complain(range, message, help);
        self.push_made(Kind::Error, range, made);
    }

    /// Skips blanks, comments and continued lines; newlines too, unless it is to stop at them.
    fn skip_space(&mut self, stop_at_newline: bool) -> Skipped {
        let mut skipped = Skipped::Blanks;
        loop {
            match self.reader.peek() {
                [b'\n', ..] if stop_at_newline => return Skipped::AtNewline,
                [b'\n', ..] if !self.reader.at_end() => {
                    skipped = Skipped::Newlines;
                    self.reader.advance();
                }
                [b' ' | b'\t' | 0x0b | 0x0c, ..] => self.reader.advance(),
                [b'#', ..] => {
                    while self.reader.peek()[0] != b'\n' && !self.reader.at_end() {
                        self.reader.advance();
                    }
                }
                [b'\\', b'\n', ..] => {
                    self.reader.advance();
                    self.reader.advance();
                }
                _ => return skipped,
            }
        }
    }

    fn new_line(&mut self, end: Range) {
        let column = self.reader.column();
        self.new_line_at(end, column);
    }

    /// Ends a logical line; the next one begins at `column`.
    fn new_line_at(&mut self, end: Range, column: usize) {
        self.push(Kind::Newline, end, "");
        let here = self.here();
        if column > self.level() {
            self.levels.push(Level {
                column,
                tolerated: false,
            });
            self.push(Kind::Indent, here, "");
            return;
        }
        let inner = self.level();
        while column < self.level() {
            if self.levels.pop().is_some_and(|level| !level.tolerated) {
                self.push(Kind::Dedent, here, "");
            }
        }
        if column != self.level() {
            let outer = self.level();
            self.complain(
                Range::new(self.line_start(here.start), here.start),
                "this line is indented like none of the blocks around it".to_owned(),
                Some(format!(
                    "indent it by {inner} to stay in the block, or by {outer} to leave it"
                )),
            );
            self.levels.push(Level {
                column,
                tolerated: true,
            });
        }
    }

    fn line_start(&self, offset: usize) -> usize {
        let before = self.source.get(..offset).unwrap_or("");
        before.rfind(['\n', '\r']).map_or(0, |at| at + 1)
    }

    fn level(&self) -> usize {
        self.levels.last().map_or(0, |level| level.column)
    }

    /// Complains about the innermost bracket that is still open, and forgets them all.
    fn never_closed(&mut self) -> bool {
        let Some((kind, range)) = self.brackets.last().copied() else {
            return false;
        };
        self.brackets.clear();
        let open = kind.spelling().unwrap_or("");
        let close = kind.closer();
        let message = format!("this `{open}` is never closed");
        self.complain(range, message, Some(format!("write `{close}` where it ends")));
        self.out
            .unclosed
            .push(Range::new(range.end, self.reader.position()));
        self.push(Kind::Error, self.here(), "");
        true
    }

    fn here(&self) -> Range {
        let at = self.reader.position();
        Range::new(at, at)
    }

    fn since(&self, start: usize, made: bool) -> Range {
        let end = self.reader.previous_end();
        if made && end <= start {
            self.formatted
        } else {
            Range::new(start, end.max(start))
        }
    }

    fn push(&mut self, kind: Kind, range: Range, text: &'a str) {
        self.out.tokens.push(Token {
            kind,
            range,
            text,
            made: false,
        });
    }

    fn push_made(&mut self, kind: Kind, range: Range, made: bool) {
        self.out.tokens.push(Token {
            kind,
            range,
            text: range.text(self.source),
            made,
        });
    }

    fn complain(&mut self, range: Range, message: String, help: Option<String>) {
        self.out.diagnostics.push(Diagnostic { range, message, help });
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Skipped {
    /// Nothing that ends a line.
    Blanks,
    /// Newlines too, which are nothing but space here.
    Newlines,
    /// Up to a newline that ends the line.
    AtNewline,
}

fn is_name_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}
