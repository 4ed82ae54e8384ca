//! Scopes and names: the errors that MicroPython reports after parsing, and which scope each name belongs to.
//!
//! A scope is walked completely before the functions in it, because only its end shows which names are local.
//! Code under a condition that is known to be false is not checked at all, as in MicroPython.

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

/// Help for an `await` in the wrong place.
const IN_ASYNC: &str = "put it into an `async def`, and run that with `asyncio.run(…)`";

/// The context in which a text is parsed.
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
    /// The names in the order of their first occurrence.
    pub(crate) ids: Vec<Id>,
    by_name: HashMap<String, usize>,
    /// Whether it is `async`, or has contained a `yield` so far.
    generates: bool,
    is_async: bool,
    /// Names that are defined only in this scope, because its text is in a dialect of Python.
    pub(crate) dialect: &'static [&'static str],
}

/// A scope whose contents still have to be walked.
#[derive(Clone, Copy)]
enum Inside<'a> {
    Block(&'a Block),
    Function(&'a Function),
    Comprehension(&'a Comprehension),
}

/// The results for a text.
#[derive(Default)]
pub(crate) struct Scopes {
    /// All scopes; the first is the module's.
    pub(crate) all: Vec<Scope>,
    /// The scope of the text itself.
    pub(crate) top: usize,
    pub(crate) yields: Vec<Range>,
    /// The yields whose value is used.
    pub(crate) received: Vec<Range>,
    pub(crate) awaits: Vec<Range>,
    /// The functions that are not methods: their names, and whether a call returns a coroutine.
    pub(crate) functions: Vec<(String, bool)>,
    /// Calls of a name whose value is ignored.
    pub(crate) calls: Vec<(String, Range)>,
    pub(crate) imports: Vec<Import>,
    /// Constants that exist only in this text.
    pub(crate) private_constants: Vec<(String, Range)>,
    /// Modules of which only a constant is used; some boards need no import for that.
    pub(crate) folded: Vec<(String, Range)>,
    pub(crate) diagnostics: Vec<Diagnostic>,
}

struct Checker<'a> {
    found: Scopes,
    queue: VecDeque<(usize, Inside<'a>, bool)>,
    /// The index of the current scope.
    at: usize,
    /// The number of enclosing loops in this scope.
    loops: usize,
    /// The number of enclosing `try` statements in this scope.
    attempts: usize,
    /// Whether this is inside a statement that could not be parsed. Nothing is reported there, since the
    /// meaning is unknown.
    quiet: bool,
    /// How the names that are stored are being bound.
    how: How,
}

/// How a name is bound.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    /// `=`, `+=`, or `:=`.
    Assignment,
    /// By the head of a `for`, a `with` or an `except`, for its block only.
    Passing,
    /// By an import or a definition.
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

    /// Opens a scope in the current one; it will be walked after it.
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

    /// Runs `walk`; names that are stored in it count as bound in this way.
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

    /// A `yield` or an `await`, which is allowed only in functions.
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

    /// Reports an `await` in a function without `async`. MicroPython treats it as a `yield from`, so that a
    /// call of the function runs none of its code.
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

    /// Reports code that MicroPython accepts but nobody means.
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
