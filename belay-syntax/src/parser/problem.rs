//! Reporting mistakes.

use super::familiar::{IF_ELIF, NO_MATCH};
use super::{Failed, MAX_DEPTH, Parse, Parser};
use crate::Diagnostic;
use crate::ast::Ident;
use crate::range::Range;
use crate::token::{Kind, Token};

impl<'a> Parser<'a> {
    /// Reports a mistake, unless the lexer has already reported this token.
    pub(super) fn problem(
        &mut self,
        range: Range,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Failed {
        if self.kind() != Kind::Error {
            let help: String = help.into();
            let help = (!help.is_empty()).then_some(help);
            self.diagnostics.push(Diagnostic {
                range,
                message: message.into(),
                help,
                accepted: false,
            });
        }
        Failed
    }

    /// Takes a token of this kind, or reports that it is missing.
    pub(super) fn expect(&mut self, kind: Kind, place: &str) -> Parse<Token<'a>> {
        if self.kind() == kind {
            return Ok(self.bump());
        }
        let wanted = kind.spelling().unwrap_or("more");
        Err(self.unexpected(&format!("`{wanted}` {place}")))
    }

    pub(super) fn expect_name(&mut self, place: &str) -> Parse<Ident> {
        if self.kind() == Kind::Name {
            let token = self.bump();
            return Ok(Ident {
                name: token.text.to_owned(),
                range: token.range,
            });
        }
        let token = self.token();
        if Kind::keyword(token.text).is_some() {
            let message = format!("`{}` is a keyword and cannot be a name", token.text);
            return Err(self.problem(
                token.range,
                message,
                format!("write `{}_`, for example", token.text),
            ));
        }
        Err(self.unexpected(&format!("a name {place}")))
    }

    /// Reports the current token as unexpected, and what was expected instead.
    pub(super) fn unexpected(&mut self, wanted: &str) -> Failed {
        let token = self.token();
        if let Some((range, message, help)) = self.wrong_word() {
            return self.problem(range, message, help);
        }
        let (message, help) = self.familiar(token).unwrap_or_else(|| {
            let found = match token.kind {
                Kind::Newline | Kind::End => "the line ends".to_owned(),
                Kind::Indent | Kind::Dedent => "the block ends".to_owned(),
                Kind::Str | Kind::Bytes => "here is a string".to_owned(),
                _ if token.invented => "the expression in the f-string ends".to_owned(),
                Kind::Name if token.text == "__template__" => "here is a string".to_owned(),
                _ => format!("here is `{}`", token.text),
            };
            let closes = wanted.starts_with(['`']) && wanted.contains("` to close the");
            let field = wanted.starts_with("`}` after the expression");
            let help = if wanted.starts_with("`in` after this `not`") {
                "write `!=` to compare, or `not in`"
            } else if closes && token.kind.begins_expression() {
                "write `,` between two items"
            } else if field && token.kind.begins_expression() {
                "write an operator between two values, or braces around each: `{a} {b}`"
            } else {
                ""
            };
            (format!("expected {wanted}, but {found}"), help.to_owned())
        });
        let range = match token.kind {
            // The end of a line cannot be underlined, so point at the token before it.
            Kind::Newline | Kind::End | Kind::Indent | Kind::Dedent => {
                self.previous().map_or(token.range, |previous| previous.range)
            }
            _ => token.range,
        };
        self.problem(range, message, help)
    }

    /// Whether there is no space between this token and the one before.
    pub(super) fn touches_previous(&self) -> bool {
        self.previous_end() == self.range().start
    }

    /// Whether this is the line of a `match` or a `case`: it ends in `:`, unlike a simple statement.
    pub(super) fn begins_match(&self) -> bool {
        if !matches!(self.token().text, "match" | "case") || self.kind() != Kind::Name {
            return false;
        }
        let line = self.tokens.get(self.at..).unwrap_or_default();
        let line = line
            .iter()
            .take_while(|token| !matches!(token.kind, Kind::Newline | Kind::End));
        line.last().is_some_and(|last| last.kind == Kind::Colon)
    }

    pub(super) fn no_match(&mut self) -> Failed {
        self.problem(self.range(), NO_MATCH, IF_ELIF)
    }

    pub(super) fn two_back(&self) -> Kind {
        self.at
            .checked_sub(2)
            .and_then(|at| self.tokens.get(at))
            .map_or(Kind::Newline, |token| token.kind)
    }

    pub(super) fn unexpected_indent(&mut self) {
        let end = self.range().start;
        let before = self.source.get(..end).unwrap_or("");
        let start = before.rfind(['\n', '\r']).map_or(0, |at| at + 1);
        let message = "this line is indented, but no block begins above it";
        self.problem(
            Range::new(start, end),
            message,
            "indent it like the line before, or end that line with `:`",
        );
    }

    pub(super) fn too_deep(&mut self) -> Failed {
        let message = format!("this is nested more than {MAX_DEPTH} levels deep");
        self.problem(
            self.range(),
            message,
            "move the inner part into a function or a variable",
        )
    }

    /// Whether the statement begins with a word that has to follow the block of another one.
    pub(super) fn is_orphan(&self) -> bool {
        matches!(
            self.kind(),
            Kind::Elif | Kind::Else | Kind::Except | Kind::Finally
        )
    }

    /// Expects the `:` before a block.
    pub(super) fn colon(&mut self, word: &str) -> Parse<()> {
        if self.accept(Kind::Colon) {
            return Ok(());
        }
        let token = self.token();
        if self.familiar(token).is_some() && token.kind != Kind::Newline {
            return Err(self.unexpected(""));
        }
        if token.kind == Kind::Newline || token.kind == Kind::End {
            let at = self.previous_end();
            let range = Range::new(at.saturating_sub(1), at);
            let range = self.previous().map_or(range, |previous| previous.range);
            let message = format!("the `:` at the end of the `{word}` line is missing");
            return Err(self.problem(
                range,
                message,
                format!("write `:` after it; the block of the `{word}` follows"),
            ));
        }
        Err(self.unexpected(&format!("`:` and the block of the `{word}`")))
    }
}
