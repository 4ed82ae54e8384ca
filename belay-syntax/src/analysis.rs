//! What a body does: whether it yields, what it returns, its loops and its names.

use std::collections::HashSet;

use crate::flow::Flow;
use crate::range::Range;
use crate::scope::{Binding, Id, ScopeKind, Scopes};

/// A name and the place of its first occurrence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The name.
    pub name: String,
    /// The place of that occurrence.
    pub range: Range,
}

/// A `return` statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Return {
    /// The whole statement.
    pub range: Range,
    /// The value; `None` if there is none or it is the literal `None`.
    pub value: Option<Range>,
}

/// A module in an `import` or `from … import` statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// Its dotted name; one that is relative begins with dots.
    pub module: String,
    /// The place of that name.
    pub range: Range,
    /// The names in `from module import name`; `Some` of an empty list for `import module`, and `None` for
    /// `import *`.
    pub names: Option<Vec<Name>>,
    /// Whether it is in a `try` or an `except`, so that the body handles its failure.
    pub attempted: bool,
}

/// A `for` or `while` loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loop {
    /// The whole statement, its `else` included.
    pub range: Range,
    /// The statements that are repeated.
    pub body: Range,
    /// Whether it is `while` with a condition that is always true and no `break` of its own.
    pub endless: bool,
}

/// The result of analysing a body: what it does, and which names it uses.
///
/// Yields, awaits, returns and loops are only those of the body's own scope, not those of functions and
/// classes in it. Lists are in the order of the text, and each name occurs once in a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Analysis {
    /// `yield` and `yield from` expressions.
    pub yields: Vec<Range>,
    /// The `yield` expressions whose value is used, as in `x = yield y`.
    pub received: Vec<Range>,
    /// `await` expressions, `async for` and `async with`.
    pub awaits: Vec<Range>,
    /// `return` statements.
    pub returns: Vec<Return>,
    /// Whether the end of the body can be reached, so that it returns `None` there.
    pub end_reachable: bool,
    /// Loops; those of nested functions are not here.
    pub loops: Vec<Loop>,
    /// Names that the body binds in its own scope, parameters and declared globals excluded.
    pub assigned: Vec<Name>,
    /// The names in `assigned` that are bound only by the head of a `for`, a `with` or an `except`.
    pub passing: Vec<String>,
    /// Names that an assignment makes local to the body. Also names that an assignment makes local to a
    /// function in it, if that function never reads them, or reads them before. If there is a global of that
    /// name, these assignments do not change it.
    pub locals: Vec<Name>,
    /// Names that `_NAME = const(…)` defines; they exist only in this text.
    pub private_constants: Vec<Name>,
    /// Functions with `async` whose names nothing else in the text has.
    pub coroutines: Vec<String>,
    /// Calls of a function by its name that ignore the value, also in nested functions. Names that are a
    /// parameter, or that anything but a `def` binds, are left out.
    pub idle_calls: Vec<Name>,
    /// Names that are read from the board's globals, since nothing in the text binds them where they are
    /// read. They include builtins; see [`crate::is_builtin`].
    pub free: Vec<Name>,
    /// Names declared with `global` that are also assigned, by the body or by a function in it.
    pub globals: Vec<Name>,
    /// All imports, those in functions and classes included. The imports of the text's own scope come first.
    pub imports: Vec<Import>,
    /// Parameters that are never read.
    pub unused_params: Vec<String>,
}

impl Analysis {
    /// Whether the body is a generator.
    pub fn is_generator(&self) -> bool {
        !self.yields.is_empty()
    }

    /// Whether there is a `from module import *`, after which any name may be defined.
    pub fn has_star_import(&self) -> bool {
        self.imports.iter().any(|import| import.names.is_none())
    }

    /// Whether some `return` gives a value other than the literal `None`.
    pub fn returns_value(&self) -> bool {
        self.returns.iter().any(|found| found.value.is_some())
    }

    pub(crate) fn new(scopes: &Scopes, flow: Flow) -> Self {
        let named = |(name, range): &(String, Range)| Name {
            name: name.clone(),
            range: *range,
        };
        let top_is_module = scopes.top == 0;
        let top = scopes.all.get(scopes.top);
        let ids = || top.iter().flat_map(|scope| &scope.ids);
        let is_bound = |id: &Id| matches!(id.binding, Binding::Local | Binding::Cell | Binding::Assigned);
        let assigned =
            ids().filter(|id| !id.is_param && (is_bound(id) || (top_is_module && id.written.is_some())));
        let used = used_params(scopes);
        Self {
            yields: scopes.yields.clone(),
            received: scopes.received.clone(),
            awaits: scopes.awaits.clone(),
            returns: flow.returns,
            end_reachable: flow.end_reachable,
            loops: flow.loops,
            assigned: in_order(assigned.filter_map(|id| place(id, id.written))),
            passing: ids()
                .filter(|id| id.written.is_some() && !id.is_param && !id.lasting)
                .map(|id| id.name.clone())
                .collect(),
            locals: locals(scopes),
            private_constants: in_order(scopes.private_constants.iter().map(named)),
            coroutines: coroutines(scopes),
            idle_calls: idle_calls(scopes),
            free: free_names(scopes),
            globals: in_order(all_ids(scopes).filter_map(|(_, id)| {
                let range = id.written.filter(|_| id.binding == Binding::Declared);
                place(id, range)
            })),
            imports: scopes.imports.clone(),
            unused_params: ids()
                .filter(|id| id.is_param && !used.contains(id.name.as_str()))
                .map(|id| id.name.clone())
                .collect(),
        }
    }
}

fn place(id: &Id, range: Option<Range>) -> Option<Name> {
    range.map(|range| Name {
        name: id.name.clone(),
        range,
    })
}

fn all_ids(scopes: &Scopes) -> impl Iterator<Item = (usize, &Id)> {
    scopes
        .all
        .iter()
        .enumerate()
        .flat_map(|(at, scope)| scope.ids.iter().map(move |id| (at, id)))
}

fn locals(scopes: &Scopes) -> Vec<Name> {
    let is_local = |at: usize, id: &Id| {
        let in_function = scopes
            .all
            .get(at)
            .is_some_and(|scope| scope.kind == ScopeKind::Function);
        // A name that is read before it is assigned was probably meant to be the global.
        let before = || match (id.read, id.assigned) {
            (Some(read), Some(assigned)) => read.start <= assigned.start,
            (read, _) => read.is_none(),
        };
        match id.binding {
            Binding::Local => in_function && !id.is_param && (at == scopes.top || before()),
            Binding::Cell => in_function && !id.is_param && at == scopes.top,
            _ => false,
        }
    };
    let found = all_ids(scopes).filter(|(at, id)| is_local(*at, id));
    in_order(found.filter_map(|(_, id)| place(id, id.assigned)))
}

fn coroutines(scopes: &Scopes) -> Vec<String> {
    let functions = || scopes.functions.iter();
    let only = |name: &str| functions().all(|(other, coroutine)| *coroutine || other != name);
    functions()
        .map(|(name, _)| name)
        .filter(|name| only(name))
        .cloned()
        .collect()
}

fn idle_calls(scopes: &Scopes) -> Vec<Name> {
    let others: HashSet<&str> = all_ids(scopes)
        .filter(|(_, id)| id.is_param || id.assigned.is_some())
        .map(|(_, id)| id.name.as_str())
        .collect();
    let calls = scopes.calls.iter();
    let calls = calls.filter(|(name, _)| !others.contains(name.as_str()));
    calls
        .map(|(name, range)| Name {
            name: name.clone(),
            range: *range,
        })
        .collect()
}

/// Names that are read as globals and that the text, as a module, does not define.
fn free_names(scopes: &Scopes) -> Vec<Name> {
    let defined: HashSet<&str> = all_ids(scopes)
        .filter(|(at, id)| {
            let in_module = *at == 0 && matches!(id.binding, Binding::Assigned | Binding::Declared);
            id.written.is_some() && (in_module || id.binding == Binding::Declared)
        })
        .map(|(_, id)| id.name.as_str())
        .collect();
    let bound = all_ids(scopes).filter(|(_, id)| id.written.is_some());
    let bound: HashSet<&str> = bound.map(|(_, id)| id.name.as_str()).collect();
    let folded = scopes
        .folded
        .iter()
        .filter(|(name, _)| !bound.contains(name.as_str()));
    let folded = folded.map(|(name, range)| Name {
        name: name.clone(),
        range: *range,
    });
    in_order(folded.chain(all_ids(scopes).filter_map(|(at, id)| {
        let is_global = match id.binding {
            Binding::Global | Binding::Declared => !scopes.knows(at, &id.name),
            // A class may read a global of a name that it also assigns.
            Binding::Assigned => at == 0,
            _ => false,
        };
        place(
            id,
            id.read
                .filter(|_| is_global && !defined.contains(id.name.as_str())),
        )
    })))
}

/// The parameters of the text's own function that it or a nested function reads.
fn used_params(scopes: &Scopes) -> HashSet<&str> {
    all_ids(scopes)
        .filter(|(at, id)| {
            let here = *at == scopes.top;
            let inner = id.binding == Binding::Free && scopes.owner(*at, &id.name) == Some(scopes.top);
            id.read.is_some() && (here || inner)
        })
        .map(|(_, id)| id.name.as_str())
        .collect()
}

/// Sorts names by their place and keeps the first occurrence of each.
fn in_order(names: impl Iterator<Item = Name>) -> Vec<Name> {
    let mut names: Vec<Name> = names.collect();
    names.sort_by_key(|name| name.range);
    let mut seen = HashSet::new();
    names.retain(|name| seen.insert(name.name.clone()));
    names
}
