//! Walks the syntax tree.

use super::{Checker, How, Inside, ScopeKind};
use crate::analysis::{Import, Name};
use crate::ast::{self, Block, Clause, Comprehension, Expr, ExprKind, Ident, Stmt, StmtKind, Trailer, Try};
use crate::fold::Constant;
use crate::range::Range;

impl<'a> Checker<'a> {
    pub(super) fn block(&mut self, block: &'a Block) {
        for statement in block {
            self.statement(statement);
        }
    }

    fn maybe_block(&mut self, block: Option<&'a Block>) {
        if let Some(block) = block {
            self.block(block);
        }
    }

    fn statement(&mut self, statement: &'a Stmt) {
        match &statement.kind {
            StmtKind::Broken(body) => {
                let before = std::mem::replace(&mut self.quiet, true);
                self.block(body);
                self.quiet = before;
            }
            StmtKind::Pass => {}
            StmtKind::PrivateConstant(name) => {
                self.found.private_constants.push((name.name.clone(), name.range));
            }
            StmtKind::Break => self.inside_loop(statement.range, "break"),
            StmtKind::Continue => self.inside_loop(statement.range, "continue"),
            StmtKind::Expr(value) => self.unused(value),
            StmtKind::Assign { targets, value } => {
                self.expression(value);
                for target in targets {
                    self.bound_by(How::Assignment, |checker| checker.assign(target));
                }
            }
            StmtKind::AugAssign { target, value } => self.augmented(target, value),
            StmtKind::Annotated(target) => {
                if let (ExprKind::Name(name), ScopeKind::Function) = (&target.kind, self.kind()) {
                    self.add(name, super::Binding::Local, target.range);
                }
            }
            StmtKind::Del(targets) => targets.iter().for_each(|target| self.delete(target)),
            StmtKind::Return(value) if self.kind() == ScopeKind::Function => self.expressions(value),
            StmtKind::Return(_) => self.complain(
                statement.range,
                "`return` outside a function",
                "move it into a function",
            ),
            StmtKind::Raise(values) => self.expressions(values),
            StmtKind::Assert { condition, message } => {
                self.expression(condition);
                self.expressions(message);
            }
            StmtKind::Import(_) | StmtKind::ImportFrom { .. } => self.import(statement),
            StmtKind::Global(names) => names.iter().for_each(|name| self.declare_global(name)),
            StmtKind::Nonlocal(names) if self.kind() == ScopeKind::Module => {
                let range = names.first().map_or(statement.range, |name| name.range);
                self.complain(
                    range,
                    "`nonlocal` outside a function",
                    "leave it out: the variables here are global",
                );
            }
            StmtKind::Nonlocal(names) => names.iter().for_each(|name| self.declare_nonlocal(name)),
            StmtKind::Function {
                name,
                decorators,
                function,
            } => self.function(name, decorators, function),
            StmtKind::Class {
                name,
                decorators,
                arguments,
                body,
            } => {
                self.decorators(decorators);
                self.open(ScopeKind::Class, Inside::Block(body));
                self.arguments(arguments);
                self.store(&name.name, Some(name.range));
            }
            _ => self.compound(statement),
        }
    }

    /// An expression statement: its value is ignored.
    fn unused(&mut self, value: &'a Expr) {
        match &value.kind {
            ExprKind::Yield(inner) => self.yields(value.range, inner.as_deref(), false),
            ExprKind::Postfix { base, trailers } => {
                if let (ExprKind::Name(name), [Trailer::Call(_)]) = (&base.kind, trailers.as_slice()) {
                    self.found.calls.push((name.clone(), value.range));
                }
                self.postfix(base, trailers);
            }
            _ => self.expression(value),
        }
    }

    fn compound(&mut self, statement: &'a Stmt) {
        match &statement.kind {
            StmtKind::If { branches, otherwise } => self.if_statement(branches, otherwise.as_ref()),
            StmtKind::While {
                condition,
                body,
                otherwise,
            } => {
                if condition.constant.is_none_or(Constant::truth) {
                    self.loops += 1;
                    self.block(body);
                    self.loops -= 1;
                    self.expression(condition);
                }
                self.maybe_block(otherwise.as_ref());
            }
            StmtKind::For {
                is_async,
                target,
                iterable,
                body,
                otherwise,
            } => {
                if *is_async && !self.waits(statement.range, "for") {
                    return;
                }
                self.expression(iterable);
                self.bound_by(How::Passing, |checker| checker.assign(target));
                self.loops += 1;
                self.block(body);
                self.loops -= 1;
                self.maybe_block(otherwise.as_ref());
            }
            StmtKind::Try(parts) => self.try_statement(parts),
            StmtKind::With {
                is_async,
                items,
                body,
            } => {
                if *is_async && !self.waits(statement.range, "with") {
                    return;
                }
                for (value, target) in items {
                    self.expression(value);
                    if let Some(target) = target {
                        self.bound_by(How::Passing, |checker| checker.assign(target));
                    }
                }
                self.block(body);
            }
            _ => {}
        }
    }

    fn if_statement(&mut self, branches: &'a [(Expr, Block)], otherwise: Option<&'a Block>) {
        for (condition, body) in branches {
            let truth = condition.constant.map(Constant::truth);
            if truth == Some(false) {
                continue;
            }
            self.expression(condition);
            self.block(body);
            if truth == Some(true) {
                return;
            }
        }
        self.maybe_block(otherwise);
    }

    fn try_statement(&mut self, parts: &'a Try) {
        self.attempts += 1;
        self.block(&parts.body);
        for (index, handler) in parts.handlers.iter().enumerate() {
            if handler.matches.is_none() && index + 1 < parts.handlers.len() {
                let help = "move it to the end: it catches everything that the others leave";
                self.complain(
                    handler.range,
                    "an `except` without a type has to be the last one",
                    help,
                );
            }
            self.expressions(&handler.matches);
            if let Some(name) = &handler.name {
                self.bound_by(How::Passing, |checker| {
                    checker.store(&name.name, Some(name.range));
                });
            }
            self.block(&handler.body);
        }
        self.attempts -= 1;
        self.maybe_block(parts.otherwise.as_ref());
        self.maybe_block(parts.finally.as_ref());
    }

    fn inside_loop(&mut self, range: Range, word: &str) {
        if self.loops == 0 {
            self.complain(
                range,
                format!("`{word}` outside a loop"),
                "it ends or repeats the `for` or `while` around it",
            );
        }
    }

    fn waits(&mut self, range: Range, word: &str) -> bool {
        let generates = self.found.all.get(self.at).is_some_and(|scope| scope.generates);
        let range = Range::new(range.start, range.start + "async".len());
        if generates {
            self.suspends(range, "await");
        } else {
            if self.at == self.found.top && self.kind() == ScopeKind::Function {
                self.found.awaits.push(range);
            }
            let message = format!("`async {word}` outside an `async def`");
            self.complain(
                range,
                message,
                format!("write `{word}` without `async`, or make the function `async def`"),
            );
        }
        generates
    }

    fn import(&mut self, statement: &'a Stmt) {
        match &statement.kind {
            StmtKind::Import(imports) => {
                for import in imports {
                    self.imported(&import.name, Some(&[]));
                    self.store(&import.bound.name, Some(import.bound.range));
                }
            }
            StmtKind::ImportFrom { module, names } => {
                self.imported(module, names.as_deref());
                match names {
                    Some(names) => {
                        for import in names {
                            self.store(&import.bound.name, Some(import.bound.range));
                        }
                    }
                    None if self.kind() == ScopeKind::Module => {}
                    None => {
                        let message = "`import *` is only possible outside functions and classes";
                        self.complain(
                            statement.range,
                            message,
                            "name what you need: `from module import a, b`",
                        );
                    }
                }
            }
            _ => {}
        }
    }

    /// Records the import of a module, with the names imported from it.
    fn imported(&mut self, module: &Ident, names: Option<&[ast::Import]>) {
        let name = |import: &ast::Import| Name {
            name: import.name.name.clone(),
            range: import.name.range,
        };
        self.found.imports.push(Import {
            module: module.name.clone(),
            range: module.range,
            names: names.map(|names| names.iter().map(name).collect()),
            attempted: self.attempts > 0,
        });
    }

    pub(super) fn expression(&mut self, value: &'a Expr) {
        if let ExprKind::OfModule(module) = &value.kind {
            self.found.folded.push((module.name.clone(), module.range));
        }
        if value.constant.is_some() {
            return;
        }
        match &value.kind {
            ExprKind::Name(name) => self.load(name, Some(value.range)),
            ExprKind::Constant | ExprKind::OfModule(_) => {}
            ExprKind::Tuple { items, .. }
            | ExprKind::List(items)
            | ExprKind::Operation(items)
            | ExprKind::Slice(items) => self.expressions(items),
            ExprKind::Braces(items) => self.braces(items),
            ExprKind::Comprehension(comprehension) => self.comprehension(comprehension),
            ExprKind::Yield(inner) => self.yields(value.range, inner.as_deref(), true),
            ExprKind::YieldFrom(inner) => {
                if self.suspends(value.range, "yield") {
                    self.expression(inner);
                }
            }
            ExprKind::Await(word, inner) => {
                if self.suspends(*word, "await") {
                    self.expression(inner);
                }
            }
            ExprKind::Lambda(function) => {
                self.open(ScopeKind::Lambda, Inside::Function(function));
                self.defaults(&function.params);
            }
            ExprKind::Conditional(parts) => self.expressions(parts.iter()),
            ExprKind::Star(_) => {
                let help = "a star unpacks in a call, as in `f(*values)`, or collects in a target, as in `a, *b = …`";
                self.complain(value.range, "MicroPython cannot unpack here", help);
            }
            ExprKind::Named(parts) => self.named(&parts[0], &parts[1]),
            ExprKind::Postfix { base, trailers } => self.postfix(base, trailers),
        }
    }

    fn yields(&mut self, range: Range, inner: Option<&'a Expr>, used: bool) {
        if !self.suspends(range, "yield") {
            return;
        }
        if used && self.at == self.found.top {
            self.found.received.push(range);
        }
        self.expressions(inner);
    }

    fn braces(&mut self, items: &'a [(Expr, Option<Expr>)]) {
        let is_dict = items.first().is_some_and(|(_, value)| value.is_some());
        for (key, value) in items {
            self.expressions(value);
            self.expression(key);
            if value.is_some() != is_dict {
                let (message, help) = if is_dict {
                    ("this item of the dict has no value", "write `key: value`")
                } else {
                    (
                        "this item of the set has a value",
                        "write only the item, or `key: value` for all of them",
                    )
                };
                self.complain(key.range, message, help);
            }
        }
    }

    fn comprehension(&mut self, comprehension: &'a Comprehension) {
        self.open(ScopeKind::Comprehension, Inside::Comprehension(comprehension));
        if let Some(Clause::For { iterable, .. }) = comprehension.clauses.first() {
            self.expression(iterable);
        }
    }

    pub(super) fn comprehension_body(&mut self, comprehension: &'a Comprehension) {
        for (index, clause) in comprehension.clauses.iter().enumerate() {
            match clause {
                Clause::For { target, iterable } => {
                    if index > 0 {
                        self.expression(iterable);
                    }
                    self.assign(target);
                }
                Clause::If(condition) => self.expression(condition),
            }
        }
        self.expressions(&comprehension.value);
        self.expression(&comprehension.element);
    }

    fn postfix(&mut self, base: &'a Expr, trailers: &'a [Trailer]) {
        self.expression(base);
        let is_super = matches!(&base.kind, ExprKind::Name(name) if name == "super");
        let is_bare_call = matches!(trailers.first(), Some(Trailer::Call(arguments)) if arguments.is_empty());
        if is_super && is_bare_call && self.kind() == ScopeKind::Function {
            self.load("__class__", None);
            let first = self
                .found
                .all
                .get(self.at)
                .and_then(|scope| scope.ids.iter().find(|id| id.is_param));
            let first = first.map(|id| (id.name.clone(), id.written));
            match first {
                Some((name, range)) => self.load(&name, range),
                None => self.complain(
                    base.range,
                    "`super()` needs a method with a first parameter",
                    "add `self`",
                ),
            }
        }
        for trailer in trailers {
            self.trailer(trailer);
        }
    }

    pub(super) fn trailer(&mut self, trailer: &'a Trailer) {
        match trailer {
            Trailer::Call(arguments) | Trailer::Format(arguments) => self.arguments(arguments),
            Trailer::Index(index) => self.expression(index),
            Trailer::Attribute => {}
        }
    }
}
