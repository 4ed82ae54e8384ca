//! Checks the modules that a trait brings: whether they are valid Python, and can be imported.

use belay_syntax::Range;

use super::Warning;
use crate::diag::Errors;
use crate::python::{Module, Program};

/// Names that a module has without defining them.
const OWN: [&str; 2] = ["__file__", "__path__"];

/// Reports the errors in modules.
pub(super) fn check(program: &Program<'_>, errors: &mut Errors) {
    let span = program.device.span_of_modules();
    for module in program.modules() {
        for diagnostic in &module.parsed.diagnostics {
            let mut message = format!("Python: {}", diagnostic.message);
            if let Some(help) = &diagnostic.help {
                message += "\nhelp: ";
                message += help;
            }
            errors.at_span(span, module.with_excerpt(diagnostic.range, &message));
        }
        if let Some(package) = hidden_by(program, module) {
            let message = format!(
                "`{}` is never imported: the folder `{package}` beside it is what `import {}` finds\n\
                 help: keep one of them",
                module.file.file,
                module.file.name()
            );
            errors.at_span(span, message);
        }
    }
}

/// The folder that is imported in the place of a module of the same name.
fn hidden_by(program: &Program<'_>, module: &Module<'_>) -> Option<String> {
    let file = module.file;
    let folder = file.path.strip_suffix(".py").filter(|_| !file.is_package())?;
    let within = |other: &Module<'_>| {
        let rest = other.file.path.strip_prefix(folder);
        rest.is_some_and(|rest| rest.starts_with('/'))
    };
    let hides = program.modules().iter().any(within);
    hides.then(|| file.file.strip_suffix(".py").unwrap_or(&file.file).to_owned())
}

/// Warns of what is probably a mistake in modules.
pub(super) fn doubts<'a>(program: &Program<'a>, warnings: &mut Vec<Warning<'a>>) {
    for module in program.modules() {
        let name = module.file.name();
        if belay_syntax::is_fixed_module(&name) {
            let message = format!(
                "boards have a module `{name}` of their own, which they import in the place of this one\n\
                 help: give the file another name"
            );
            warnings.push(Warning::in_module(
                program.device,
                module,
                Range::default(),
                &message,
            ));
        }
        undefined(program, module, warnings);
    }
}

/// Warns of names that a module reads but that nothing defines.
fn undefined<'a>(program: &Program<'a>, module: &Module<'a>, warnings: &mut Vec<Warning<'a>>) {
    let analysis = module.parsed.analysis();
    if analysis.has_star_import() {
        return;
    }
    for found in &analysis.free {
        let name = found.name.as_str();
        if belay_syntax::is_circuitpython_builtin(name) || OWN.contains(&name) {
            continue;
        }
        let help = belay_syntax::advice(name).map_or_else(String::new, |advice| format!("\nhelp: {advice}"));
        let message = format!("`{name}` is not defined in this module{help}");
        warnings.push(Warning::in_module(program.device, module, found.range, &message));
    }
}
