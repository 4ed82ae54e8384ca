//! What to say about a mistake.

use super::{Failed, MAX_DEPTH, Parse, Parser};
use crate::Diagnostic;
use crate::ast::Ident;
use crate::range::Range;
use crate::token::{KEYWORDS, Kind, Token};

impl<'a> Parser<'a> {
    /// Complains, unless the lexer has already complained about this token.
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

    /// Takes a token of this kind, or complains that it is missing.
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

    /// Complains about the current token, having wanted something else.
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
            let help = if closes && token.kind.begins_expression() {
                "write `,` between two items"
            } else if field && token.kind.begins_expression() {
                "write an operator between two values, or braces around each: `{a} {b}`"
            } else {
                ""
            };
            (format!("expected {wanted}, but {found}"), help.to_owned())
        });
        let range = match token.kind {
            // The end of a line is nothing that can be underlined: point at what stands before it.
            Kind::Newline | Kind::End | Kind::Indent | Kind::Dedent => {
                self.previous().map_or(token.range, |previous| previous.range)
            }
            _ => token.range,
        };
        self.problem(range, message, help)
    }

    /// Mistakes that are common enough to be named.
    fn familiar(&self, token: Token<'a>) -> Option<(String, String)> {
        let previous = self.previous();
        let before = previous.map_or(Kind::Newline, |token| token.kind);
        let text = previous.map_or("", |token| token.text);
        let pair = |message: &str, help: &str| Some((message.to_owned(), help.to_owned()));
        match (before, token.kind) {
            _ if token.invented && self.in_lambda() => pair(
                "the first `:` ends an expression in an f-string",
                "write the `lambda` in parentheses, or in front of the f-string",
            ),
            (Kind::Equal, Kind::More) => pair(
                "there is no `=>`",
                "write `>=` to compare, or `lambda a: b` for a function",
            ),
            (Kind::Else, Kind::If) => pair("`else if` is spelled `elif`", "write `elif`"),
            (Kind::Plus, Kind::Plus | Kind::Newline) | (Kind::Minus, Kind::Newline)
                if self.two_back() == before =>
            {
                pair("there is no `++` and no `--`", "write `+= 1` or `-= 1`")
            }
            (Kind::Ampersand, Kind::Ampersand) => pair("there is no `&&`", "write `and`"),
            (Kind::Pipe, Kind::Pipe) => pair("there is no `||`", "write `or`"),
            (_, Kind::Not) if self.ahead(1) != Kind::In => pair(
                "`not` binds more loosely than what stands before it",
                "write `(not …)` in parentheses",
            ),
            (Kind::Name, Kind::Str | Kind::Name | Kind::Int | Kind::Float)
                if text == "print" || text == "exec" =>
            {
                Some((format!("`{text}` is a function"), format!("write `{text}(…)`")))
            }
            (Kind::Str, Kind::Name | Kind::Int) if !token.made => pair(
                "the string has ended before this",
                "write `\\` in front of a quote that is part of the string",
            ),
            (_, Kind::Comma) if self.line_begins_with(Kind::Raise) => {
                pair("`raise` takes one value", "write `raise Error(message)`")
            }
            (Kind::Name, Kind::Name) if matches!(text, "match" | "case") => {
                pair("MicroPython has no `match` statement", "write `if` and `elif`")
            }
            (Kind::Name, Kind::Name) if text == "type" => {
                pair("MicroPython has no `type` statement", "write `name = …`")
            }
            (Kind::Str, Kind::Bytes) | (Kind::Bytes, Kind::Str) => pair(
                "text and bytes cannot be joined",
                "give both the same prefix: `b` or none",
            ),
            (_, Kind::Equal) if Kind::keyword(text).is_some() => Some((
                format!("`{text}` is a keyword and cannot be a name"),
                format!("write `{text}_`, for example"),
            )),
            (_, Kind::Equal) => pair("`=` assigns and is not allowed here", "to compare, write `==`"),
            (_, Kind::Walrus) => pair(
                "`:=` is not allowed here without parentheses",
                "write `(name := value)`",
            ),
            (_, Kind::Async) if matches!(self.ahead(1), Kind::For) => pair(
                "MicroPython has no asynchronous comprehensions",
                "write an `async for` loop",
            ),
            (Kind::LBrace | Kind::Comma, Kind::Power) => pair(
                "MicroPython cannot unpack into a dict literal",
                "call `update`, or `dict(…)`",
            ),
            (Kind::LBrace | Kind::LBracket, Kind::Star) => pair(
                "MicroPython cannot unpack here",
                "call `list(…)`, `set(…)` or `tuple(…)`, or add with `+`",
            ),
            (Kind::Return | Kind::Yield, Kind::Star) => pair(
                "MicroPython cannot unpack here",
                "write `tuple(…)`, or add tuples with `+`",
            ),
            (_, Kind::Slash) if matches!(self.ahead(1), Kind::Comma | Kind::RParen) => pair(
                "MicroPython has no positional-only parameters",
                "leave the `/` out",
            ),
            (_, kind)
                if Kind::keyword(token.text) == Some(kind)
                    && matches!(before, Kind::Dot | Kind::Def | Kind::Class) =>
            {
                Some((
                    format!("`{}` is a keyword and cannot be a name", token.text),
                    String::new(),
                ))
            }
            _ => None,
        }
    }

    /// What is to be said of the word that the statement begins with, if it is all that there is so far.
    fn wrong_word(&self) -> Option<(Range, String, String)> {
        let word = self.previous().filter(|word| word.kind == Kind::Name)?;
        if !matches!(
            self.two_back(),
            Kind::Newline | Kind::Indent | Kind::Dedent | Kind::Semicolon
        ) {
            return None;
        }
        if matches!(word.text, "let" | "var" | "const") && self.kind() == Kind::Name {
            let help = format!("write `{} = …`", self.token().text);
            return Some((word.range, format!("there is no `{}`", word.text), help));
        }
        let keyword = meant(word.text)?;
        let message = format!("`{}` is no word of the language", word.text);
        Some((
            word.range,
            message,
            format!("write `{keyword}`, if that is what is meant"),
        ))
    }

    /// Whether the parameters of a `lambda` are read.
    fn in_lambda(&self) -> bool {
        let before = self.tokens.get(..self.at).unwrap_or_default();
        let params =
            |token: &&Token<'_>| matches!(token.kind, Kind::Name | Kind::Comma | Kind::Star | Kind::Power);
        let word = before.iter().rev().find(|token| !params(token));
        word.is_some_and(|word| word.kind == Kind::Lambda)
    }

    fn line_begins_with(&self, kind: Kind) -> bool {
        let line = self.tokens.get(..self.at).unwrap_or_default();
        let ends = |token: &&Token<'_>| !matches!(token.kind, Kind::Newline | Kind::Indent | Kind::Dedent);
        line.iter()
            .rev()
            .take_while(ends)
            .last()
            .is_some_and(|first| first.kind == kind)
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

    /// Whether the statement begins with a word that has to follow a block of another one.
    pub(super) fn is_orphan(&self) -> bool {
        matches!(
            self.kind(),
            Kind::Elif | Kind::Else | Kind::Except | Kind::Finally
        )
    }

    /// Takes the `:` in front of a block.
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

/// The keyword that is meant by a word in which one letter is wrong, missing, too many or in the wrong place. Short
/// keywords are left out, because they are near to too many words.
fn meant(word: &str) -> Option<&'static str> {
    let keywords = KEYWORDS
        .iter()
        .map(|(keyword, _)| *keyword)
        .filter(|keyword| keyword.len() > 3);
    let mut near = keywords.filter(|keyword| is_near(word.as_bytes(), keyword.as_bytes()));
    near.next().filter(|keyword| *keyword != word)
}

fn is_near(one: &[u8], other: &[u8]) -> bool {
    let same = one
        .iter()
        .zip(other)
        .take_while(|(first, second)| first == second)
        .count();
    let (one, other) = (
        one.get(same..).unwrap_or_default(),
        other.get(same..).unwrap_or_default(),
    );
    match (one, other) {
        ([first, second, rest @ ..], [third, fourth, others @ ..]) if first == fourth && second == third => {
            rest == others
        }
        ([_, rest @ ..], [_, others @ ..]) if rest == others => true,
        ([_, rest @ ..], _) if rest == other => true,
        (_, [_, others @ ..]) => one == others,
        _ => false,
    }
}
