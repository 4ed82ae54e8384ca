//! The source that is sent to the board for a body, and what the runtime needs to know of it.

use std::collections::HashSet;

use crate::model::{Kind, Method};
use crate::parse::is_unit_result;
use crate::python::{Module, Program, Python};

/// The function that a thread's body calls to learn whether it has to stop.
pub(crate) const STOP: &str = "__stop";

/// The function that wraps an `async def` so that it can be called. The namespace of every trait with such a body has
/// it.
const AWAITS: &str = "_belay_awaits";

/// A body as it is sent to the board, with the line number in the user's file for each of its lines.
pub(crate) struct Source {
    pub(crate) text: String,
    pub(crate) lines: Vec<u32>,
}

impl Source {
    /// The same with one more line, which comes from no file.
    fn with_last(mut self, last: Option<String>) -> Self {
        if let Some(last) = last {
            self.text.push_str(&last);
            self.lines.push(0);
        }
        self
    }
}

/// The source that is sent to the board for a body.
pub(crate) fn source(python: &Python<'_>) -> Source {
    let Python { method, body, parsed } = python;
    let thread = method.kind == Kind::Thread;
    let name = method.python_name();
    let mut params = method.param_names();
    if thread {
        params.insert(0, STOP);
    }
    let mut rewrite = parsed.rewrite();
    if thread && !method.options.manual_stop {
        rewrite = rewrite.stop_points(STOP);
    }
    let mut lines: Vec<u32> = body.lines.iter().map(|origin| origin.line).collect();
    let head = match &body.file {
        Some(_) => 0,
        None => u32::try_from(method.span().start().line).unwrap_or(0),
    };
    if method.kind.is_function() {
        rewrite = rewrite.function(&name, &params);
    }
    if python.awaits() {
        rewrite = rewrite.asynchronous();
    }
    let last = python.awaits().then(|| {
        let watched = u8::from(thread && !method.options.manual_stop);
        format!("{name}={AWAITS}({name},{watched})\n")
    });
    if method.options.minify == Some(false) {
        if method.kind.is_function() {
            lines.insert(0, head);
        }
        let text = rewrite.text() + "\n";
        return Source { text, lines }.with_last(last);
    }
    let minified = rewrite.minify();
    let origin = |line: &u32| match usize::try_from(*line) {
        Ok(0) => head,
        Ok(line) => lines.get(line - 1).copied().unwrap_or(0),
        Err(_) => 0,
    };
    Source {
        text: minified.code,
        lines: minified.lines.iter().map(origin).collect(),
    }
    .with_last(last)
}

/// The source that is sent to the board for a module.
pub(crate) fn module(module: &Module<'_>) -> Source {
    let minified = module.parsed.rewrite().minify();
    Source {
        text: minified.code,
        lines: minified.lines,
    }
}

/// The names of the tasks that a method's bodies use.
pub(crate) fn uses(program: &Program<'_>, method: &Method, tasks: &HashSet<String>) -> Vec<String> {
    let mut uses = Vec::new();
    for found in program.of(method).flat_map(|python| &python.analysis().free) {
        let own = method.kind == Kind::Task && found.name == method.python_name();
        if tasks.contains(&found.name) && !own && !uses.contains(&found.name) {
            uses.push(found.name.clone());
        }
    }
    uses
}

/// Whether no body of a task returns a value, although the signature seems to promise one. If so, the generated code
/// has the compiler check that the result can be `None`.
pub(crate) fn never_returns(program: &Program<'_>, method: &Method) -> bool {
    let silent = |python: &Python<'_>| {
        let analysis = python.analysis();
        let explicit = |found: &belay_syntax::Return| {
            found.value.is_some() || found.range.text(&python.body.text).trim() != "return"
        };
        python.is_sound() && analysis.end_reachable && !analysis.returns.iter().any(explicit)
    };
    method.kind == Kind::Task
        && method.stream.is_none()
        && !is_unit_result(&method.output)
        && !method.bodies.is_empty()
        && program.of(method).all(silent)
}
