//! Checks for tasks whose name hides a builtin that a body uses.

use crate::diag::Errors;
use crate::model::{Kind, Method};
use crate::python::{Program, Python};

pub(super) fn check(program: &Program<'_>, errors: &mut Errors) {
    let mut told: Vec<&Method> = Vec::new();
    for Python { method, .. } in program.sound() {
        let name = method.python_name();
        let user = program.sound().find(|other| {
            let mut free = other.analysis().free.iter();
            free.any(|free| free.name == name)
        });
        let fresh = !told.iter().any(|other| std::ptr::eq(*other, *method));
        if let Some(user) = user
            && method.kind == Kind::Task
            && belay_syntax::is_builtin(&name)
            && fresh
        {
            told.push(method);
            errors.at(
                &method.sig.ident,
                format!(
                    "this task hides the builtin `{name}`, which the body of `{}` uses\n\
                     help: give it another name on the board: `#[task(name = \"{name}_\")]`",
                    user.method.sig.ident
                ),
            );
        }
    }
}
