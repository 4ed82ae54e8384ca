//! What a body does: whether it yields, what it returns, its loops and its names.

use std::collections::HashSet;

use crate::flow::Flow;
use crate::range::Range;
use crate::scope::{Binding, Id, Scopes};

/// A name and the place where it was first met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The name.
    pub name: String,
    /// Where it stands.
    pub range: Range,
}

/// A `return` statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Return {
    /// The whole statement.
    pub range: Range,
    /// The value, unless there is none or it is the literal `None`.
    pub value: Option<Range>,
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

/// What a body does and which names it uses.
///
/// Yields, awaits, returns and loops are those of the body's own scope: what a nested function or class does is its
/// own business. Lists are in the order of the text, and a name occurs once in a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Analysis {
    /// `yield` and `yield from` expressions.
    pub yields: Vec<Range>,
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
    /// Names that are read from the board's globals: nothing in the text binds them where they are read. Builtins
    /// are among them; see [`crate::is_builtin`].
    pub free: Vec<Name>,
    /// Names declared with `global` that are also assigned, by the body or by a function in it.
    pub globals: Vec<Name>,
    /// Modules that are imported, by their dotted names.
    pub imports: Vec<Name>,
    /// Whether there is a `from module import *`, after which any name may be defined.
    pub star_import: bool,
    /// Parameters that are never read.
    pub unused_params: Vec<String>,
}

impl Analysis {
    /// Whether the body is a generator.
    pub fn is_generator(&self) -> bool {
        !self.yields.is_empty()
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
            awaits: scopes.awaits.clone(),
            returns: flow.returns,
            end_reachable: flow.end_reachable,
            loops: flow.loops,
            assigned: in_order(assigned.filter_map(|id| place(id, id.written))),
            free: free_names(scopes),
            globals: in_order(all_ids(scopes).filter_map(|(_, id)| {
                let range = id.written.filter(|_| id.binding == Binding::Declared);
                place(id, range)
            })),
            imports: in_order(scopes.imports.iter().map(named)),
            star_import: scopes.star_import,
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

/// Names that are read as globals and that the module, so far as it is in the text, does not define.
fn free_names(scopes: &Scopes) -> Vec<Name> {
    let defined: HashSet<&str> = all_ids(scopes)
        .filter(|(at, id)| {
            let in_module = *at == 0 && matches!(id.binding, Binding::Assigned | Binding::Declared);
            id.written.is_some() && (in_module || id.binding == Binding::Declared)
        })
        .map(|(_, id)| id.name.as_str())
        .collect();
    in_order(all_ids(scopes).filter_map(|(at, id)| {
        let is_global = match id.binding {
            Binding::Global | Binding::Declared => true,
            // A class that reads a name which it also assigns.
            Binding::Assigned => at == 0,
            _ => false,
        };
        place(
            id,
            id.read
                .filter(|_| is_global && !defined.contains(id.name.as_str())),
        )
    }))
}

/// Parameters of the text's own function that it, or a function in it, reads.
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

/// Sorts names by their place and keeps the first of each.
fn in_order(names: impl Iterator<Item = Name>) -> Vec<Name> {
    let mut names: Vec<Name> = names.collect();
    names.sort_by_key(|name| name.range);
    let mut seen = HashSet::new();
    names.retain(|name| seen.insert(name.name.clone()));
    names
}
