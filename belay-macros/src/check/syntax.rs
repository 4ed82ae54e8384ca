//! Checks for bodies that are not valid Python, or are so only by chance.

use belay_syntax::LineIndex;

use crate::body::EMPTY;
use crate::diag::Errors;
use crate::python::{Program, Python};

/// The error message for a doc comment that is valid Python only by chance.
const PROSE: &str = "the whole comment is read as Python, because it has no ```python block in it, and as Python \
                     it does nothing\nhelp: put the Python into a ```python block below the description; a call \
                     has parentheses: `led.on()`";

/// Reports the errors in bodies.
pub(super) fn check(program: &Program<'_>, errors: &mut Errors) {
    for python in program.bodies() {
        if python.is_sound() {
            idle(python, errors);
        } else if python.method.kind.is_function() || !of_a_function(python, errors) {
            report(python, errors);
        }
    }
}

/// Reports a body that has no effect.
fn idle(python: &Python<'_>, errors: &mut Errors) {
    let Python { method, body, parsed } = python;
    let message = if parsed.is_empty() && !body.text.trim().is_empty() {
        EMPTY
    } else if body.whole_comment && parsed.is_prose() {
        PROSE
    } else {
        return;
    };
    let span = body.lines.first().map_or_else(|| method.span(), |line| line.span);
    errors.at_span(span, message);
}

/// If a body at global level would be valid in a function, reports what makes it invalid here. Returns whether it did.
fn of_a_function(python: &Python<'_>, errors: &mut Errors) -> bool {
    let mut parsed = python.parsed.as_body(&[]);
    if !parsed.analysis().awaits.is_empty() {
        parsed = parsed.as_async_body(&[]);
    }
    if !parsed.diagnostics.is_empty() {
        return false;
    }
    let kind = python.method.kind.attribute();
    let analysis = parsed.analysis();
    for found in &analysis.returns {
        let message = format!(
            "a {kind} runs at global level, where Python has no `return`\n\
             help: what it assigns are globals, which the tasks see; a value for Rust is what a `#[task]` returns"
        );
        let (span, message) = python.with_excerpt(found.range, &message);
        errors.at_span(span, message);
    }
    for found in &analysis.yields {
        let message = format!(
            "a {kind} runs at global level, where Python has no `yield`\n\
             help: a stream of values for Rust is a `#[task]` that returns `impl Stream<Item = Result<T>>`"
        );
        let (span, message) = python.with_excerpt(*found, &message);
        errors.at_span(span, message);
    }
    for found in &analysis.awaits {
        let message = format!(
            "a {kind} runs at global level, where nothing can `await`\n\
             help: a `#[task]` or a `#[thread]` can; or put it into an `async def`, and run that with `asyncio.run(…)`"
        );
        let (span, message) = python.with_excerpt(*found, &message);
        errors.at_span(span, message);
    }
    !(analysis.returns.is_empty() && analysis.yields.is_empty() && analysis.awaits.is_empty())
}

/// Reports the parser's errors in a body.
fn report(python: &Python<'_>, errors: &mut Errors) {
    let diagnostics = &python.parsed.diagnostics;
    // If prose is taken for Python, the first error is in its first line, and the later ones add nothing.
    let lines = LineIndex::new(&python.body.text);
    let in_first_line = diagnostics
        .first()
        .is_some_and(|first| lines.line(first.range.start) == 1);
    let prose = python.body.whole_comment && in_first_line;
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
        let (span, message) = python.with_excerpt(diagnostic.range, &message);
        errors.at_span(span, message);
    }
}
