//! Checks the names of host functions: invalid ones, and collisions.

use std::collections::HashSet;

use super::names::bad_name;
use crate::diag::Errors;
use crate::globals::{Globals, HOST_ERROR};
use crate::model::{Device, Method};

pub(super) fn check(device: &Device, globals: &Globals<'_>, errors: &mut Errors) {
    let mut names = HashSet::new();
    for host in &device.hosts {
        let name = host.name();
        if let Some(problem) = bad_name(&name) {
            errors.at(
                &host.sig.ident,
                format!("`{name}` {problem}: give this function another name"),
            );
        } else if belay_syntax::is_builtin(&name) || name == HOST_ERROR {
            errors.at(
                &host.sig.ident,
                format!("this function hides `{name}`, which every body has: give it another name"),
            );
        }
        for param in &host.params {
            if let Some(problem) = bad_name(&param.name) {
                errors.at(
                    &param.ident,
                    format!("`{}` {problem}: give this parameter another name", param.name),
                );
            }
        }
        if host.cfgs().next().is_none() {
            names.insert(name.clone());
        }
        for method in device.methods() {
            hides(method, &name, globals, errors);
        }
    }
    if let Some(setup) = globals.setup_of(HOST_ERROR)
        && device.raises_host_errors()
    {
        errors.at(
            &setup.sig.ident,
            format!(
                "`{HOST_ERROR}` is what a host function or a stream raises that fails: rename the global of this setup"
            ),
        );
    }
}

/// Reports a method, a parameter or a global of a setup that has the name of a host function.
fn hides(method: &Method, name: &str, globals: &Globals<'_>, errors: &mut Errors) {
    if method.kind.is_function() && method.python_name() == name {
        errors.at(
            &method.sig.ident,
            format!("this method is `{name}` on the board, and so is the host function: rename one of them"),
        );
    }
    for param in method.params.iter().filter(|param| param.name == name) {
        errors.at(
            &param.ident,
            format!("this parameter hides the host function `{name}`: rename one of them"),
        );
    }
    let is_setup = |setup: &Method| std::ptr::eq(setup, method);
    if globals.setup_of(name).is_some_and(is_setup) && method.params.iter().all(|param| param.name != name) {
        errors.at(
            &method.sig.ident,
            format!(
                "this setup gives `{name}` another meaning, which is a host function: rename one of them"
            ),
        );
    }
}
