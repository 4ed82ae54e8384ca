//! Stop points: calls in loops, by which the loops can be ended.

use std::collections::HashSet;

use crate::ast::{Block, Decorator, Expr, Stmt, StmtKind};
use crate::cleanup::{blocks, cleaners, finally};
use crate::range::Range;
use crate::token::{Kind, Token};

/// Tokens that are inserted into a text.
#[derive(Clone, Debug)]
pub(crate) struct Insertion<'a> {
    pub(crate) at: usize,
    /// Whether it closes a bracket that another one opened. At the same place, closing ones come first.
    closes: bool,
    words: Vec<&'a str>,
}

impl<'a> Insertion<'a> {
    pub(crate) fn tokens(&self) -> impl Iterator<Item = Token<'a>> {
        self.words.iter().map(|word| {
            let mut letters = word.bytes().chain([0, 0]);
            let next = std::array::from_fn(|_| letters.next().unwrap_or(0));
            let operator = Kind::operator(next).map(|(kind, _)| kind);
            let number = word
                .starts_with(|first: char| first.is_ascii_digit())
                .then_some(Kind::Int);
            Token {
                kind: operator
                    .or(number)
                    .or_else(|| Kind::keyword(word))
                    .unwrap_or(Kind::Name),
                range: Range::new(self.at, self.at),
                text: word,
                made: false,
                invented: false,
            }
        })
    }

    /// The inserted text.
    pub(crate) fn text(&self, source: &str) -> String {
        let before = source
            .get(..self.at)
            .and_then(|before| before.chars().next_back());
        let touches = !self.closes && before.is_some_and(char::is_alphanumeric);
        let mut text = if touches { " " } else { "" }.to_owned();
        for word in &self.words {
            let is_word = word.starts_with(|first: char| first == '_' || first.is_alphabetic());
            if is_word && !matches!(text.chars().next_back(), None | Some(' ' | '(')) {
                text.push(' ');
            }
            text.push_str(word);
        }
        text
    }
}

/// The calls to insert into a text without syntax errors, in the order of the text.
pub(crate) fn stop_points<'a>(block: &'a Block, tokens: &[Token<'_>], name: &'a str) -> Vec<Insertion<'a>> {
    let mut edits = Edits {
        name,
        cleaners: cleaners(block, tokens),
        cleaning: false,
        found: Vec::new(),
    };
    edits.block(block);
    edits
        .found
        .sort_by_key(|insertion| (insertion.at, !insertion.closes));
    edits.found
}

struct Edits<'a> {
    name: &'a str,
    /// The functions that clean up.
    cleaners: HashSet<&'a str>,
    /// Whether the current code cleans up.
    cleaning: bool,
    found: Vec<Insertion<'a>>,
}

impl<'a> Edits<'a> {
    fn block(&mut self, block: &Block) {
        for statement in block {
            self.statement(statement);
        }
    }

    fn statement(&mut self, statement: &Stmt) {
        match &statement.kind {
            StmtKind::While { condition, body, .. } => {
                if is_simple(body) {
                    self.in_front(body);
                } else {
                    self.or(condition);
                }
            }
            StmtKind::For {
                is_async,
                iterable,
                body,
                ..
            } => self.for_loop(*is_async, iterable, body),
            StmtKind::Function { decorators, .. } if decorators.iter().any(is_native) => return,
            _ => {}
        }
        let outside = self.cleaning;
        if let StmtKind::Function { name, .. } = &statement.kind {
            self.cleaning |= self.cleaners.contains(name.name.as_str());
        }
        for block in blocks(&statement.kind) {
            self.block(block);
        }
        if let Some(finally) = finally(&statement.kind) {
            self.cleaning = true;
            self.block(finally);
        }
        self.cleaning = outside;
    }

    /// The call, with other tokens before and after it.
    fn call(&self, before: &[&'a str], after: &[&'a str]) -> Vec<&'a str> {
        let argument: &[_] = if self.cleaning { &["1"] } else { &[] };
        [before, &[self.name, "("], argument, &[")"], after].concat()
    }

    fn for_loop(&mut self, is_async: bool, iterable: &Expr, body: &Block) {
        match body.first().map(|first| &first.kind) {
            _ if is_simple(body) => self.in_front(body),
            Some(StmtKind::If { branches, .. })
                if branches.first().is_some_and(|(test, _)| test.constant.is_none()) =>
            {
                if let Some((condition, _)) = branches.first() {
                    self.or(condition);
                }
            }
            // The inner loop already has the call in its condition, unless the call went into its simple
            // body: then add it.
            Some(StmtKind::While { condition, body, .. }) if !is_never(condition) => {
                if is_simple(body) {
                    self.or(condition);
                }
            }
            // The remaining way, a generator around the iterable, does not work for an asynchronous one.
            _ if is_async => {}
            _ => {
                let words = self.call(&["("], &["or", "_", "for", "_", "in", "("]);
                self.around(iterable.range, words, &[")", ")"]);
            }
        }
    }

    /// Inserts the call before the first statement of the body.
    fn in_front(&mut self, body: &Block) {
        if let Some(first) = body.first() {
            let words = self.call(&[], &[";"]);
            self.insert(first.range.start, false, words);
        }
    }

    fn or(&mut self, condition: &Expr) {
        if !is_never(condition) {
            let words = self.call(&[], &["or", "("]);
            self.around(condition.range, words, &[")"]);
        }
    }

    fn around(&mut self, range: Range, start: Vec<&'a str>, end: &[&'a str]) {
        self.insert(range.start, false, start);
        self.insert(range.end, true, end.to_vec());
    }

    fn insert(&mut self, at: usize, closes: bool, words: Vec<&'a str>) {
        self.found.push(Insertion { at, closes, words });
    }
}

/// Whether a decorator compiles the function to native code.
fn is_native(decorator: &Decorator) -> bool {
    let emitter = decorator.emitter().map_or("", |word| word.name.as_str());
    matches!(emitter, "native" | "viper") || emitter.starts_with("asm_")
}

/// Whether a condition is known to be false.
fn is_never(condition: &Expr) -> bool {
    condition.constant.is_some_and(|value| !value.truth())
}

/// Whether a block begins with a simple statement.
fn is_simple(block: &Block) -> bool {
    let is_compound = |statement: &Stmt| {
        matches!(
            statement.kind,
            StmtKind::If { .. }
                | StmtKind::While { .. }
                | StmtKind::For { .. }
                | StmtKind::Try(_)
                | StmtKind::With { .. }
                | StmtKind::Function { .. }
                | StmtKind::Class { .. }
                | StmtKind::Broken(_)
        )
    };
    block.first().is_some_and(|first| !is_compound(first))
}
