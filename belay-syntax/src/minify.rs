//! The minifier: writes the same tokens with less space between them.
//!
//! It leaves out only what makes no difference on a board: comments, spaces, and statements that are only a
//! literal (such as docstrings) or `pass`, which MicroPython drops itself.

use crate::LineIndex;
use crate::range::Range;
use crate::rewrite::Minified;
use crate::token::{Kind, Token};

/// Appends the tokens of a text without errors to `start`.
pub(crate) fn shrink(
    source: &str,
    tokens: &[Token<'_>],
    literals: &[Range],
    dense: bool,
    start: Minified,
) -> Minified {
    let mut writer = Writer {
        source,
        lines: LineIndex::new(source),
        dense,
        depth: usize::from(!start.code.is_empty()),
        out: start,
        literals,
    };
    let lines = Statements::of(tokens);
    if dense && writer.depth > 0 && lines.iter().all(|line| !line.compound) {
        writer.one_line(&lines);
    } else {
        writer.block(&lines);
    }
    writer.end_line();
    writer.out
}

/// A logical line, split at its semicolons and after the `:` of a compound statement.
struct Line<'t> {
    /// The statements of the line; the first one of a compound statement extends to its `:`.
    parts: Vec<&'t [Token<'t>]>,
    /// Whether the first part is the head of a compound statement.
    compound: bool,
    block: Option<Vec<Line<'t>>>,
}

struct Statements;

impl Statements {
    /// The logical lines of a text without errors.
    fn of<'t>(tokens: &'t [Token<'t>]) -> Vec<Line<'t>> {
        let mut rest = tokens;
        let mut lines = Vec::new();
        while let [first, ..] = rest {
            if first.kind == Kind::End {
                break;
            }
            Self::line(&mut rest, &mut lines);
        }
        lines
    }

    /// Takes a logical line and the block under it.
    fn line<'t>(rest: &mut &'t [Token<'t>], lines: &mut Vec<Line<'t>>) {
        let length = rest
            .iter()
            .position(|token| matches!(token.kind, Kind::Newline | Kind::End));
        let (line, after) = rest.split_at(length.unwrap_or(rest.len()));
        *rest = after.get(1..).unwrap_or_default();
        let block = matches!(
            rest,
            [
                Token {
                    kind: Kind::Indent,
                    ..
                },
                ..
            ]
        )
        .then(|| {
            let mut block = Vec::new();
            *rest = rest.get(1..).unwrap_or_default();
            while !matches!(
                rest,
                [] | [
                    Token {
                        kind: Kind::Dedent | Kind::End,
                        ..
                    },
                    ..
                ]
            ) {
                Self::line(rest, &mut block);
            }
            *rest = rest.get(1..).unwrap_or_default();
            block
        });
        if !line.is_empty() {
            let compound = is_compound(line);
            lines.push(Line {
                parts: cut(line, compound),
                compound,
                block,
            });
        }
    }
}

fn is_compound(line: &[Token<'_>]) -> bool {
    let word = line.first().map_or(Kind::End, |token| token.kind);
    word.begins_compound() || matches!(word, Kind::Elif | Kind::Else | Kind::Except | Kind::Finally)
}

/// Splits a line at its semicolons and after the `:` of a compound statement.
fn cut<'t>(line: &'t [Token<'t>], compound: bool) -> Vec<&'t [Token<'t>]> {
    let mut parts = Vec::new();
    let (mut depth, mut lambdas, mut start, mut in_head) = (0_usize, 0_usize, 0, compound);
    for (at, token) in line.iter().enumerate() {
        match token.kind {
            _ if token.made => {}
            kind if kind.opens() => depth += 1,
            kind if kind.opener().is_some() => depth = depth.saturating_sub(1),
            Kind::Lambda if depth == 0 => lambdas += 1,
            Kind::Colon if depth == 0 && lambdas > 0 => lambdas -= 1,
            Kind::Colon if depth == 0 && in_head => {
                in_head = false;
                parts.extend(line.get(start..=at));
                start = at + 1;
            }
            Kind::Semicolon if depth == 0 => {
                parts.extend(line.get(start..at));
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.extend(line.get(start..).filter(|part| !part.is_empty()));
    parts
}

/// Whether a statement does nothing: it is a literal, or `pass`.
fn is_idle(statement: &[Token<'_>]) -> bool {
    matches!(
        statement,
        [Token {
            kind: Kind::Str
                | Kind::Bytes
                | Kind::Int
                | Kind::Float
                | Kind::None
                | Kind::True
                | Kind::False
                | Kind::Ellipsis
                | Kind::Pass,
            ..
        }]
    )
}

struct Writer<'a> {
    source: &'a str,
    lines: LineIndex<'a>,
    dense: bool,
    out: Minified,
    /// The places of the string literals.
    literals: &'a [Range],
    depth: usize,
}

impl<'a> Writer<'a> {
    fn block(&mut self, block: &[Line<'a>]) {
        let idle = |line: &Line<'_>| !line.compound && line.parts.iter().all(|part| is_idle(part));
        let all_idle = block.iter().all(idle);
        let mut joined = false;
        let mut assembler = false;
        for line in block {
            if idle(line) {
                continue;
            }
            // Joining lines saves their indentation, so it is no use at the outermost level.
            let joins = self.dense && !line.compound && self.depth > 0;
            if joins && joined {
                self.out.code.push(';');
            } else {
                self.begin_line(line);
            }
            joined = joins;
            // In an assembler function each instruction needs its own line.
            let dense = self.dense;
            self.dense &= !assembler;
            self.line(line);
            self.dense = dense;
            assembler = line.parts.first().is_some_and(|part| {
                part.first().is_some_and(|first| first.kind == Kind::At)
                    && (assembler || part.iter().any(|token| token.text.starts_with("asm_")))
            });
        }
        if all_idle && self.depth > 0 {
            // A block needs a statement; this is the shortest that does nothing.
            let line = block
                .first()
                .and_then(|line| line.parts.first())
                .and_then(|part| part.first());
            self.start_line(line.map_or(0, |token| token.range.start));
            self.out.code.push('0');
        }
    }

    fn begin_line(&mut self, line: &Line<'a>) {
        let kept = line.parts.iter().find(|part| line.compound || !is_idle(part));
        let start = kept
            .and_then(|part| part.first())
            .map_or(0, |token| token.range.start);
        self.start_line(start);
    }

    fn line(&mut self, line: &Line<'a>) {
        let (head, body) = if line.compound {
            line.parts.split_at(1)
        } else {
            line.parts.split_at(0)
        };
        for part in head {
            self.tokens(part);
        }
        let mut first = true;
        for part in body.iter().filter(|part| !is_idle(part)) {
            if !first {
                self.out.code.push(';');
            }
            first = false;
            self.tokens(part);
        }
        if line.compound && line.block.is_none() && first {
            // The line of a decorator has no block either, but also no `:`.
            let has_colon = head.iter().any(|part| {
                matches!(
                    part,
                    [
                        ..,
                        Token {
                            kind: Kind::Colon,
                            ..
                        }
                    ]
                )
            });
            if has_colon {
                self.out.code.push('0');
            }
        }
        let Some(block) = &line.block else { return };
        let simple = block.iter().all(|line| !line.compound);
        self.depth += 1;
        if self.dense && simple {
            self.one_line(block);
        } else {
            self.block(block);
        }
        self.depth -= 1;
    }

    /// Writes a block of simple statements on the line of its head.
    fn one_line(&mut self, block: &[Line<'a>]) {
        let parts = block
            .iter()
            .flat_map(|line| &line.parts)
            .filter(|part| !is_idle(part));
        let mut first = true;
        for part in parts {
            if !first {
                self.out.code.push(';');
            }
            first = false;
            self.tokens(part);
        }
        if first {
            self.out.code.push('0');
        }
    }

    fn tokens(&mut self, tokens: &[Token<'a>]) {
        let mut before: Option<(Range, &str)> = None;
        let mut depth = 0_usize;
        for token in tokens.iter().filter(|token| !token.made) {
            for piece in self.pieces(*token) {
                if let Some(before) = before {
                    self.space(before, piece, depth > 0);
                }
                self.piece(piece);
                before = Some(piece);
            }
            if token.kind.opens() {
                depth += 1;
            } else if token.kind.opener().is_some() {
                depth = depth.saturating_sub(1);
            }
        }
    }

    /// The pieces of a token: the token itself, or the literals that are joined into one string.
    fn pieces(&self, token: Token<'a>) -> Vec<(Range, &'a str)> {
        let from = self
            .literals
            .partition_point(|literal| literal.start < token.range.start);
        let literals = self.literals.get(from..).unwrap_or_default();
        let inside = literals
            .iter()
            .take_while(|literal| literal.start < token.range.end);
        let pieces: Vec<_> = inside
            .map(|literal| (*literal, literal.text(self.source)))
            .collect();
        if pieces.is_empty() {
            vec![(token.range, token.text)]
        } else {
            pieces
        }
    }

    /// Writes the necessary space between two tokens.
    fn space(&mut self, (before, text): (Range, &str), (after, next): (Range, &str), in_brackets: bool) {
        let line = self.lines.line(after.start);
        if !self.dense && self.lines.line(before.end) < line {
            // The source continues on another line here. So must the result, or tracebacks would name the
            // wrong line.
            self.out.code.push_str(if in_brackets { "\n" } else { "\\\n" });
            self.out.lines.push(u32::try_from(line).unwrap_or(u32::MAX));
        } else if needs_space(text, next) {
            self.out.code.push(' ');
        }
    }

    /// Writes a piece, which can be a string of several lines.
    fn piece(&mut self, (range, text): (Range, &str)) {
        if !text.contains(['\n', '\r']) {
            self.out.code.push_str(text);
            return;
        }
        let line = self.line_of(range.start);
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let newlines = u32::try_from(text.matches('\n').count()).unwrap_or(0);
        self.out.code.push_str(&text);
        self.out.lines.extend((1..=newlines).map(|offset| line + offset));
    }

    fn line_of(&self, offset: usize) -> u32 {
        u32::try_from(self.lines.line(offset)).unwrap_or(u32::MAX)
    }

    fn start_line(&mut self, offset: usize) {
        self.end_line();
        self.out.lines.push(self.line_of(offset));
        self.out.code.extend(std::iter::repeat_n(' ', self.depth));
    }

    fn end_line(&mut self) {
        if !self.out.code.is_empty() {
            self.out.code.push('\n');
        }
    }
}

/// Whether two tokens need a space between them to be read correctly.
fn needs_space(before: &str, after: &str) -> bool {
    let is_word =
        |character: char| character.is_ascii_alphanumeric() || character == '_' || !character.is_ascii();
    let is_number = before.starts_with(|first: char| first.is_ascii_digit())
        || (before.len() > 1 && before.starts_with('.') && before != "...");
    let Some(first) = after.chars().next() else {
        return false;
    };
    let Some(last) = before.chars().next_back() else {
        return false;
    };
    if is_word(first) {
        return is_word(last) || (is_number && last == '.');
    }
    match first {
        // A number would take in a dot that follows it.
        '.' => is_number,
        // Two quotes and a third one would begin a triple-quoted string.
        '"' | '\'' => before.ends_with(&[first, first].iter().collect::<String>()),
        _ => false,
    }
}
