//! The checks of a trait and its bodies: one file for each rule.

mod builtins;
mod coroutines;
mod hosts;
mod imports;
mod locals;
mod modules;
mod names;
mod replaced;
mod shadows;
mod shape;
mod signature;
mod stdin;
mod syntax;
mod undefined;
mod unused;

use belay_syntax::Range;
use proc_macro2::{Ident, Span};

use crate::diag::Errors;
use crate::globals::Globals;
use crate::model::{Device, Method};
use crate::python::{Module, Program, Python};

/// A problem that is only a warning, because a board can have globals that the macro does not know.
pub(crate) enum Warning<'a> {
    /// No body reads the parameter.
    Unused { method: &'a Method, param: &'a Ident },
    /// Something in a body or module is probably a mistake.
    Doubtful {
        /// The method that contains it; nothing for a module.
        method: Option<&'a Method>,
        span: Span,
        message: String,
    },
}

impl<'a> Warning<'a> {
    /// A warning about something in a body.
    fn in_body(python: &Python<'a>, range: Range, message: &str) -> Self {
        let (span, message) = python.with_excerpt(range, message);
        Self::Doubtful {
            method: Some(python.method),
            span,
            message,
        }
    }

    /// A warning about something in a module that the trait brings.
    fn in_module(device: &Device, module: &Module<'_>, range: Range, message: &str) -> Self {
        Self::Doubtful {
            method: None,
            span: device.span_of_modules(),
            message: module.with_excerpt(range, message),
        }
    }
}

/// Checks the whole trait and returns the warnings, which are only computed if there are no errors.
pub(crate) fn program<'a>(program: &Program<'a>, errors: &mut Errors) -> Vec<Warning<'a>> {
    let device = program.device;
    names::check(device, errors);
    for method in device.methods() {
        signature::check(method, errors);
    }
    syntax::check(program, errors);
    modules::check(program, errors);
    for python in program.sound() {
        shape::check(python, errors);
    }
    let globals = Globals::of(program);
    shadows::check(device, &globals, errors);
    hosts::check(device, &globals, errors);
    builtins::check(program, errors);
    stdin::check(program, errors);
    replaced::check(program, errors);
    if errors.count() == 0 {
        warnings(program, &globals)
    } else {
        Vec::new()
    }
}

/// The warnings about what is suspicious but may be intended.
fn warnings<'a>(program: &Program<'a>, globals: &Globals<'a>) -> Vec<Warning<'a>> {
    let mut warnings = Vec::new();
    unused::check(program, &mut warnings);
    modules::doubts(program, &mut warnings);
    imports::check(program, &mut warnings);
    for python in program.sound() {
        if !globals.open {
            undefined::check(program.device, python, globals, &mut warnings);
        }
        locals::check(python, globals, &mut warnings);
        coroutines::check(python, program, &mut warnings);
    }
    warnings
}
