//! Checks for assignments that look as if they set a global, but define a local variable.

use belay_syntax::Name;

use super::Warning;
use crate::globals::Globals;
use crate::python::Python;

pub(super) fn check<'a>(python: &Python<'a>, globals: &Globals<'a>, warnings: &mut Vec<Warning<'a>>) {
    let analysis = python.analysis();
    for Name { name, range } in &analysis.locals {
        let Some(setup) = globals.lasting(name) else {
            continue;
        };
        let message = format!(
            "this `{name}` is a variable of the function that assigns it, and not the global that the setup `{}` \
             defines\n\
             help: to set the global, write `global {name}` above, in the same function\n\
             help: otherwise give this variable another name",
            setup.sig.ident
        );
        warnings.push(Warning::in_body(python, *range, &message));
    }
}
