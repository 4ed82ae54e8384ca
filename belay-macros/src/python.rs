//! Checks on the Python bodies: their syntax, and whether they do what the signatures say.

use std::collections::HashSet;

use belay_syntax::{Analysis, Diagnostic, LineIndex, Range};
use proc_macro2::{Ident, Span};

use crate::diag::Errors;
use crate::model::{Body, Device, Kind, Method, Origin, Param};
use crate::names;
use crate::parse::is_unit_result;

/// What a thread's body calls to learn whether it has to end.
pub(crate) const STOP: &str = "__stop";

/// A body that was understood.
pub(crate) struct Checked<'a> {
    pub(crate) method: &'a Method,
    pub(crate) body: &'a Body,
    pub(crate) analysis: Analysis,
}

/// Something that is no error, because a board has globals of its own.
pub(crate) enum Warning<'a> {
    /// No body reads the parameter.
    Unused { method: &'a Method, param: &'a Ident },
    /// Something in a body is probably not what is meant.
    Doubtful {
        method: &'a Method,
        span: Span,
        message: String,
    },
}

/// Checks the syntax of all bodies and gives those that are right.
pub(crate) fn parse<'a>(device: &'a Device, errors: &mut Errors) -> Vec<Checked<'a>> {
    let mut checked = Vec::new();
    for method in device.methods() {
        for body in &method.bodies {
            let names: Vec<_> = method.params.iter().map(|param| param.name.as_str()).collect();
            let parsed = if method.kind.is_function() {
                belay_syntax::parse_body(&body.text, &names)
            } else {
                belay_syntax::parse_module(&body.text)
            };
            if parsed.diagnostics.is_empty() {
                if parsed.is_empty() && !body.text.trim().is_empty() {
                    let span = body.lines.first().map_or_else(|| method.span(), |line| line.span);
                    errors.at_span(span, EMPTY);
                } else if body.whole_comment && parsed.is_prose() {
                    let span = body.lines.first().map_or_else(|| method.span(), |line| line.span);
                    errors.at_span(span, PROSE);
                }
                checked.push(Checked {
                    method,
                    body,
                    analysis: parsed.analysis(),
                });
            } else {
                let global = !method.kind.is_function();
                if !(global && report_function(method, body, errors)) {
                    report(body, &parsed.diagnostics, errors);
                }
            }
        }
    }
    checked
}

/// What to say of a body without a statement.
pub(crate) const EMPTY: &str =
    "the Python body has no statement in it\nhelp: write `pass` if it has nothing to do";

/// What to say of a comment that is Python by chance.
const PROSE: &str = "the whole comment is read as Python, because it has no ```python block in it, and as Python \
                     it does nothing\nhelp: put the Python into a ```python block below the description; a call \
                     has parentheses: `led.on()`";

/// Reports what makes a body at global level right in a function only, if it is that.
fn report_function(method: &Method, body: &Body, errors: &mut Errors) -> bool {
    let parsed = belay_syntax::parse_body(&body.text, &[]);
    if !parsed.diagnostics.is_empty() {
        return false;
    }
    let kind = method.kind.attribute();
    let analysis = parsed.analysis();
    for found in &analysis.returns {
        let message = format!(
            "a {kind} runs at global level, where Python has no `return`\n\
             help: what it assigns are globals, which the tasks see; a value for Rust is what a `#[task]` returns"
        );
        let (span, message) = with_excerpt(body, found.range, &message);
        errors.at_span(span, message);
    }
    for found in &analysis.yields {
        let message = format!(
            "a {kind} runs at global level, where Python has no `yield`\n\
             help: a stream of values for Rust is a `#[task]` that returns `impl Stream<Item = Result<T>>`"
        );
        let (span, message) = with_excerpt(body, *found, &message);
        errors.at_span(span, message);
    }
    !analysis.returns.is_empty() || !analysis.yields.is_empty()
}

/// Reports what the parser found in a body.
fn report(body: &Body, diagnostics: &[Diagnostic], errors: &mut Errors) {
    let index = LineIndex::new(&body.text);
    // Prose that is taken for Python goes wrong in its first line, and what follows says nothing new.
    let prose = body.whole_comment
        && diagnostics
            .first()
            .is_some_and(|first| index.line(first.range.start) == 1);
    let count = if prose { 1 } else { diagnostics.len() };
    for diagnostic in &diagnostics[..count] {
        let mut message = format!("Python: {}", diagnostic.message);
        if let Some(help) = &diagnostic.help {
            message += "\nhelp: ";
            message += help;
        }
        if prose {
            message += "\nhelp: the whole comment is read as Python, because it has no ```python block in it";
        }
        let (span, excerpt) = locate(body, &index, diagnostic.range);
        errors.at_span(span, format!("{message}\n{excerpt}"));
    }
}

/// Where a range of a body stands, and the line with carets under the range.
fn locate(body: &Body, index: &LineIndex<'_>, range: Range) -> (Span, String) {
    let at = index.line_column(range.start);
    let text = index.line_text(at.line);
    let origin = body.lines.get(at.line - 1).or(body.lines.last());
    let line = origin.map_or(0, |origin| origin.line);
    let span = origin.map_or_else(Span::call_site, |origin| origin.span);
    let end = range.end.min(index.line_range(at.line).end).max(range.start);
    let width = body
        .text
        .get(range.start..end)
        .map_or(0, |text| text.chars().count());
    // Tabs keep their width, so that the carets stand below what they mean.
    let blanks: String = text
        .chars()
        .take(at.column - 1)
        .map(|letter| if letter == '\t' { '\t' } else { ' ' })
        .collect();
    let number = match &body.file {
        Some(file) => format!("{}:{line}", file.value()),
        None => line.to_string(),
    };
    let gutter = " ".repeat(number.len());
    let carets = "^".repeat(width.max(1));
    (span, format!("{number} | {text}\n{gutter} | {blanks}{carets}"))
}

/// A message with the line it is about.
pub(crate) fn with_excerpt(body: &Body, range: Range, message: &str) -> (Span, String) {
    let (span, excerpt) = locate(body, &LineIndex::new(&body.text), range);
    (span, format!("{message}\n{excerpt}"))
}

/// Checks that a body does what its method's signature says.
pub(crate) fn check_shape(checked: &Checked<'_>, errors: &mut Errors) {
    let Checked {
        method,
        body,
        analysis,
    } = checked;
    let mut at = |range: Range, message: &str| {
        let (span, message) = with_excerpt(body, range, message);
        errors.at_span(span, message);
    };
    if let (Kind::Task, Some(found)) = (method.kind, analysis.received.first()) {
        at(
            *found,
            "this `yield` always gives `None`, because a stream cannot be sent anything\n\
             help: write `yield …` as a statement of its own",
        );
    }
    let value = analysis.returns.iter().find_map(|found| found.value);
    match (method.kind, analysis.yields.first(), value) {
        (Kind::Thread, Some(found), _) => at(
            *found,
            "a `yield` makes this body a generator, which a thread would never run",
        ),
        (Kind::Thread, None, Some(value)) => {
            at(
                value,
                "the value that a thread returns goes nowhere: write `return` alone",
            );
        }
        (Kind::Task, Some(found), _) if method.stream.is_none() => at(
            *found,
            "a `yield` makes this body a generator, but the signature promises one value\n\
             help: return a stream: `fn …(&self) -> impl Stream<Item = Result<T>>`, without `async`",
        ),
        (Kind::Task, Some(_), Some(value)) => at(
            value,
            "the value that a generator returns goes nowhere: `yield` it, or write `return` alone",
        ),
        (Kind::Task, None, _) if method.stream.is_some() => {
            let origin = body.lines.last().map_or_else(|| method.span(), |line| line.span);
            errors.at_span(
                origin,
                "the signature promises a stream, but this body has no `yield`\n\
                 help: `yield` the items, or make it an `async fn` that returns `Result<T>`",
            );
        }
        (Kind::Task, None, Some(value)) if is_unit_result(&method.output) => at(
            value,
            "this value goes nowhere, because the signature says `Result<()>`\n\
             help: say the type of the value in the signature, or write `return` alone",
        ),
        _ => {}
    }
}

/// Whether no body of a task has a `return` with a value, though the signature seems to want one. The compiler
/// then checks that the result can be `None`.
pub(crate) fn never_returns(method: &Method) -> bool {
    let silent = |body: &Body| {
        let parsed = belay_syntax::parse_body(&body.text, &[]);
        let analysis = parsed.analysis();
        let explicit = |found: &belay_syntax::Return| {
            found.value.is_some() || found.range.text(&body.text).trim() != "return"
        };
        parsed.diagnostics.is_empty() && analysis.end_reachable && !analysis.returns.iter().any(explicit)
    };
    method.kind == Kind::Task
        && method.stream.is_none()
        && !is_unit_result(&method.output)
        && !method.bodies.is_empty()
        && method.bodies.iter().all(silent)
}

/// The names that exist in a trait's namespace on the board.
pub(crate) struct Globals<'a> {
    /// The names that setups define, with the setup.
    pub(crate) setups: Vec<(String, &'a Method)>,
    /// The names that bodies declare with `global`.
    declared: HashSet<String>,
    /// The names of tasks.
    pub(crate) tasks: HashSet<String>,
    /// Those of the setups' names that are not only the variables of a loop and the like.
    lasting: HashSet<String>,
    /// The names that MicroPython forgets after it has compiled a setup.
    hidden_constants: Vec<(String, &'a Method)>,
    /// Whether an `import *` may define any name.
    open: bool,
}

impl<'a> Globals<'a> {
    pub(crate) fn of(device: &'a Device, bodies: &[Checked<'a>]) -> Self {
        let mut globals = Self {
            setups: Vec::new(),
            declared: device.options.globals.iter().cloned().collect(),
            tasks: HashSet::new(),
            lasting: HashSet::new(),
            hidden_constants: Vec::new(),
            open: false,
        };
        for method in device.methods() {
            match method.kind {
                Kind::Task => drop(globals.tasks.insert(method.python_name())),
                Kind::Setup => {
                    let names = method.params.iter().map(|param| (param.name.clone(), method));
                    globals.setups.extend(names);
                    let names = method.params.iter().map(|param| param.name.clone());
                    globals.lasting.extend(names);
                }
                Kind::Thread | Kind::Teardown => {}
            }
        }
        for Checked { method, analysis, .. } in bodies {
            globals.declared.extend(names(&analysis.globals));
            globals.open |= analysis.star_import;
            if method.kind == Kind::Setup {
                let with_method = |name| (name, *method);
                globals.setups.extend(names(&analysis.assigned).map(with_method));
                let lasting = names(&analysis.assigned).filter(|name| !analysis.passing.contains(name));
                globals.lasting.extend(lasting);
                let hidden = names(&analysis.private_constants).map(with_method);
                globals.hidden_constants.extend(hidden);
            }
        }
        globals
    }

    /// The setup that defines a name.
    pub(crate) fn setup_of(&self, name: &str) -> Option<&'a Method> {
        let found = self.setups.iter().find(|(other, _)| other == name);
        found.map(|(_, method)| *method)
    }

    /// The setup that defines a name for good.
    pub(crate) fn lasting(&self, name: &str) -> Option<&'a Method> {
        self.setup_of(name).filter(|_| self.lasting.contains(name))
    }

    /// The setup that defines a name as a constant that no other body sees.
    pub(crate) fn hidden_constant(&self, name: &str) -> Option<&'a Method> {
        let found = self.hidden_constants.iter().find(|(other, _)| other == name);
        found.map(|(_, method)| *method)
    }

    pub(crate) fn defines(&self, name: &str) -> bool {
        self.declared.contains(name) || self.tasks.contains(name) || self.setup_of(name).is_some()
    }
}

fn names(found: &[belay_syntax::Name]) -> impl Iterator<Item = String> {
    found.iter().map(|found| found.name.clone())
}

/// What is suspicious and may be right nevertheless. `all_parsed` says whether the bodies are all there: names
/// would be missing otherwise.
pub(crate) fn warnings<'a>(
    device: &'a Device,
    bodies: &[Checked<'a>],
    globals: &Globals<'a>,
) -> Vec<Warning<'a>> {
    let mut warnings = Vec::new();
    for method in device.methods() {
        for param in &method.params {
            if is_unused(method, param, bodies) {
                warnings.push(Warning::Unused {
                    method,
                    param: &param.ident,
                });
            }
        }
    }
    for checked in bodies {
        if !globals.open {
            names::undefined(device, checked, globals, &mut warnings);
        }
        names::local(checked, globals, &mut warnings);
        names::idle(checked, bodies, &mut warnings);
    }
    warnings
}

/// Whether no body reads a parameter. Those of a setup are globals, which every body can read.
fn is_unused(method: &Method, param: &Param, bodies: &[Checked<'_>]) -> bool {
    /// Builtins that can read any variable.
    const READERS: [&str; 5] = ["locals", "globals", "eval", "exec", "dir"];
    let mut concerned = bodies
        .iter()
        .filter(|checked| std::ptr::eq(checked.method, method) || method.kind == Kind::Setup)
        .peekable();
    let reads = |checked: &Checked<'_>| {
        let analysis = &checked.analysis;
        let free = |name: &str| analysis.free.iter().any(|free| free.name == name);
        let read = if method.kind.is_function() {
            !analysis.unused_params.contains(&param.name)
        } else {
            free(&param.name)
        };
        read || READERS.into_iter().any(free)
    };
    !param.name.starts_with('_') && concerned.peek().is_some() && !concerned.any(reads)
}

/// The names of the tasks that a method's bodies mention.
pub(crate) fn uses(method: &Method, tasks: &HashSet<String>) -> Vec<String> {
    let mut uses = Vec::new();
    let names: Vec<_> = method.params.iter().map(|param| param.name.as_str()).collect();
    for body in &method.bodies {
        let parsed = if method.kind.is_function() {
            belay_syntax::parse_body(&body.text, &names)
        } else {
            belay_syntax::parse_module(&body.text)
        };
        for found in parsed.analysis().free {
            let own = method.kind == Kind::Task && found.name == method.python_name();
            if tasks.contains(&found.name) && !own && !uses.contains(&found.name) {
                uses.push(found.name);
            }
        }
    }
    uses
}

/// A body as it goes to the board, with the line of its file for each of its lines.
pub(crate) struct Source {
    pub(crate) text: String,
    pub(crate) lines: Vec<u32>,
}

/// Makes of a body what goes to the board.
pub(crate) fn source(method: &Method, body: &Body) -> Source {
    let mut text = format!("{}\n", body.text);
    let mut lines: Vec<u32> = body.lines.iter().map(|origin: &Origin| origin.line).collect();
    if method.kind == Kind::Thread && !method.options.manual_stop {
        text = belay_syntax::insert_stop_points(&text, STOP);
    }
    if method.kind.is_function() {
        let stop = (method.kind == Kind::Thread).then_some(STOP);
        let params = stop
            .into_iter()
            .chain(method.params.iter().map(|param| param.name.as_str()));
        let params: Vec<_> = params.collect();
        let head = format!("def {}({}):\n", method.python_name(), params.join(", "));
        text = head + &belay_syntax::indent(&text);
        let line = method.span().start().line;
        lines.insert(
            0,
            if body.file.is_some() {
                0
            } else {
                u32::try_from(line).unwrap_or(0)
            },
        );
    }
    if method.options.minify == Some(false) {
        return Source { text, lines };
    }
    let minified = belay_syntax::minify(&text);
    let origin = |line: &u32| {
        let index = usize::try_from(*line).unwrap_or(0);
        lines.get(index.wrapping_sub(1)).copied().unwrap_or(0)
    };
    Source {
        text: minified.code,
        lines: minified.lines.iter().map(origin).collect(),
    }
}
