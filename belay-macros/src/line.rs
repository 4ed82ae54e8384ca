//! Bodies that would read the line on which the host talks to the board.

use crate::diag::Errors;
use crate::model::Body;
use crate::python::{Checked, Globals, with_excerpt};

/// Refuses bodies that are known to read it.
pub(crate) fn unread(bodies: &[Checked<'_>], globals: &Globals<'_>, errors: &mut Errors) {
    for Checked { body, analysis, .. } in bodies {
        let own = analysis.assigned.iter().any(|found| found.name == "input");
        let inputs = analysis.free.iter().filter(|found| found.name == "input");
        if !own && !globals.defines("input") {
            for found in inputs {
                report(body, found.range, OTHER_INPUT, errors);
            }
        }
        for range in belay_syntax::stdin_reads(&body.text) {
            report(body, range, "", errors);
        }
    }
}

/// What to say where only the name tells.
const OTHER_INPUT: &str =
    "\nhelp: if the board defines an `input` of its own, say `#[device(globals(input))]`";

fn report(body: &Body, range: belay_syntax::Range, more: &str, errors: &mut Errors) {
    let message = "this reads the line on which the host talks to the board: it would get one of \
         the host's requests instead of input, and the request would be lost\n\
         help: give the method a parameter for the value";
    let (span, message) = with_excerpt(body, range, &format!("{message}{more}"));
    errors.at_span(span, message);
}
