//! Messages for common mistakes.

use super::Parser;
use crate::range::Range;
use crate::token::{KEYWORDS, Kind, Token};

/// A message, and what to write instead.
type Said = (String, String);

fn pair(message: &str, help: &str) -> Said {
    (message.to_owned(), help.to_owned())
}

pub(super) const NO_MATCH: &str = "MicroPython has no `match` statement";
pub(super) const IF_ELIF: &str = "write `if` and `elif`";

impl<'a> Parser<'a> {
    /// The message for an unexpected token, if it is one of these mistakes.
    pub(super) fn familiar(&self, token: Token<'a>) -> Option<Said> {
        self.of_another_language(token)
            .or_else(|| self.loop_of_another_language(token))
            .or_else(|| self.missing_feature(token))
            .or_else(|| self.slip(token))
    }

    /// The kind and the text of the previous token.
    fn before(&self) -> (Kind, &'a str) {
        self.previous()
            .map_or((Kind::Newline, ""), |token| (token.kind, token.text))
    }

    /// Habits from other languages.
    fn of_another_language(&self, token: Token<'a>) -> Option<Said> {
        let (before, text) = self.before();
        let said = match (before, token.kind) {
            (Kind::Equal, Kind::More) => pair(
                "there is no `=>`",
                "write `>=` to compare, or `lambda a: b` for a function",
            ),
            (_, Kind::LBrace) if self.ends_head() => pair(
                "a block has no braces",
                "write `:` in place of the `{`, and indent the lines of the block",
            ),
            (Kind::Less, Kind::More) => pair("there is no `<>`", "write `!=`"),
            (_, Kind::Arrow) if self.in_lambda() => {
                let params = if before == Kind::Name { text } else { "" };
                let help = format!("write `{}: …`", format!("lambda {params}").trim_end());
                ("there is no `->` in a `lambda`".to_owned(), help)
            }
            (_, Kind::Arrow) if !self.line_has(Kind::Def) => pair(
                "there is no `->` between values",
                "an attribute is `a.b`, and a function is `lambda a: b`",
            ),
            (Kind::Name, Kind::Name) if text == "new" => (
                "there is no `new`".to_owned(),
                format!("write `{}(…)`", token.text),
            ),
            (_, Kind::Name) if token.text == "then" && self.ends_head() => {
                pair("there is no `then`", "write `:` alone")
            }
            (Kind::EqualEqual | Kind::NotEqual, Kind::Equal) => {
                (format!("there is no `{text}=`"), format!("write `{text}`"))
            }
            (Kind::Newline | Kind::Indent | Kind::Dedent | Kind::Semicolon, Kind::Slash | Kind::Floor) => {
                pair("a comment does not begin like this", "write `#` in front of it")
            }
            (Kind::Else, Kind::If) => pair("`else if` is spelled `elif`", "write `elif`"),
            (Kind::Plus, Kind::Plus | Kind::Newline) | (Kind::Minus, Kind::Newline)
                if self.two_back() == before =>
            {
                pair("there is no `++` and no `--`", "write `+= 1` or `-= 1`")
            }
            (Kind::Ampersand, Kind::Ampersand) => pair("there is no `&&`", "write `and`"),
            (Kind::Pipe, Kind::Pipe) => pair("there is no `||`", "write `or`"),
            (Kind::Name, Kind::Str | Kind::Name | Kind::Int | Kind::Float)
                if text == "print" || text == "exec" =>
            {
                (format!("`{text}` is a function"), format!("write `{text}(…)`"))
            }
            _ => return None,
        };
        Some(said)
    }

    /// A counting `for` loop, as in other languages.
    fn loop_of_another_language(&self, token: Token<'a>) -> Option<Said> {
        let (before, text) = self.before();
        let name = match (before, token.kind) {
            (Kind::Name, Kind::Equal) => text,
            (Kind::Name, Kind::Name) if TYPES.contains(&text) => token.text,
            _ => return None,
        };
        (self.line_begins_with(Kind::For) && !self.line_has(Kind::In)).then(|| {
            let message = "a `for` goes through values, and counts through those of a `range`";
            (message.to_owned(), format!("write `for {name} in range(3):`"))
        })
    }

    /// Features that CPython has and MicroPython lacks.
    fn missing_feature(&self, token: Token<'a>) -> Option<Said> {
        let (before, text) = self.before();
        let said = match (before, token.kind) {
            (_, Kind::As) if self.line_has(Kind::With) => pair(
                "MicroPython has no parentheses around what a `with` opens",
                "write `with a as b, c as d:`, and `\\` at the end of a line that goes on",
            ),
            (Kind::Name, Kind::LBracket) if matches!(self.two_back(), Kind::Def | Kind::Class) => {
                pair("MicroPython has no type parameters", "leave the brackets out")
            }
            (Kind::Name, Kind::Name | Kind::Int | Kind::Float | Kind::Str)
                if matches!(text, "match" | "case") =>
            {
                pair(NO_MATCH, IF_ELIF)
            }
            (Kind::Name, Kind::Name) if text == "type" => {
                pair("MicroPython has no `type` statement", "write `name = …`")
            }
            (_, Kind::Async) if self.ahead(1) == Kind::Lambda => pair(
                "a `lambda` cannot be `async`",
                "write a function with `async def`",
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
            _ => return None,
        };
        Some(said)
    }

    /// Simple slips.
    fn slip(&self, token: Token<'a>) -> Option<Said> {
        let (before, text) = self.before();
        let said = match (before, token.kind) {
            _ if token.invented && self.in_lambda() => pair(
                "the first `:` ends an expression in an f-string",
                "write the `lambda` in parentheses, or in front of the f-string",
            ),
            (Kind::Name, Kind::From) if self.line_begins_with(Kind::Import) => {
                let module = self.tokens.get(self.at + 1).map_or("", |token| token.text);
                (
                    "`from` comes before `import`".to_owned(),
                    format!("write `from {module} import {text}`"),
                )
            }
            (Kind::Name, Kind::Name) if self.line_begins_with(Kind::From) => {
                pair("these are two names", "write `,` between them")
            }
            (Kind::Comma | Kind::LParen | Kind::LBracket | Kind::LBrace, Kind::Comma) => pair(
                "nothing stands in front of this comma",
                "remove it, or write what is missing",
            ),
            (Kind::Colon, kind) if kind.begins_only_statements() && self.line_has(Kind::Lambda) => pair(
                "a `lambda` is one expression, without a statement in it",
                "write the value alone, or a function with `def`",
            ),
            (before, Kind::Else | Kind::Elif)
                if !matches!(before, Kind::Newline | Kind::Indent | Kind::Dedent)
                    && self.line_has(Kind::Colon) =>
            {
                (
                    format!("`{}` begins a line of its own", token.text),
                    "write it under the `if`, `for` or `while` that it belongs to".to_owned(),
                )
            }
            (_, Kind::Not) if self.ahead(1) != Kind::In => pair(
                "`not` binds more loosely than what stands before it",
                "write `(not …)` in parentheses",
            ),
            (Kind::Str, Kind::Name | Kind::Int) if !token.made && self.touches_previous() => pair(
                "the string has ended before this",
                "write `\\` in front of a quote that is part of the string",
            ),
            (_, Kind::Comma) if self.line_begins_with(Kind::Raise) => {
                pair("`raise` takes one value", "write `raise Error(message)`")
            }
            (Kind::Str, Kind::Bytes) | (Kind::Bytes, Kind::Str) => pair(
                "text and bytes cannot be joined",
                "give both the same prefix: `b` or none",
            ),
            (_, Kind::Equal) if Kind::keyword(text).is_some() => (
                format!("`{text}` is a keyword and cannot be a name"),
                format!("write `{text}_`, for example"),
            ),
            (_, Kind::Equal) if self.next_is_invented() => (
                "the `=` that shows an expression stands directly before what ends it".to_owned(),
                format!("write `{{{}=}}`", self.inside_braces(token)),
            ),
            (_, Kind::Equal) => pair("`=` assigns and is not allowed here", "to compare, write `==`"),
            (Kind::Name, Kind::Walrus) if Self::begins_statement(self.two_back()) => (
                "`:=` assigns inside an expression only".to_owned(),
                format!("write `{text} = …`"),
            ),
            (_, Kind::Walrus) => pair(
                "`:=` is not allowed here without parentheses",
                "write `(name := value)`",
            ),
            (_, kind)
                if Kind::keyword(token.text) == Some(kind)
                    && matches!(before, Kind::Dot | Kind::Def | Kind::Class) =>
            {
                (
                    format!("`{}` is a keyword and cannot be a name", token.text),
                    String::new(),
                )
            }
            _ => return None,
        };
        Some(said)
    }

    /// The message for the first word of the statement, if nothing else of the statement has been read.
    pub(super) fn wrong_word(&self) -> Option<(Range, String, String)> {
        let word = self.previous().filter(|word| word.kind == Kind::Name)?;
        if !Self::begins_statement(self.two_back()) {
            return None;
        }
        if matches!(word.text, "let" | "var" | "const") && self.kind() == Kind::Name {
            let mutable = self
                .tokens
                .get(self.at + 1)
                .filter(|_| self.token().text == "mut");
            let help = format!("write `{} = …`", mutable.unwrap_or(&self.token()).text);
            return Some((word.range, format!("there is no `{}`", word.text), help));
        }
        let (is_name, next) = (self.kind() == Kind::Name, self.token().text);
        if is_name && TYPES.contains(&word.text) {
            let help = format!("write `{next} = …`");
            return Some((
                word.range,
                "a variable has no type in front of it".to_owned(),
                help,
            ));
        }
        let goes_on = is_name || self.kind() == Kind::LBrace;
        if let Some((_, instead)) = ELSEWHERE.iter().find(|(other, _)| goes_on && *other == word.text) {
            let message = format!("there is no `{}`", word.text);
            return Some((word.range, message, format!("write `{instead}`")));
        }
        let keyword = meant(word.text)?;
        let message = format!("`{}` is no word of the language", word.text);
        Some((
            word.range,
            message,
            format!("write `{keyword}`, if that is what is meant"),
        ))
    }

    /// Whether a statement begins after a token of this kind.
    fn begins_statement(before: Kind) -> bool {
        matches!(
            before,
            Kind::Newline | Kind::Indent | Kind::Dedent | Kind::Semicolon
        )
    }

    /// Whether an expression in an f-string ends behind this token.
    fn next_is_invented(&self) -> bool {
        self.tokens.get(self.at + 1).is_some_and(|next| next.invented)
    }

    /// The text between the last `{` and this token.
    fn inside_braces(&self, token: Token<'a>) -> &'a str {
        let before = self.source.get(..token.range.start).unwrap_or_default();
        before.rsplit('{').next().unwrap_or_default().trim()
    }

    /// Whether the parser is in the parameters of a `lambda`.
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

    /// Whether this token kind occurs on the line, in what has been read of it.
    fn line_has(&self, kind: Kind) -> bool {
        let line = self.tokens.get(..self.at).unwrap_or_default();
        let ends = |token: &&Token<'_>| !matches!(token.kind, Kind::Newline | Kind::Indent | Kind::Dedent);
        line.iter().rev().take_while(ends).any(|token| token.kind == kind)
    }

    /// Whether a block should begin behind this token: it is a `{`, or the last word of the line.
    fn ends_head(&self) -> bool {
        let words = [
            Kind::If,
            Kind::Elif,
            Kind::Else,
            Kind::While,
            Kind::For,
            Kind::Def,
            Kind::Class,
            Kind::Try,
        ];
        let begins = words.iter().any(|word| self.line_begins_with(*word));
        let braces = self.kind() == Kind::LBrace;
        begins
            && (braces
                || matches!(
                    self.ahead(1),
                    Kind::Newline | Kind::Error | Kind::End | Kind::Colon
                ))
    }
}

/// Types that other languages write before a variable.
const TYPES: [&str; 14] = [
    "auto", "bool", "byte", "char", "double", "float", "int", "long", "short", "str", "string", "uint16_t",
    "uint32_t", "uint8_t",
];

/// Words that begin a statement in other languages, with the MicroPython equivalent.
const ELSEWHERE: [(&str, &str); 16] = [
    ("catch", "except"),
    ("do", "while True:"),
    ("elseif", "elif"),
    ("fn", "def"),
    ("foreach", "for"),
    ("fun", "def"),
    ("func", "def"),
    ("function", "def"),
    ("loop", "while True:"),
    ("new", "name = Class(…)"),
    ("sub", "def"),
    ("switch", "if"),
    ("throw", "raise"),
    ("unless", "if not"),
    ("use", "import"),
    ("void", "def"),
];

/// The keyword that was probably meant: one letter of the word is wrong, missing, extra or in the wrong
/// place. Short keywords are left out, since too many words are similar to them.
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
