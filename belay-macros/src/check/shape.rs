//! Checks whether a body fits the signature of its method.

use belay_syntax::Range;

use crate::diag::Errors;
use crate::model::Kind;
use crate::parse::is_unit_result;
use crate::python::Python;

pub(super) fn check(python: &Python<'_>, errors: &mut Errors) {
    let (method, body, analysis) = (python.method, python.body, python.analysis());
    let mut at = |range: Range, message: &str| {
        let (span, message) = python.with_excerpt(range, message);
        errors.at_span(span, message);
    };
    if let (Kind::Task, Some(found)) = (method.kind, analysis.received.first()) {
        at(
            *found,
            "this `yield` always gives `None`, because a stream cannot be sent anything\n\
             help: to be told something between the items, have a parameter that is a stream as well, such as \
             `answers: impl Stream<Item = u32>`, and write `yield …` and `answer = next(answers)`",
        );
    }
    if let (Some(found), false) = (analysis.awaits.first(), analysis.yields.is_empty()) {
        return at(
            *found,
            "a generator cannot `await`: its items are asked for one by one, and no event loop runs between them\n\
             help: `return` a list from a task that awaits, or tell the values by an `#[event]`; what a generator waits for \
             by itself is `time.sleep_ms(…)`",
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
