//! Checks imports for modules and names that do not exist.

use std::collections::BTreeSet;

use belay_syntax::{Import, Name, Range};

use super::Warning;
use crate::diag::closest;
use crate::python::{Module, Program};

/// Warns of imports, in bodies and modules, of what neither the trait nor MicroPython provides.
pub(super) fn check<'a>(program: &Program<'a>, warnings: &mut Vec<Warning<'a>>) {
    let folder = Folder::of(program);
    for python in program.sound() {
        for import in &python.analysis().imports {
            for (range, message) in folder.doubts(import, None) {
                warnings.push(Warning::in_body(python, range, &message));
            }
        }
    }
    for module in program.modules() {
        for import in &module.parsed.analysis().imports {
            for (range, message) in folder.doubts(import, Some(module)) {
                warnings.push(Warning::in_module(program.device, module, range, &message));
            }
        }
    }
}

/// What can be imported.
struct Folder<'p, 'a> {
    program: &'p Program<'a>,
    /// The folder's path; nothing if the trait brings no modules.
    dir: Option<String>,
    /// The dotted names of its modules and of their packages.
    names: BTreeSet<String>,
}

impl<'p, 'a> Folder<'p, 'a> {
    fn of(program: &'p Program<'a>) -> Self {
        let mut names = BTreeSet::new();
        for module in program.modules() {
            let name = module.file.name();
            let packages = name.match_indices('.').filter_map(|(at, _)| name.get(..at));
            names.extend(packages.map(str::to_owned));
            names.insert(name);
        }
        let folder = program.device.options.modules.as_ref();
        Self {
            program,
            dir: folder.map(|folder| folder.dir.value()),
            names,
        }
    }

    /// The warnings about an import in a body or, if `within` is given, in a module of the folder.
    fn doubts(&self, import: &Import, within: Option<&Module<'_>>) -> Vec<(Range, String)> {
        // An import inside a `try` may fail.
        if import.attempted {
            return Vec::new();
        }
        let dots = import.module.chars().take_while(|letter| *letter == '.').count();
        let target = match (dots, within) {
            (0, _) => import.module.clone(),
            (_, None) => {
                let message = "a body is in no package: it can only import modules by their whole names";
                return vec![(import.range, message.to_owned())];
            }
            (_, Some(module)) => {
                let Some(target) = module.target(import) else {
                    let message = format!(
                        "`{}` leads out of the packages that this module is in",
                        import.module
                    );
                    return vec![(import.range, message)];
                };
                target
            }
        };
        let first = target.split('.').next().unwrap_or_default();
        if dots == 0 && !self.names.contains(first) {
            let known = belay_syntax::is_module(first)
                || self.program.device.options.globals.contains(&first.to_owned());
            return if known {
                Vec::new()
            } else {
                vec![(import.range, self.unknown(first))]
            };
        }
        if !self.names.contains(&target) {
            return vec![(import.range, self.missing(&target))];
        }
        let names = import.names.iter().flatten();
        names.filter_map(|name| self.not_in(&target, name)).collect()
    }

    /// The message for a module that is entirely unknown.
    fn unknown(&self, name: &str) -> String {
        let mut message = match &self.dir {
            Some(dir) => {
                format!("there is no module `{name}` in `{dir}`, and none of MicroPython's has that name")
            }
            None => format!("MicroPython has no module `{name}`"),
        };
        let own = self.names.iter().map(String::as_str);
        // Skip short names, which resemble many others by chance.
        let theirs = belay_syntax::modules().map(|module| -> &str { module });
        let theirs = theirs.filter(|module| name.len() > 3 && module.len() > 3);
        if let Some(meant) = closest(name, own.chain(theirs)) {
            message.push_str(&did_you_mean(meant));
        }
        let bring = match &self.dir {
            Some(dir) => format!("put `{name}.py` into `{dir}`"),
            None => format!(
                "have the trait bring it, from a folder with `{name}.py`: `#[device(modules = \"…\")]`"
            ),
        };
        message
            + &format!("\nhelp: {bring}\nhelp: if the board itself has it, say `#[device(globals({name}))]`")
    }

    /// The message for a module that is missing in a package of the folder.
    fn missing(&self, target: &str) -> String {
        let dir = self.dir.as_deref().unwrap_or_default();
        let mut message = format!("there is no module `{target}` in `{dir}`");
        if let Some(meant) = closest(target, self.names.iter().map(String::as_str)) {
            message.push_str(&did_you_mean(meant));
        }
        message
    }

    /// The message for a name that is missing in a module of the folder.
    fn not_in(&self, target: &str, name: &Name) -> Option<(Range, String)> {
        if self.names.contains(&format!("{target}.{}", name.name)) {
            return None;
        }
        let mut modules = self.program.modules().iter();
        let module = modules.find(|module| module.file.name() == target);
        let analysis = module.map(|module| module.parsed.analysis());
        // If not all names of the module are known, it may have this one.
        let open = |analysis: &belay_syntax::Analysis| {
            let by_itself = { analysis.assigned.iter() }.any(|own| own.name == "__getattr__");
            let into_globals =
                { analysis.free.iter() }.any(|name| ["globals", "exec", "setattr"].contains(&&*name.name));
            analysis.has_star_import() || by_itself || into_globals
        };
        if analysis.is_some_and(open) {
            return None;
        }
        let own = || {
            analysis
                .into_iter()
                .flat_map(|analysis| analysis.assigned.iter().chain(&analysis.globals))
        };
        let hidden = |name: &Name| {
            let mut constants = analysis
                .into_iter()
                .flat_map(|analysis| &analysis.private_constants);
            constants.any(|constant| constant.name == name.name)
        };
        if own().any(|own| own.name == name.name) {
            return None;
        }
        let mut message = format!("the module `{target}` defines no `{}`", name.name);
        if hidden(name) {
            message += "\nhelp: a `const` that begins with an underscore can be seen in its own file only";
        } else if let Some(meant) = closest(&name.name, own().map(|own| own.name.as_str())) {
            message.push_str(&did_you_mean(meant));
        }
        Some((name.range, message))
    }
}

fn did_you_mean(name: &str) -> String {
    format!("\nhelp: did you mean `{name}`?")
}
