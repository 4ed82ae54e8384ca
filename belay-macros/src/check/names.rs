//! Checks the names of methods and parameters: invalid ones, and collisions.

use std::collections::HashMap;

use crate::args::is_identifier;
use crate::diag::Errors;
use crate::model::{Device, Kind, Method, Param, plain};

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

/// Not every board accepts non-ASCII names, and none normalises them as Rust does.
const NOT_ASCII: &str = "is no name on every board, because it is not ASCII";

pub(super) fn check(device: &Device, errors: &mut Errors) {
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
    // Suggest a similar name, if that is a valid one.
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
pub(super) fn bad_name(name: &str) -> Option<&'static str> {
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
