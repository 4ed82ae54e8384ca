//! Checks for assignments of a global that is the function of a method.

use belay_syntax::Name;

use crate::diag::Errors;
use crate::python::Program;

pub(super) fn check(program: &Program<'_>, errors: &mut Errors) {
    for python in program.sound() {
        for Name { name, range } in &python.analysis().globals {
            let mut functions = program
                .device
                .methods()
                .filter(|method| method.kind.is_function());
            let Some(method) = functions.find(|method| method.python_name() == *name) else {
                continue;
            };
            let message = format!(
                "on the board `{name}` is the function of the {} `{}`, which this would replace\n\
                 help: give the variable another name",
                method.kind.attribute(),
                method.sig.ident
            );
            let (span, message) = python.with_excerpt(*range, &message);
            errors.at_span(span, message);
        }
    }
}
