//! Scopes and names: what MicroPython refuses after it has parsed a text, and which name belongs where.
//!
//! A scope is walked as a whole before the functions in it, because whether a name is local shows only at its end.
//! What is under a condition that is known to be false is not looked at at all, as in MicroPython.

mod assign;
mod function;
mod names;
mod walk;

use std::collections::{HashMap, VecDeque};

use crate::Diagnostic;
use crate::analysis::Import;
use crate::ast::{Block, Comprehension, Expr, Function};
use crate::range::Range;
pub(crate) use names::{Binding, Id};

/// Where an `await` belongs.
const IN_ASYNC: &str = "put it into an `async def`, and run that with `asyncio.run(…)`";

/// What a text is parsed as.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outer<'a> {
    Module,
    Function { params: &'a [&'a str], is_async: bool },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScopeKind {
    Module,
    Function,
    Lambda,
    Class,
    Comprehension,
}

pub(crate) struct Scope {
    pub(crate) kind: ScopeKind,
    pub(crate) parent: Option<usize>,
    /// The names in the order in which they were met.
    pub(crate) ids: Vec<Id>,
    by_name: HashMap<String, usize>,
    /// Whether it is `async`, or has yielded already.
    generates: bool,
    is_async: bool,
    /// Names that only this scope knows, because its text is no ordinary Python.
    pub(crate) dialect: &'static [&'static str],
}

/// What is left to be walked of a scope.
#[derive(Clone, Copy)]
enum Inside<'a> {
    Block(&'a Block),
    Function(&'a Function),
    Comprehension(&'a Comprehension),
}

/// What was found out about a text.
#[derive(Default)]
pub(crate) struct Scopes {
    /// The module's is the first.
    pub(crate) all: Vec<Scope>,
    /// The scope of the text itself.
    pub(crate) top: usize,
    pub(crate) yields: Vec<Range>,
    /// Those of the yields that have their value used.
    pub(crate) received: Vec<Range>,
    pub(crate) awaits: Vec<Range>,
    /// The functions that are no methods: their names, and whether calling one makes a coroutine.
    pub(crate) functions: Vec<(String, bool)>,
    /// Calls of a name whose value is not used.
    pub(crate) calls: Vec<(String, Range)>,
    pub(crate) imports: Vec<Import>,
    /// Constants that can be seen in the text and nowhere else.
    pub(crate) private_constants: Vec<(String, Range)>,
    /// Modules that only a constant was taken from, which needs no import on some boards.
    pub(crate) folded: Vec<(String, Range)>,
    pub(crate) diagnostics: Vec<Diagnostic>,
}

struct Checker<'a> {
    found: Scopes,
    queue: VecDeque<(usize, Inside<'a>, bool)>,
    /// The scope that is walked.
    at: usize,
    /// How many loops are around, in this scope.
    loops: usize,
    /// How many `try` statements are around, in this scope.
    attempts: usize,
    /// Inside a statement that could not be parsed, whose meaning is anybody's guess: nothing is reported.
    quiet: bool,
    /// What binds the names that are stored.
    how: How,
}

/// What binds a name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    /// `=`, `+=`, or `:=`.
    Assignment,
    /// The head of a `for`, a `with` or an `except`, for as long as its block lasts.
    Passing,
    /// An import or a definition.
    Definition,
}

/// Checks a parsed text.
pub(crate) fn check(block: &Block, outer: Outer<'_>) -> Scopes {
    let mut checker = Checker {
        found: Scopes::default(),
        queue: VecDeque::new(),
        at: 0,
        loops: 0,
        attempts: 0,
        quiet: false,
        how: How::Definition,
    };
    let module = checker.new_scope(ScopeKind::Module, None);
    let top = match outer {
        Outer::Module => module,
        Outer::Function { params, is_async } => {
            let scope = checker.new_scope(ScopeKind::Function, Some(module));
            checker.at = scope;
            checker.set_async(scope, is_async);
            for param in params {
                checker.declare_param(param, Range::default());
            }
            scope
        }
    };
    checker.found.top = top;
    checker.queue.push_back((top, Inside::Block(block), false));
    while let Some((scope, inside, quiet)) = checker.queue.pop_front() {
        checker.at = scope;
        checker.loops = 0;
        checker.attempts = 0;
        checker.quiet = quiet;
        checker.scope(inside);
        checker.found.close_over_globals(scope);
    }
    checker.found
}

impl<'a> Checker<'a> {
    fn new_scope(&mut self, kind: ScopeKind, parent: Option<usize>) -> usize {
        self.found.all.push(Scope {
            kind,
            parent,
            ids: Vec::new(),
            by_name: HashMap::new(),
            generates: false,
            is_async: false,
            dialect: &[],
        });
        self.found.all.len() - 1
    }

    /// Opens a scope in the current one, to be walked after it.
    fn open(&mut self, kind: ScopeKind, inside: Inside<'a>) -> usize {
        let scope = self.new_scope(kind, Some(self.at));
        self.queue.push_back((scope, inside, self.quiet));
        scope
    }

    fn scope(&mut self, inside: Inside<'a>) {
        match inside {
            Inside::Block(block) => {
                if self.kind() == ScopeKind::Class {
                    self.add("__class__", Binding::Local, Range::default());
                    self.load("__name__", None);
                    self.store("__module__", None);
                    self.store("__qualname__", None);
                }
                self.block(block);
            }
            Inside::Function(function) => self.function_body(function),
            Inside::Comprehension(comprehension) => self.comprehension_body(comprehension),
        }
    }

    fn kind(&self) -> ScopeKind {
        self.found
            .all
            .get(self.at)
            .map_or(ScopeKind::Module, |scope| scope.kind)
    }

    fn set_generates(&mut self, generates: bool) {
        if let Some(scope) = self.found.all.get_mut(self.at) {
            scope.generates |= generates;
        }
    }

    fn set_async(&mut self, scope: usize, is_async: bool) {
        if let Some(scope) = self.found.all.get_mut(scope) {
            scope.generates |= is_async;
            scope.is_async = is_async;
        }
    }

    /// Runs `walk`, in which names are bound like this.
    fn bound_by(&mut self, how: How, walk: impl FnOnce(&mut Self)) {
        let before = std::mem::replace(&mut self.how, how);
        walk(self);
        self.how = before;
    }

    fn complain(&mut self, range: Range, message: impl Into<String>, help: impl Into<String>) {
        if !self.quiet {
            self.found.diagnostics.push(Diagnostic {
                range,
                message: message.into(),
                help: Some(help.into()),
                accepted: false,
            });
        }
    }

    /// A `yield` or an `await`, which only functions can have.
    fn suspends(&mut self, range: Range, word: &str) -> bool {
        if !matches!(self.kind(), ScopeKind::Function | ScopeKind::Lambda) {
            let place = if self.kind() == ScopeKind::Comprehension {
                "inside a comprehension"
            } else if word == "await" {
                "outside an `async def`"
            } else {
                "outside a function"
            };
            let help = if self.kind() == ScopeKind::Comprehension {
                "write a `for` loop instead of the comprehension"
            } else if word == "await" {
                IN_ASYNC
            } else {
                "move it into a function"
            };
            self.complain(range, format!("`{word}` {place}"), help);
            return false;
        }
        if word == "await" {
            self.outside_async(range);
        }
        self.set_generates(true);
        if self.at == self.found.top {
            let list = if word == "yield" {
                &mut self.found.yields
            } else {
                &mut self.found.awaits
            };
            list.push(range);
        }
        true
    }

    /// Complains about an `await` in a function without `async`. MicroPython takes it for a `yield from`, so that
    /// calling the function runs nothing of it.
    fn outside_async(&mut self, range: Range) {
        let is_async = self.found.all.get(self.at).is_some_and(|scope| scope.is_async);
        if !is_async {
            self.doubt(
                range,
                "`await` outside an `async def`: nothing would wait here",
                IN_ASYNC,
            );
        }
    }

    /// Complains about what MicroPython accepts and nobody means.
    fn doubt(&mut self, range: Range, message: &str, help: &str) {
        if !self.quiet {
            self.found.diagnostics.push(Diagnostic {
                range,
                message: message.to_owned(),
                help: Some(help.to_owned()),
                accepted: true,
            });
        }
    }

    fn expressions(&mut self, list: impl IntoIterator<Item = &'a Expr>) {
        for expression in list {
            self.expression(expression);
        }
    }
}
