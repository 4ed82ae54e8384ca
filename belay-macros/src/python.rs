//! The bodies of a trait. Each is parsed once; all checks and the code generation use the result.

use std::collections::HashSet;

use belay_syntax::{Analysis, Import, LineIndex, Parsed, Range};
use proc_macro2::Span;

use crate::model::{Body, Device, Method, ModuleFile};

/// A trait with its parsed bodies and modules.
pub(crate) struct Program<'a> {
    pub(crate) device: &'a Device,
    bodies: Vec<Python<'a>>,
    modules: Vec<Module<'a>>,
}

/// A parsed module that the trait brings.
pub(crate) struct Module<'a> {
    pub(crate) file: &'a ModuleFile,
    pub(crate) parsed: Parsed<'a>,
}

/// A parsed body.
pub(crate) struct Python<'a> {
    pub(crate) method: &'a Method,
    pub(crate) body: &'a Body,
    pub(crate) parsed: Parsed<'a>,
}

impl<'a> Program<'a> {
    /// Parses all bodies and modules. Nothing else in this crate parses Python.
    pub(crate) fn parse(device: &'a Device) -> Self {
        let bodies = device
            .methods()
            .flat_map(|method| method.bodies.iter().map(move |body| Python::parse(method, body)));
        let modules = device.modules.iter().map(|file| Module {
            file,
            parsed: belay_syntax::parse_module(&file.text),
        });
        Self {
            device,
            bodies: bodies.collect(),
            modules: in_order(modules.collect()),
        }
    }

    /// The modules that the trait brings. Each comes after those that it imports, unless they import each other.
    pub(crate) fn modules(&self) -> &[Module<'a>] {
        &self.modules
    }

    /// The names that `from name import *` takes from a module of the trait; nothing if they are not all known.
    pub(crate) fn exports(&self, name: &str) -> Option<Vec<String>> {
        let mut names = Vec::new();
        self.export(name, &mut Vec::new(), &mut names).then_some(names)
    }

    /// Adds the names of a module to `names`. Returns whether all of them are known.
    fn export(&self, name: &str, seen: &mut Vec<String>, names: &mut Vec<String>) -> bool {
        if seen.iter().any(|seen| seen == name) {
            return true;
        }
        seen.push(name.to_owned());
        let Some(module) = self.modules.iter().find(|module| module.file.name() == name) else {
            return false;
        };
        let analysis = module.parsed.analysis();
        let own = analysis
            .assigned
            .iter()
            .chain(&analysis.globals)
            .map(|own| &own.name);
        names.extend(own.filter(|own| !own.starts_with('_')).cloned());
        let mut stars = analysis.imports.iter().filter(|import| import.names.is_none());
        stars.all(|import| {
            let target = module.target(import);
            target.is_some_and(|target| self.export(&target, seen, names))
        })
    }

    /// All bodies.
    pub(crate) fn bodies(&self) -> &[Python<'a>] {
        &self.bodies
    }

    /// The bodies that are valid Python.
    pub(crate) fn sound(&self) -> impl Iterator<Item = &Python<'a>> + Clone {
        self.bodies.iter().filter(|python| python.is_sound())
    }

    /// The bodies of one method.
    pub(crate) fn of(&self, method: &Method) -> impl Iterator<Item = &Python<'a>> {
        self.bodies
            .iter()
            .filter(move |python| std::ptr::eq(python.method, method))
    }
}

impl Module<'_> {
    /// The absolute name of an imported module; nothing if a relative import leads out of this module's packages.
    pub(crate) fn target(&self, import: &Import) -> Option<String> {
        let rest = import.module.trim_start_matches('.');
        let dots = import.module.len() - rest.len();
        if dots == 0 {
            return Some(rest.to_owned());
        }
        let own = self.file.name();
        let mut package: Vec<&str> = own.split('.').collect();
        let kept = package
            .len()
            .checked_sub(dots - usize::from(self.file.is_package()));
        // A module at the top level is in no package.
        package.truncate(kept.filter(|kept| *kept > 0)?);
        package.extend(rest.split('.').filter(|name| !name.is_empty()));
        Some(package.join("."))
    }

    /// Adds the place and the line of the file to a message.
    pub(crate) fn with_excerpt(&self, range: Range, message: &str) -> String {
        let index = LineIndex::new(&self.file.text);
        let at = index.line_column(range.start);
        let place = format!("{}:{}:{}", self.file.file, at.line, at.column);
        format!("{message}\n{}", excerpt(&self.file.text, &index, range, &place))
    }
}

impl<'a> Python<'a> {
    fn parse(method: &'a Method, body: &'a Body) -> Self {
        #[cfg(test)]
        PARSES.set(PARSES.get() + 1);
        let parsed = if method.kind.is_function() {
            of_a_function(&body.text, &method.param_names())
        } else {
            belay_syntax::parse_module(&body.text)
        };
        Self { method, body, parsed }
    }

    /// Whether the body is valid Python.
    pub(crate) fn is_sound(&self) -> bool {
        self.parsed.diagnostics.is_empty()
    }

    pub(crate) fn analysis(&self) -> &Analysis {
        self.parsed.analysis()
    }

    /// Whether the body becomes an `async def` on the board.
    pub(crate) fn awaits(&self) -> bool {
        self.method.kind.is_function() && !self.analysis().awaits.is_empty()
    }

    /// The span of a range of the body, and the message with its line added.
    pub(crate) fn with_excerpt(&self, range: Range, message: &str) -> (Span, String) {
        let (span, excerpt) = self.locate(&LineIndex::new(&self.body.text), range);
        (span, format!("{message}\n{excerpt}"))
    }

    /// The span of a range of the body, and its line with carets under the range.
    fn locate(&self, index: &LineIndex<'_>, range: Range) -> (Span, String) {
        let body = self.body;
        let at = index.line_column(range.start);
        let origin = body.lines.get(at.line - 1).or(body.lines.last());
        let line = origin.map_or(0, |origin| origin.line);
        let span = origin.map_or_else(Span::call_site, |origin| origin.span);
        let place = match &body.file {
            Some(file) => format!("{}:{line}", file.value()),
            None => line.to_string(),
        };
        (span, excerpt(&body.text, index, range, &place))
    }
}

/// Parses the body of a function; as that of an `async def` if it awaits.
fn of_a_function<'a>(text: &'a str, params: &[&str]) -> Parsed<'a> {
    let parsed = belay_syntax::parse_body(text, params);
    if parsed.analysis().awaits.is_empty() {
        return parsed;
    }
    parsed.as_async_body(params)
}

/// Sorts the modules so that each comes after those that it imports.
fn in_order(modules: Vec<Module<'_>>) -> Vec<Module<'_>> {
    let names: Vec<String> = modules.iter().map(|module| module.file.name()).collect();
    let mut order = Vec::new();
    let mut seen = HashSet::new();
    for at in 0..modules.len() {
        visit(at, &modules, &names, &mut seen, &mut order);
    }
    let mut modules: Vec<_> = modules.into_iter().map(Some).collect();
    order.into_iter().filter_map(|at| modules[at].take()).collect()
}

fn visit(
    at: usize,
    modules: &[Module<'_>],
    names: &[String],
    seen: &mut HashSet<usize>,
    order: &mut Vec<usize>,
) {
    if !seen.insert(at) {
        return;
    }
    for import in &modules[at].parsed.analysis().imports {
        let Some(target) = modules[at].target(import) else {
            continue;
        };
        // An import from a package may import one of its modules. The packages that contain a module are imported with
        // it.
        let inner = import
            .names
            .iter()
            .flatten()
            .map(|name| format!("{target}.{}", name.name));
        let around = target.match_indices('.').filter_map(|(at, _)| target.get(..at));
        let all: Vec<String> = around
            .map(str::to_owned)
            .chain([target.clone()])
            .chain(inner)
            .collect();
        for name in all {
            if let Some(other) = names.iter().position(|known| *known == name) {
                visit(other, modules, names, seen, order);
            }
        }
    }
    order.push(at);
}

/// The line in which a range begins, after the name of its place, with carets under the range.
fn excerpt(source: &str, index: &LineIndex<'_>, range: Range, place: &str) -> String {
    let at = index.line_column(range.start);
    let text = index.line_text(at.line);
    let end = range.end.min(index.line_range(at.line).end).max(range.start);
    let width = source
        .get(range.start..end)
        .map_or(0, |text| text.chars().count());
    // Keep tabs, so that the carets stand under the range.
    let blanks: String = text
        .chars()
        .take(at.column - 1)
        .map(|letter| if letter == '\t' { '\t' } else { ' ' })
        .collect();
    let gutter = " ".repeat(place.len());
    let carets = "^".repeat(width.max(1));
    format!("{place} | {text}\n{gutter} | {blanks}{carets}")
}

#[cfg(test)]
thread_local! {
    /// How many bodies were parsed on this thread.
    pub(crate) static PARSES: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}
