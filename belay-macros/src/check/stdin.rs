//! Bodies that would read the line on which the host talks to the board.

use crate::diag::Errors;
use crate::globals::Globals;
use crate::python::{Program, Python};

/// Refuses bodies that are known to read it.
pub(super) fn check(program: &Program<'_>, globals: &Globals<'_>, errors: &mut Errors) {
    for python in program.sound() {
        let analysis = python.analysis();
        let own = analysis.assigned.iter().any(|found| found.name == "input");
        let inputs = analysis.free.iter().filter(|found| found.name == "input");
        if !own && !globals.defines("input") {
            for found in inputs {
                report(python, found.range, OTHER_INPUT, errors);
            }
        }
        for range in python.parsed.stdin_reads() {
            report(python, range, "", errors);
        }
    }
}

/// What to say where only the name tells.
const OTHER_INPUT: &str =
    "\nhelp: if the board defines an `input` of its own, say `#[device(globals(input))]`";

fn report(python: &Python<'_>, range: belay_syntax::Range, more: &str, errors: &mut Errors) {
    let message = "this reads the line on which the host talks to the board: it would get one of \
         the host's requests instead of input, and the request would be lost\n\
         help: give the method a parameter for the value";
    let (span, message) = python.with_excerpt(range, &format!("{message}{more}"));
    errors.at_span(span, message);
}
