//! Checks for parameters that no body reads.

use super::Warning;
use crate::model::{Kind, Method, Param};
use crate::python::{Program, Python};

pub(super) fn check<'a>(program: &Program<'a>, warnings: &mut Vec<Warning<'a>>) {
    for method in program.device.methods() {
        for param in &method.params {
            if is_unused(method, param, program) {
                let param = &param.ident;
                warnings.push(Warning::Unused { method, param });
            }
        }
    }
}

/// Whether no body reads a parameter. A setup's parameters are globals, which every body can read.
fn is_unused(method: &Method, param: &Param, program: &Program<'_>) -> bool {
    /// Builtins that can read any variable.
    const READERS: [&str; 5] = ["locals", "globals", "eval", "exec", "dir"];
    let mut concerned = program
        .sound()
        .filter(|python| std::ptr::eq(python.method, method) || method.kind == Kind::Setup)
        .peekable();
    let reads = |python: &Python<'_>| {
        let analysis = python.analysis();
        let free = |name: &str| analysis.free.iter().any(|free| free.name == name);
        let read = if method.kind.is_function() {
            !analysis.unused_params.contains(&param.name)
        } else {
            free(&param.name)
        };
        read || READERS.into_iter().any(free)
    };
    !param.name.starts_with('_') && concerned.peek().is_some() && !concerned.any(reads)
}
