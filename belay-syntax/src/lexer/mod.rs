//! Splits characters into tokens, as MicroPython does.
//!
//! To MicroPython an f-string is a string followed by tokens that are made from its inside: `f"{x}"` reads as
//! `"{}".format((x),)`. The reader serves these made characters from a queue, before it goes on with the
//! source.

mod brackets;
mod format;
mod number;
mod reader;
mod strange;
mod string;

use crate::Diagnostic;
use crate::range::Range;
use crate::token::{Kind, Token};
use brackets::Bracket;
use reader::Reader;

/// All tokens of a text.
#[derive(Debug)]
pub(crate) struct Lexed<'a> {
    pub(crate) tokens: Vec<Token<'a>>,
    /// Each string literal in the source, also those that are joined into one token.
    pub(crate) literals: Vec<Range>,
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// The text behind each bracket that is never closed, as far as it was lexed as the inside of that
    /// bracket.
    pub(crate) unclosed: Vec<Range>,
}

/// Splits a text into tokens. It never fails: mistakes become diagnostics and [`Kind::Error`].
pub(crate) fn tokenize(source: &str) -> Lexed<'_> {
    let mut lexer = Lexer {
        source,
        reader: Reader::new(source),
        brackets: Vec::new(),
        levels: Vec::new(),
        ran_away: false,
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
    /// The line's indentation matches no block. That was reported, and it opens no block.
    tolerated: bool,
}

struct Lexer<'a> {
    source: &'a str,
    reader: Reader<'a>,
    /// The brackets that are open.
    brackets: Vec<Bracket>,
    /// The blocks that are open.
    levels: Vec<Level>,
    /// Whether an unclosed brace of an f-string consumed the rest of the text; then nothing more is reported
    /// there.
    ran_away: bool,
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

    /// Reports a first statement that does not begin in the first column.
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
        } else if self.at_name(next[0]) {
            self.name(start, first_in_line && !made);
        } else if next[0].is_ascii_digit() || (next[0] == b'.' && next[1].is_ascii_digit()) {
            self.number();
        } else if let Some((kind, length)) = Kind::operator(next) {
            let invented = self.reader.is_invented();
            for _ in 0..length {
                self.reader.advance();
            }
            let range = self.since(start);
            self.bracket(kind, range, made, invented);
        } else {
            self.strange_character(start, made);
        }
    }

    fn name(&mut self, start: usize, first_in_line: bool) {
        let made = self.reader.is_made();
        let column = self.reader.column();
        let invented = self.reader.is_invented();
        while self.at_name(self.reader.peek()[0]) || self.reader.peek()[0].is_ascii_digit() {
            self.reader.advance();
        }
        let range = self.since(start);
        // `format` is the only name that is ever invented.
        let text = if invented {
            "format"
        } else {
            range.text(self.source)
        };
        let kind = Kind::keyword(text).unwrap_or(Kind::Name);
        if first_in_line && kind.begins_only_statements() && self.never_closed() {
            // A bracket was left open on an earlier line. A word that only begins statements is a good place
            // to recover.
            self.new_line_at(Range::new(start, start), column);
        }
        self.out.tokens.push(Token {
            kind,
            range,
            text,
            made,
            invented,
        });
    }

    /// Whether the next character, which has this first byte, can be part of a name.
    fn at_name(&self, byte: u8) -> bool {
        is_name_start(byte) && (byte.is_ascii() || !strange::is_strange(self.character()))
    }

    /// The next character of the source.
    fn character(&self) -> char {
        let rest = self.source.get(self.reader.position()..);
        rest.and_then(|rest| rest.chars().next()).unwrap_or('\0')
    }

    fn strange_character(&mut self, start: usize, made: bool) {
        let character = self.character();
        if !character.is_ascii() {
            return self.strange_name(start, character, made);
        }
        self.reader.advance();
        let range = Range::new(start, start + character.len_utf8());
        let help = self.instead_of(character, range);
        let message = if character.is_control() {
            format!(
                "the control character U+{:04X} has no meaning here",
                u32::from(character)
            )
        } else if character == '`' {
            "a backtick has no meaning here".to_owned()
        } else if character == '!' && self.begins_macro(range) {
            "there is no `!` in a call".to_owned()
        } else {
            format!("`{character}` has no meaning here")
        };
        self.complain(range, message, help);
        self.push_made(Kind::Error, range, made);
    }

    /// What to write instead of a character that is no part of the language.
    fn instead_of(&self, character: char, range: Range) -> Option<String> {
        let bytes = self.source.as_bytes();
        let before = range.start.checked_sub(1).and_then(|at| bytes.get(at));
        let help = match (character, bytes.get(range.end)) {
            ('!', _) if before == Some(&b'=') => "write `!=`, or `not` for a negation",
            ('!', Some(b'}')) => "write `!r` or `!s`, or leave it out",
            ('!', Some(b'(')) if self.begins_macro(range) => "write `print(…)`, or the name of a function",
            ('!', _) if self.begins_macro(range) => "write `[…]` alone for a list",
            ('!', _) => "to negate, write `not`; to compare, write `!=`",
            ('`', _) => "write `'` or `\"` around text, or `repr(…)`",
            ('?', Some(b'?')) => "write `a if a is not None else b`",
            ('?', _) => "Python's conditional is `a if condition else b`",
            ('\\', Some(b' ' | b'\t')) => {
                "a line goes on after `\\` only if nothing follows it, not even a space"
            }
            ('\\', _) => "a `\\` outside a string continues the line, and has to be its last character",
            _ => return None,
        };
        Some(help.to_owned())
    }

    /// Whether this `!` stands where a Rust macro call has it.
    fn begins_macro(&self, range: Range) -> bool {
        let bytes = self.source.as_bytes();
        let before = range.start.checked_sub(1).and_then(|at| bytes.get(at));
        before.is_some_and(u8::is_ascii_alphanumeric) && matches!(bytes.get(range.end), Some(b'(' | b'['))
    }

    /// Takes a run of a character that cannot be meant as a name.
    fn strange_name(&mut self, start: usize, character: char, made: bool) {
        let mut end = start;
        while !self.reader.at_end() && self.reader.position() == end && self.character() == character {
            end += character.len_utf8();
            for _ in 0..character.len_utf8() {
                self.reader.advance();
            }
        }
        let range = Range::new(start, end);
        let (message, help) = strange::describe(character);
        self.out.diagnostics.push(Diagnostic {
            range,
            message,
            help: Some(help),
            accepted: true,
        });
        // A character that looks like a space is treated as one, so that the rest of the line still parses.
        if !strange::is_blank(character) {
            self.push_made(Kind::Error, range, made);
        }
    }

    /// Skips spaces, comments and line continuations; newlines too, unless `stop_at_newline`.
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
                [b'#', ..] => self.comment(),
                [b'\\', b'\n', ..] => {
                    self.reader.advance();
                    self.reader.advance();
                }
                [byte, ..] if byte >= 0x80 && strange::is_blank(self.character()) => {
                    self.strange_name(self.reader.position(), self.character(), false);
                }
                _ => return skipped,
            }
        }
    }

    fn comment(&mut self) {
        let (start, made) = (self.reader.position(), self.reader.is_made());
        while self.reader.peek()[0] != b'\n' && !self.reader.at_end() {
            if made && self.reader.is_invented() {
                let message =
                    "this `#` begins a comment, which takes the end of the braces with it".to_owned();
                let help = "leave it out, or put it between quotes if it is text".to_owned();
                let range = Range::new(start, start + 1);
                self.complain(range, message, Some(help));
                self.push_made(Kind::Error, range, made);
                return;
            }
            self.reader.advance();
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

    fn here(&self) -> Range {
        let at = self.reader.position();
        Range::new(at, at)
    }

    fn since(&self, start: usize) -> Range {
        Range::new(start, self.reader.previous_end().max(start))
    }

    fn push(&mut self, kind: Kind, range: Range, text: &'a str) {
        self.out.tokens.push(Token {
            kind,
            range,
            text,
            made: false,
            invented: false,
        });
    }

    fn push_made(&mut self, kind: Kind, range: Range, made: bool) {
        self.out.tokens.push(Token {
            kind,
            range,
            text: range.text(self.source),
            made,
            invented: false,
        });
    }

    fn complain(&mut self, range: Range, message: String, help: Option<String>) {
        self.out.diagnostics.push(Diagnostic {
            range,
            message,
            help,
            accepted: false,
        });
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Skipped {
    /// Nothing that ends a line.
    Blanks,
    /// Also newlines, which count as space here.
    Newlines,
    /// Up to a newline that ends the line.
    AtNewline,
}

fn is_name_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}
