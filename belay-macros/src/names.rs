//! Names in the bodies: those that nothing defines, and those that are not the global that they seem to be.

use belay_syntax::Name;

use crate::diag::{Errors, closest};
use crate::model::{Device, Kind};
use crate::python::{Checked, Globals, STOP, Warning, with_excerpt};

/// Warns of the names that a body reads and that nothing known defines.
pub(crate) fn undefined<'a>(
    device: &'a Device,
    checked: &Checked<'a>,
    globals: &Globals<'a>,
    warnings: &mut Vec<Warning<'a>>,
) {
    let Checked {
        method,
        body,
        analysis,
    } = checked;
    let circuitpython = body.implementation.as_deref() == Some("circuitpython");
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
        let help = help_for(device, checked, globals, name);
        let message = format!(
            "`{name}` is not defined by this body or by a setup of `{}`{help}",
            device.ident
        );
        let (span, message) = with_excerpt(body, found.range, &message);
        warnings.push(Warning::Doubtful {
            method,
            span,
            message,
        });
    }
}

/// What to do about a name that nothing defines.
fn help_for(device: &Device, checked: &Checked<'_>, globals: &Globals<'_>, name: &str) -> String {
    if let Some(setup) = globals.hidden_constant(name) {
        return format!(
            "\nhelp: a `const` that begins with an underscore never becomes a global: in the setup `{}`, \
             name it `{}`",
            setup.sig.ident,
            name.trim_start_matches('_')
        );
    }
    let Checked { method, analysis, .. } = checked;
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
    // A short name is near to many builtins by chance.
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

/// Warns of assignments that seem to set a global and make a name of their own.
pub(crate) fn local<'a>(checked: &Checked<'a>, globals: &Globals<'a>, warnings: &mut Vec<Warning<'a>>) {
    let Checked {
        method,
        body,
        analysis,
    } = checked;
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
        let (span, message) = with_excerpt(body, *range, &message);
        warnings.push(Warning::Doubtful {
            method,
            span,
            message,
        });
    }
}

/// Warns of calls that only make a coroutine, of a body's own or of a setup's.
pub(crate) fn idle<'a>(checked: &Checked<'a>, bodies: &[Checked<'a>], warnings: &mut Vec<Warning<'a>>) {
    let Checked {
        method,
        body,
        analysis,
    } = checked;
    let of_setups = bodies.iter().filter(|other| other.method.kind == Kind::Setup);
    let of_setups: Vec<_> = of_setups.flat_map(|other| &other.analysis.coroutines).collect();
    for Name { name, range } in &analysis.idle_calls {
        let free = analysis.free.iter().any(|free| free.name == *name);
        if !(analysis.coroutines.contains(name) || (free && of_setups.contains(&name))) {
            continue;
        }
        let message = format!(
            "this call of the `async def` `{name}` runs nothing of it: it makes a coroutine, which nobody waits for\n\
             help: write `await {name}(…)` in an `async def`, or `asyncio.run({name}(…))`"
        );
        let (span, message) = with_excerpt(body, *range, &message);
        warnings.push(Warning::Doubtful {
            method,
            span,
            message,
        });
    }
}

/// Refuses to assign a global that is the function of a method.
pub(crate) fn replaced(device: &Device, bodies: &[Checked<'_>], errors: &mut Errors) {
    for Checked { body, analysis, .. } in bodies {
        for Name { name, range } in &analysis.globals {
            let mut functions = device.methods().filter(|method| method.kind.is_function());
            let Some(method) = functions.find(|method| method.python_name() == *name) else {
                continue;
            };
            let message = format!(
                "on the board `{name}` is the function of the {} `{}`, which this would replace\n\
                 help: give the variable another name",
                method.kind.attribute(),
                method.sig.ident
            );
            let (span, message) = with_excerpt(body, *range, &message);
            errors.at_span(span, message);
        }
    }
}
