//! Tracks brackets: which are open, and which do not match.

use super::Lexer;
use crate::Diagnostic;
use crate::range::Range;
use crate::token::{Kind, Token};

/// An open bracket.
#[derive(Clone, Copy)]
pub(super) struct Bracket {
    pub(super) kind: Kind,
    pub(super) range: Range,
    pub(super) invented: bool,
    /// If an unterminated string follows: the end of its line. The closing bracket may be in that string.
    pub(super) faulty_from: Option<usize>,
}

impl Lexer<'_> {
    /// Takes an operator and keeps track of brackets; a bracket that does not match is an error.
    pub(super) fn bracket(&mut self, kind: Kind, range: Range, made: bool, invented: bool) {
        let mut kind = kind;
        if kind.opens() {
            self.brackets.push(Bracket {
                kind,
                range,
                invented,
                faulty_from: None,
            });
        } else if let Some(opener) = kind.opener() {
            let fits = self
                .brackets
                .last()
                .is_some_and(|open| open.kind == opener && open.invented == invented);
            if fits {
                self.brackets.pop();
            } else {
                self.unfit(kind, opener, range, invented);
                kind = Kind::Error;
            }
        }
        self.out.tokens.push(Token {
            kind,
            range,
            text: range.text(self.source),
            made,
            invented,
        });
    }

    /// Reports a closing bracket that does not match, and removes the open brackets that it may have been
    /// meant to close.
    fn unfit(&mut self, kind: Kind, opener: Kind, range: Range, invented: bool) {
        if invented {
            // The closing brace of an f-string also ends all brackets that are still open in it.
            let open = self.brackets.iter().rposition(|open| open.invented).unwrap_or(0);
            let left_open = self.brackets.get(open + 1).copied();
            self.brackets.truncate(open);
            match left_open {
                Some(open) => self.complain_unclosed(open),
                None => self.complain(range, "a bracket is missing before this".to_owned(), None),
            }
            return;
        }
        let close = kind.spelling().unwrap_or("");
        if let Some(open) = self.brackets.last().copied().filter(|open| !open.invented) {
            let open = open.kind.spelling().unwrap_or("");
            let message = format!("this `{close}` does not close the `{open}`");
            self.complain(range, message, Some(format!("close the `{open}` before it")));
            let found = self.brackets.iter().rposition(|open| open.kind == opener);
            self.brackets.truncate(found.unwrap_or(self.brackets.len() - 1));
        } else {
            let message = format!("this `{close}` closes nothing");
            let help = "remove it, or write the one that opens".to_owned();
            let accepted = !self.brackets.is_empty();
            self.out.diagnostics.push(Diagnostic {
                range,
                message,
                help: Some(help),
                accepted,
            });
        }
    }

    fn complain_unclosed(&mut self, open: Bracket) {
        let (spelling, close) = (open.kind.spelling().unwrap_or(""), open.kind.closer());
        let message = format!("this `{spelling}` is never closed");
        self.complain(
            open.range,
            message,
            Some(format!("write `{close}` where it ends")),
        );
    }

    /// Reports the innermost bracket that is still open, and removes all of them.
    pub(super) fn never_closed(&mut self) -> bool {
        let Some(open) = self.brackets.last().copied() else {
            return false;
        };
        self.brackets.clear();
        if open.faulty_from.is_none() {
            self.complain_unclosed(open);
        }
        // If an unterminated string is the mistake, the closing bracket may be in that string.
        let from = open.faulty_from.unwrap_or(open.range.end);
        self.out
            .unclosed
            .push(Range::new(from, self.reader.position().max(from)));
        self.push(Kind::Error, self.here(), "");
        true
    }
}
