//! Finds the code that cleans up: it runs even when the rest of the text is being stopped.

use std::collections::{HashMap, HashSet};

use crate::ast::{Block, FunctionBody, Stmt, StmtKind};
use crate::range::Range;
use crate::token::{Kind, Token};

/// The names of the functions that clean up: `__exit__`, and the functions mentioned in it or in a `finally`,
/// directly or by another such function.
pub(crate) fn cleaners<'a>(block: &'a Block, tokens: &[Token<'_>]) -> HashSet<&'a str> {
    let mut found = Found::default();
    found.block(block);
    let mut cleaners = HashSet::new();
    let mut pending = found.finally;
    let exits = ["__exit__", "__aexit__"].map(|exit| found.functions.get_key_value(exit));
    for (name, ranges) in exits.into_iter().flatten() {
        cleaners.insert(*name);
        pending.extend(ranges);
    }
    while let Some(range) = pending.pop() {
        let from = tokens.partition_point(|token| token.range.start < range.start);
        let inside = tokens[from..]
            .iter()
            .take_while(|token| token.range.start < range.end);
        for token in inside.filter(|token| token.kind == Kind::Name) {
            if let Some((name, ranges)) = found.functions.get_key_value(token.text)
                && cleaners.insert(*name)
            {
                pending.extend(ranges);
            }
        }
    }
    cleaners
}

#[derive(Default)]
struct Found<'a> {
    finally: Vec<Range>,
    /// Where the functions of each name are.
    functions: HashMap<&'a str, Vec<Range>>,
}

impl<'a> Found<'a> {
    fn block(&mut self, block: &'a Block) {
        for statement in block {
            self.statement(statement);
        }
    }

    fn statement(&mut self, statement: &'a Stmt) {
        if let StmtKind::Function { name, .. } = &statement.kind {
            let ranges = self.functions.entry(&name.name).or_default();
            ranges.push(statement.range);
        }
        let finally = finally(&statement.kind);
        self.finally
            .extend(finally.into_iter().flatten().map(|statement| statement.range));
        for block in blocks(&statement.kind).into_iter().chain(finally) {
            self.block(block);
        }
    }
}

/// The block of a statement that always runs at its end, whatever happens.
pub(crate) fn finally(statement: &StmtKind) -> Option<&Block> {
    match statement {
        StmtKind::Try(parts) => parts.finally.as_ref(),
        _ => None,
    }
}

/// The other blocks of a statement.
pub(crate) fn blocks(statement: &StmtKind) -> Vec<&Block> {
    match statement {
        StmtKind::While { body, otherwise, .. } | StmtKind::For { body, otherwise, .. } => {
            [body].into_iter().chain(otherwise).collect()
        }
        StmtKind::If { branches, otherwise } => {
            let bodies = branches.iter().map(|(_, body)| body);
            bodies.chain(otherwise).collect()
        }
        StmtKind::Try(parts) => {
            let handlers = parts.handlers.iter().map(|handler| &handler.body);
            let bodies = [&parts.body].into_iter().chain(handlers);
            bodies.chain(&parts.otherwise).collect()
        }
        StmtKind::With { body, .. } | StmtKind::Class { body, .. } => vec![body],
        StmtKind::Function { function, .. } => match &function.body {
            FunctionBody::Block(body) => vec![body],
            FunctionBody::Expr(_) => Vec::new(),
        },
        _ => Vec::new(),
    }
}
