//! The braces of f-strings and t-strings.

use super::Lexer;
use super::reader::Made;
use super::string::{Flavour, Literals, Prefix};
use crate::Diagnostic;
use crate::range::Range;

/// The opening brace of an expression.
#[derive(Clone, Copy)]
pub(super) struct Brace {
    pub(super) at: usize,
    /// Whether the end of the expression was found: on the same line, if the string has to end there.
    pub(super) closed: bool,
}

impl Lexer<'_> {
    /// Reports a brace that is never closed. In an f-string, MicroPython itself notices that only at run
    /// time.
    pub(super) fn never_ends(&mut self, at: usize, template: bool, all: &mut Literals) {
        all.faulty = true;
        self.out.diagnostics.push(Diagnostic {
            range: Range::new(at, at + 1),
            message: "this `{` is never closed".to_owned(),
            help: Some("write `}` where it ends, or `{{` for a brace that is part of the text".to_owned()),
            accepted: !template,
        });
    }

    /// Reports a brace that is not closed, or the bracket that keeps it open.
    pub(super) fn complain_of_brace(&mut self, brace: usize) {
        let line = self
            .source
            .get(brace + 1..self.reader.line_end(brace))
            .unwrap_or("");
        let inside = line.split_once('}').map_or("", |(inside, _)| inside);
        let mut open = Vec::new();
        let mut stray = None;
        for (at, character) in inside.char_indices() {
            match character {
                '[' => open.push(at),
                ']' if open.pop().is_none() => stray = stray.or(Some(at)),
                _ => {}
            }
        }
        let (at, message, help) = match (stray, open.first()) {
            (Some(at), _) => (
                at + 1,
                "this `]` closes nothing",
                "remove it, or write the one that opens",
            ),
            (None, Some(at)) => (at + 1, "this `[` is never closed", "write `]` where it ends"),
            (None, None) => (
                0,
                "this `{` is never closed",
                "write `}` after the expression, or `{{` for a brace that is part of the text",
            ),
        };
        let range = Range::new(brace + at, brace + at + 1);
        self.complain(range, message.to_owned(), Some(help.to_owned()));
    }

    /// Takes a `}` that closes nothing. In an f-string, MicroPython itself notices that only at run time.
    pub(super) fn closing_brace(&mut self, template: bool, all: &mut Literals) {
        let at = self.reader.position();
        self.reader.advance();
        if self.reader.peek()[0] == b'}' {
            self.reader.advance();
        } else {
            all.faulty = true;
            self.out.diagnostics.push(Diagnostic {
                range: Range::new(at, at + 1),
                message: "this `}` closes nothing".to_owned(),
                help: Some("write `}}` for a brace that is part of the text".to_owned()),
                accepted: !template,
            });
        }
    }

    /// Takes `{expression` up to its end, and keeps the expression. MicroPython finds that end without
    /// parsing the expression: it counts brackets and braces, but neither parentheses nor strings.
    ///
    /// Returns the brace; `None` for `{{`, which stands for a brace in the text.
    pub(super) fn replacement(&mut self, prefix: Prefix, quotes: usize, all: &mut Literals) -> Option<Brace> {
        let template = prefix.flavour == Flavour::Template;
        let brace = self.reader.position();
        self.reader.advance();
        if self.reader.peek()[0] == b'{' {
            self.reader.advance();
            return None;
        }
        let invented = |byte, at| Made {
            byte,
            range: Range::new(at, at + 1),
            invented: true,
        };
        all.arguments.push(invented(b'(', brace));
        let first = all.arguments.len();
        let more_lines = self.expression(quotes, all);
        let end = self.reader.position();
        let at_end = self.reader.at_end() || self.reader.is_invented();
        if all.arguments.last().is_some_and(|last| last.byte == b'=') {
            // `f"{x=}"` prints the expression, too.
            all.arguments.pop();
        }
        let blank = |made: &Made| made.byte.is_ascii_whitespace();
        while template && all.arguments.last().is_some_and(blank) {
            all.arguments.pop();
        }
        let found = Some(Brace {
            at: brace,
            closed: !at_end && !more_lines,
        });
        if all
            .arguments
            .get(first..)
            .is_none_or(|inside| inside.iter().all(blank))
            && !at_end
        {
            all.faulty = true;
            let help =
                "write an expression there, or `{{` and `}}` for braces that are part of the text".to_owned();
            let range = Range::new(brace, self.reader.previous_end());
            self.out.diagnostics.push(Diagnostic {
                range,
                message: "there is no expression between these braces".to_owned(),
                help: Some(help),
                // Before 1.28, MicroPython prints an empty tuple.
                accepted: !template,
            });
        }
        all.arguments.extend([invented(b')', end), invented(b',', end)]);
        if self.reader.peek()[0] == b'!' {
            self.conversion(all);
        }
        found
    }

    /// Takes the expression in braces. Returns whether it crosses the end of a line at which the string has
    /// to end.
    fn expression(&mut self, quotes: usize, all: &mut Literals) -> bool {
        let mut level = 0_u32;
        let mut more_lines = false;
        while !self.reader.at_end() && !self.reader.is_invented() {
            let next = self.reader.peek();
            let conversion =
                next[0] == b'!' && next[1].is_ascii_alphabetic() && matches!(next[2], b':' | b'}');
            if level == 0 && (matches!(next[0], b':' | b'}') || conversion) {
                break;
            }
            match next[0] {
                b'[' | b'{' => level = level.wrapping_add(1),
                b']' | b'}' => level = level.wrapping_sub(1),
                b'\n' if quotes == 1 && self.ran_away => return true,
                b'\n' => more_lines |= quotes == 1,
                _ => {}
            }
            let at = self.reader.position();
            all.arguments.push(Made {
                byte: next[0],
                range: Range::new(at, at + 1),
                invented: false,
            });
            self.reader.advance();
        }
        more_lines
    }

    /// Takes `!r` or `!s`.
    fn conversion(&mut self, all: &mut Literals) {
        let at = self.reader.position();
        self.reader.advance();
        let letter = char::from(self.reader.peek()[0]);
        self.reader.advance();
        if !matches!(letter, 'r' | 's') {
            all.faulty = true;
            let message = format!("MicroPython has no conversion `!{letter}`");
            let help = "write `!r` for what `repr` gives, `!s` for what `str` gives, or neither".to_owned();
            self.complain(Range::new(at, at + 2), message, Some(help));
        }
    }
}

/// The characters of the call that MicroPython makes of an f-string or t-string.
pub(super) fn call_of(all: &Literals) -> Vec<Made> {
    let invented = |byte| Made {
        byte,
        range: all.range,
        invented: true,
    };
    let start: &[u8] = if all.call == Some(Flavour::Template) {
        b"("
    } else {
        b".format("
    };
    let mut call: Vec<Made> = start.iter().copied().map(invented).collect();
    call.extend(&all.arguments);
    call.push(invented(b')'));
    call
}
