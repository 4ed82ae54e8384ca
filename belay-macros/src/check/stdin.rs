//! Checks for bodies that would read the standard input, through which the host talks to the board.

use crate::diag::Errors;
use crate::python::Program;

/// Refuses bodies that are known to read it. `input` is allowed: it asks the host.
pub(super) fn check(program: &Program<'_>, errors: &mut Errors) {
    const MESSAGE: &str = "this reads the line on which the host talks to the board: it would get one of \
         the host's requests instead of input, and the request would be lost\n\
         help: give the method a parameter for the value, or ask for it by `input(prompt)`, which \
         `DeviceBuilder::input` answers";
    for python in program.sound() {
        for range in python.parsed.stdin_reads() {
            let (span, message) = python.with_excerpt(range, MESSAGE);
            errors.at_span(span, message);
        }
    }
}
