//! Parses tokens into a syntax tree.
//!
//! There is one function per construct. A function that fails has reported exactly one mistake. The statement
//! is then given up, and parsing goes on with the next line, or with the block of the statement.

mod compound;
mod expression;
mod familiar;
mod postfix;
mod problem;
mod statement;

use std::collections::HashMap;

use crate::Diagnostic;
use crate::ast::{Block, Stmt, StmtKind};
use crate::fold::Constant;
use crate::lexer::Lexed;
use crate::range::Range;
use crate::token::{Kind, Token};

/// How deeply expressions and blocks may be nested in each other. MicroPython's own limit depends on the board's
/// stack; this one keeps ours from overflowing.
pub(crate) const MAX_DEPTH: usize = 64;

/// The mistake has been reported.
#[derive(Debug)]
struct Failed;

type Parse<T> = Result<T, Failed>;

struct Parser<'a> {
    source: &'a str,
    tokens: &'a [Token<'a>],
    at: usize,
    depth: usize,
    /// The constants that `NAME = const(value)` has defined so far.
    constants: HashMap<String, Constant>,
    diagnostics: Vec<Diagnostic>,
}

/// Parses the tokens of a text. The diagnostics include those of the lexer.
pub(crate) fn parse(source: &str, lexed: &Lexed<'_>) -> (Block, Vec<Diagnostic>) {
    let mut parser = Parser {
        source,
        tokens: &lexed.tokens,
        at: 0,
        depth: 0,
        constants: HashMap::new(),
        diagnostics: Vec::new(),
    };
    let block = parser.file();
    let mut diagnostics = parser.diagnostics;
    // The unclosed bracket is the mistake; errors in what follows it result from that.
    let in_bracket = |at: usize| {
        let before = lexed.unclosed.partition_point(|range| range.start <= at);
        let nearest = before.checked_sub(1).and_then(|index| lexed.unclosed.get(index));
        nearest.is_some_and(|range| at < range.end)
    };
    diagnostics.retain(|found| !in_bracket(found.range.start));
    diagnostics.extend(lexed.diagnostics.iter().cloned());
    (block, diagnostics)
}

impl<'a> Parser<'a> {
    fn file(&mut self) -> Block {
        let mut block = Vec::new();
        while self.kind() != Kind::End {
            if self.accept(Kind::Newline) || self.accept(Kind::Dedent) {
                continue;
            }
            self.statement_in(&mut block);
        }
        block
    }

    /// Parses any statement of a block. It always takes at least one token.
    fn statement_in(&mut self, block: &mut Block) {
        if self.kind() == Kind::Indent {
            self.unexpected_indent();
            let start = self.range().start;
            let body = self.indented();
            let range = Range::new(start, self.previous_end().max(start));
            block.push(Stmt {
                range,
                kind: StmtKind::Broken(body),
            });
            return;
        }
        let (start, before, first) = (self.range().start, self.at, self.token().text);
        let after_broken = matches!(
            block.last(),
            Some(Stmt {
                kind: StmtKind::Broken(_),
                ..
            })
        );
        let count = block.len();
        let parsed = if self.is_orphan() && after_broken {
            Err(Failed)
        } else {
            self.statement(block)
        };
        if parsed.is_err() {
            // Discard what the line had produced before the mistake: it would only lead to more messages.
            block.truncate(count);
            self.skip_line();
            if self.kind() == Kind::Indent && first == "match" {
                // The cases of a `match` would only repeat the same message.
                self.bump();
                self.skip_block();
                self.accept(Kind::Dedent);
            }
            let body = if self.kind() == Kind::Indent {
                self.indented()
            } else {
                Vec::new()
            };
            let range = Range::new(start, self.previous_end().max(start));
            block.push(Stmt {
                range,
                kind: StmtKind::Broken(body),
            });
        }
        if self.at == before {
            self.bump();
        }
    }

    /// The statements up to the matching dedent. The current token is the indent.
    fn indented(&mut self) -> Block {
        self.bump();
        let mut block = Vec::new();
        self.depth += 1;
        while !matches!(self.kind(), Kind::Dedent | Kind::End) {
            if self.depth > MAX_DEPTH {
                self.too_deep();
                self.skip_block();
                break;
            }
            self.statement_in(&mut block);
        }
        self.depth -= 1;
        self.accept(Kind::Dedent);
        block
    }

    fn skip_line(&mut self) {
        while !matches!(self.kind(), Kind::Newline | Kind::End) {
            self.bump();
        }
        self.accept(Kind::Newline);
    }

    /// Skips to the dedent that ends the block.
    fn skip_block(&mut self) {
        let mut open = 0_usize;
        loop {
            match self.kind() {
                Kind::End => return,
                Kind::Indent => open += 1,
                Kind::Dedent if open == 0 => return,
                Kind::Dedent => open -= 1,
                _ => {}
            }
            self.bump();
        }
    }

    /// Runs `parse` one level deeper, or reports that the nesting is too deep.
    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parse<T>) -> Parse<T> {
        if self.depth >= MAX_DEPTH {
            return Err(self.too_deep());
        }
        self.depth += 1;
        let result = parse(self);
        self.depth -= 1;
        result
    }

    fn token(&self) -> Token<'a> {
        let end = self.source.len();
        let missing = Token {
            kind: Kind::End,
            range: Range::new(end, end),
            text: "",
            made: false,
            invented: false,
        };
        self.tokens.get(self.at).copied().unwrap_or(missing)
    }

    fn ahead(&self, count: usize) -> Kind {
        self.tokens
            .get(self.at + count)
            .map_or(Kind::End, |token| token.kind)
    }

    fn kind(&self) -> Kind {
        self.ahead(0)
    }

    fn range(&self) -> Range {
        self.token().range
    }

    fn previous(&self) -> Option<Token<'a>> {
        self.at.checked_sub(1).and_then(|at| self.tokens.get(at)).copied()
    }

    fn previous_end(&self) -> usize {
        self.previous().map_or(0, |token| token.range.end)
    }

    /// The range from `start` to the end of the last token.
    fn since(&self, start: Range) -> Range {
        Range::new(start.start, self.previous_end().max(start.end))
    }

    fn bump(&mut self) -> Token<'a> {
        let token = self.token();
        if self.at < self.tokens.len() {
            self.at += 1;
        }
        token
    }

    fn accept(&mut self, kind: Kind) -> bool {
        let found = self.kind() == kind;
        if found {
            self.bump();
        }
        found
    }
}
