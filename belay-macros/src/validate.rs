//! Rules across the parts of a trait: names that collide, options that do not fit a signature.

use std::collections::HashMap;

use crate::args::is_identifier;
use crate::diag::Errors;
use crate::model::{Device, Kind, Method, Param, plain};
use crate::python::{self, Checked, Globals};

/// The methods that the generated type has besides those of the trait.
const GENERATED: [&str; 8] = [
    "connect",
    "builder",
    "attach",
    "device",
    "execute",
    "execute_as",
    "close",
    "clone",
];

/// Not every board reads the names of others, and none of them normalises them as Rust does.
const NOT_ASCII: &str = "is no name on every board, because it is not ASCII";

/// Checks the whole trait and gives the warnings, which are only known where there is no error.
pub(crate) fn device<'a>(device: &'a Device, errors: &mut Errors) -> Vec<python::Warning<'a>> {
    names(device, errors);
    for method in device.methods() {
        signature(method, errors);
    }
    let bodies = python::parse(device, errors);
    for checked in &bodies {
        python::check_shape(checked, errors);
    }
    let globals = Globals::of(device, &bodies);
    shadows(device, &globals, errors);
    builtins(&bodies, errors);
    crate::line::unread(&bodies, &globals, errors);
    crate::names::replaced(device, &bodies, errors);
    if errors.count() == 0 {
        python::warnings(device, &bodies, &globals)
    } else {
        Vec::new()
    }
}

/// Names of methods and parameters.
fn names(device: &Device, errors: &mut Errors) {
    let namespace = &device.options.namespace;
    if !namespace.is_ascii() {
        errors.at(
            &device.ident,
            format!(
                "`{namespace}` {NOT_ASCII}\n\
                 help: give the trait another one there: `#[device(namespace = \"board\")]`"
            ),
        );
    }
    let mut python: HashMap<String, &Method> = HashMap::new();
    for method in device.methods() {
        let name = plain(&method.sig.ident);
        if GENERATED.contains(&name.as_str()) {
            errors.at(
                &method.sig.ident,
                format!(
                    "`{}Device` has a method `{name}` already: give this one another name",
                    device.ident
                ),
            );
        }
        if method.cfgs().next().is_none()
            && method.kind.is_function()
            && let Some(other) = python.insert(method.python_name(), method)
        {
            errors.at(
                &method.sig.ident,
                format!(
                    "this method is `{}` on the board, and so is `{}`: give one of them another `name`",
                    method.python_name(),
                    other.sig.ident
                ),
            );
        }
        python_name(method, errors);
        for param in &method.params {
            param_name(param, errors);
        }
    }
}

fn python_name(method: &Method, errors: &mut Errors) {
    let name = method.python_name();
    if !method.kind.is_function() {
        return;
    }
    // Another one that is like it, where that can be used.
    let other = Some(format!("{name}_")).filter(|other| bad_name(other).is_none());
    let other = other.as_deref().unwrap_or("…");
    let rename = match method.kind {
        Kind::Task => format!("\nhelp: give it another one on the board: `#[task(name = \"{other}\")]`"),
        _ => String::new(),
    };
    if let Some(problem) = bad_name(&name) {
        errors.at(&method.sig.ident, format!("`{name}` {problem}{rename}"));
    }
}

fn param_name(param: &Param, errors: &mut Errors) {
    if let Some(problem) = bad_name(&param.name) {
        errors.at(
            &param.ident,
            format!("`{}` {problem}: give this parameter another name", param.name),
        );
    }
}

/// Why a name cannot be used on the board.
fn bad_name(name: &str) -> Option<&'static str> {
    if belay_syntax::is_keyword(name) {
        Some("is a keyword of Python")
    } else if name.starts_with("__") || name.starts_with("_belay") {
        Some("is reserved, as all names are that begin with `__` or `_belay`")
    } else if !is_identifier(name) {
        Some(NOT_ASCII)
    } else {
        None
    }
}

/// Parameters and tasks that hide what a setup defines.
fn shadows(device: &Device, globals: &Globals<'_>, errors: &mut Errors) {
    for method in device.methods().filter(|method| method.kind.is_function()) {
        for param in &method.params {
            if let Some(setup) = globals.setup_of(&param.name) {
                errors.at(
                    &param.ident,
                    format!(
                        "this parameter hides the global `{}` that the setup `{}` defines: rename one of them",
                        param.name, setup.sig.ident
                    ),
                );
            }
        }
        let name = method.python_name();
        if let Some(setup) = globals.setup_of(&name) {
            errors.at(
                &method.sig.ident,
                format!(
                    "on the board `{name}` is a global that the setup `{}` defines: rename one of them",
                    setup.sig.ident
                ),
            );
        }
    }
}

/// Tasks that hide a builtin that some body uses.
fn builtins(bodies: &[Checked<'_>], errors: &mut Errors) {
    let mut told: Vec<&Method> = Vec::new();
    for Checked { method, .. } in bodies {
        let name = method.python_name();
        let user = bodies.iter().find(|other| {
            let mut free = other.analysis.free.iter();
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

/// Options and parameters that do not fit each other.
fn signature(method: &Method, errors: &mut Errors) {
    let name = &method.sig.ident;
    match method.kind {
        Kind::Setup if method.options.auto == Some(true) && !method.params.is_empty() => errors.at(
            name,
            "a setup with parameters cannot run by itself, because nobody gives it arguments: remove `auto`",
        ),
        Kind::Teardown if !method.params.is_empty() => errors.at(
            name,
            "a teardown has no parameters: it runs when the device is closed, and nobody gives it arguments",
        ),
        Kind::Task if method.stream.is_some() && method.options.idempotent == Some(true) => errors.at(
            name,
            "a stream cannot be `idempotent`: what it has given already would be given again",
        ),
        _ => {}
    }
}
