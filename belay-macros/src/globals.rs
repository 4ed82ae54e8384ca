//! The global names that bodies find on the board.

use std::collections::HashSet;

use crate::model::{HostFn, Kind, Method};
use crate::python::Program;

/// The exception that is raised when a host function or a stream fails.
pub(crate) const HOST_ERROR: &str = "HostError";

/// The global names in a trait's namespace on the board.
pub(crate) struct Globals<'a> {
    /// The names that setups define, each with its setup.
    pub(crate) setups: Vec<(String, &'a Method)>,
    /// The names that bodies declare with `global`.
    declared: HashSet<String>,
    /// The names of tasks and of events.
    pub(crate) tasks: HashSet<String>,
    /// Those of the setups' names that are not merely loop variables and the like.
    lasting: HashSet<String>,
    /// The names of constants that MicroPython drops when it compiles a setup.
    hidden_constants: Vec<(String, &'a Method)>,
    /// Whether an `import *` may define further names.
    pub(crate) open: bool,
}

impl<'a> Globals<'a> {
    pub(crate) fn of(program: &Program<'a>) -> Self {
        let device = program.device;
        let mut globals = Self {
            setups: Vec::new(),
            declared: device.options.globals.iter().cloned().collect(),
            tasks: HashSet::new(),
            lasting: HashSet::new(),
            hidden_constants: Vec::new(),
            open: false,
        };
        globals.declared.extend(device.hosts.iter().map(HostFn::name));
        if device.raises_host_errors() {
            globals.declared.insert(HOST_ERROR.to_owned());
        }
        for method in device.methods() {
            match method.kind {
                Kind::Task | Kind::Event => drop(globals.tasks.insert(method.python_name())),
                Kind::Setup => {
                    let names = method.params.iter().map(|param| (param.name.clone(), method));
                    globals.setups.extend(names);
                    let names = method.params.iter().map(|param| param.name.clone());
                    globals.lasting.extend(names);
                }
                Kind::Thread | Kind::Teardown => {}
            }
        }
        for python in program.sound() {
            let (method, analysis) = (python.method, python.analysis());
            globals.declared.extend(names(&analysis.globals));
            for import in analysis.imports.iter().filter(|import| import.names.is_none()) {
                match program.exports(&import.module) {
                    Some(names) => globals.declared.extend(names),
                    None => globals.open = true,
                }
            }
            if method.kind == Kind::Setup {
                let with_method = |name| (name, method);
                globals.setups.extend(names(&analysis.assigned).map(with_method));
                let lasting = names(&analysis.assigned).filter(|name| !analysis.passing.contains(name));
                globals.lasting.extend(lasting);
                let hidden = names(&analysis.private_constants).map(with_method);
                globals.hidden_constants.extend(hidden);
            }
        }
        globals
    }

    /// The setup that defines a name.
    pub(crate) fn setup_of(&self, name: &str) -> Option<&'a Method> {
        let found = self.setups.iter().find(|(other, _)| other == name);
        found.map(|(_, method)| *method)
    }

    /// The setup that defines a name, unless it is merely a loop variable or the like.
    pub(crate) fn lasting(&self, name: &str) -> Option<&'a Method> {
        self.setup_of(name).filter(|_| self.lasting.contains(name))
    }

    /// The setup that defines a name as a constant that no other body can see.
    pub(crate) fn hidden_constant(&self, name: &str) -> Option<&'a Method> {
        let found = self.hidden_constants.iter().find(|(other, _)| other == name);
        found.map(|(_, method)| *method)
    }

    pub(crate) fn defines(&self, name: &str) -> bool {
        self.declared.contains(name) || self.tasks.contains(name) || self.setup_of(name).is_some()
    }
}

fn names(found: &[belay_syntax::Name]) -> impl Iterator<Item = String> {
    found.iter().map(|found| found.name.clone())
}
