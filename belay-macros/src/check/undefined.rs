//! Checks for names that nothing defines.

use super::Warning;
use crate::diag::closest;
use crate::globals::Globals;
use crate::model::{Device, Kind};
use crate::python::Python;
use crate::source::STOP;

/// Warns of names that a body reads but that nothing known defines.
pub(super) fn check<'a>(
    device: &'a Device,
    python: &Python<'a>,
    globals: &Globals<'a>,
    warnings: &mut Vec<Warning<'a>>,
) {
    let (method, analysis) = (python.method, python.analysis());
    let circuitpython = python.body.implementation.as_deref() == Some("circuitpython");
    let own = |name: &str| {
        let assigned = analysis.assigned.iter().any(|own| own.name == name);
        assigned || method.params.iter().any(|param| param.name == name)
    };
    for found in &analysis.free {
        let name = found.name.as_str();
        let stop = method.kind == Kind::Thread && name == STOP;
        let builtin =
            belay_syntax::is_builtin(name) || (circuitpython && belay_syntax::is_circuitpython_builtin(name));
        if stop || builtin || globals.defines(name) || own(name) {
            continue;
        }
        let help = help_for(device, python, globals, name);
        let message = format!(
            "`{name}` is not defined by this body or by a setup of `{}`{help}",
            device.ident
        );
        warnings.push(Warning::in_body(python, found.range, &message));
    }
}

/// The help message for a name that nothing defines.
fn help_for(device: &Device, python: &Python<'_>, globals: &Globals<'_>, name: &str) -> String {
    if let Some(setup) = globals.hidden_constant(name) {
        return format!(
            "\nhelp: a `const` that begins with an underscore never becomes a global: in the setup `{}`, \
             name it `{}`",
            setup.sig.ident,
            name.trim_start_matches('_')
        );
    }
    let (method, analysis) = (python.method, python.analysis());
    let own = analysis.assigned.iter().map(|own| own.name.as_str());
    let own = own.chain(method.params.iter().map(|param| param.name.as_str()));
    let known = globals.setups.iter().map(|(name, _)| name.as_str()).chain(own);
    let meant = closest(name, known.filter(|known| known.len() > 2));
    let board = format!("help: if the board itself defines it, say `#[device(globals({name}))]`");
    if let Some(meant) = meant {
        return format!("\nhelp: did you mean `{meant}`?\n{board}");
    }
    if let Some(advice) = belay_syntax::advice(name) {
        return format!("\nhelp: {advice}");
    }
    // Skip short names, which resemble many builtins by chance.
    let builtins = belay_syntax::builtins().filter(|builtin| {
        let alike = name.len() > 4 && builtin.len() > 4;
        alike || builtin.eq_ignore_ascii_case(name)
    });
    if let Some(meant) = closest(name, builtins) {
        return format!("\nhelp: did you mean `{meant}`?\n{board}");
    }
    let first = device.methods().find(|method| method.kind == Kind::Setup);
    let define = match first {
        Some(setup) => format!("define it in a setup such as `{}`: `{name} = …`", setup.sig.ident),
        None => format!("define it in a method with `#[setup]`: `{name} = …`"),
    };
    format!("\nhelp: {define}\n{board}")
}
