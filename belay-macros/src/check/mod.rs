//! What a trait and its bodies have to be like: one file for each rule.

mod builtins;
mod coroutines;
mod locals;
mod names;
mod replaced;
mod shadows;
mod shape;
mod signature;
mod stdin;
mod syntax;
mod undefined;
mod unused;

use proc_macro2::{Ident, Span};

use crate::diag::Errors;
use crate::globals::Globals;
use crate::model::Method;
use crate::python::Program;

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

/// Checks the whole trait and gives the warnings, which are only known where there is no error.
pub(crate) fn program<'a>(program: &Program<'a>, errors: &mut Errors) -> Vec<Warning<'a>> {
    let device = program.device;
    names::check(device, errors);
    for method in device.methods() {
        signature::check(method, errors);
    }
    syntax::check(program, errors);
    for python in program.sound() {
        shape::check(python, errors);
    }
    let globals = Globals::of(program);
    shadows::check(device, &globals, errors);
    builtins::check(program, errors);
    stdin::check(program, &globals, errors);
    replaced::check(program, errors);
    if errors.count() == 0 {
        warnings(program, &globals)
    } else {
        Vec::new()
    }
}

/// What is suspicious and may be right nevertheless.
fn warnings<'a>(program: &Program<'a>, globals: &Globals<'a>) -> Vec<Warning<'a>> {
    let mut warnings = Vec::new();
    unused::check(program, &mut warnings);
    for python in program.sound() {
        if !globals.open {
            undefined::check(program.device, python, globals, &mut warnings);
        }
        locals::check(python, globals, &mut warnings);
        coroutines::check(python, program, &mut warnings);
    }
    warnings
}
