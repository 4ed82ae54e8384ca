//! The libraries that pack results and that read attached arguments on the board; each is sent when it is first needed.

use super::expression;
use crate::python::ValueError;

/// A library with one function, which the agent calls when it needs it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Library {
    /// Its source.
    pub(crate) source: &'static str,
    /// The namespace in which it is.
    pub(super) namespace: &'static str,
    /// Its name there.
    pub(super) function: &'static str,
    /// The name by which the agent calls it.
    pub(super) name: &'static str,
    /// More names to give the agent, appended as keyword arguments.
    pub(super) besides: &'static str,
}

/// Packs results.
pub(crate) const PACK: Library = Library {
    source: include_str!(concat!(env!("OUT_DIR"), "/values.py")),
    namespace: "_values",
    function: "packed",
    name: "P",
    besides: "",
};

/// Reads attached arguments.
pub(crate) const ATTACHED: Library = Library {
    source: include_str!(concat!(env!("OUT_DIR"), "/attached.py")),
    namespace: "_attached",
    function: "attached",
    name: "J",
    besides: "",
};

impl Library {
    /// Expression: whether the board has the library.
    pub(crate) fn is_there(self) -> String {
        format!("'{}' in globals()", self.name)
    }

    /// Sends the library.
    pub(crate) fn bring(self) -> Result<String, ValueError> {
        let Self {
            source,
            namespace,
            function,
            name,
            besides,
        } = self;
        let run = expression::execute(namespace, source, None)?;
        let function = expression::in_namespace(namespace, function);
        Ok(expression::both(
            &run,
            &format!("globals().update({name}={function}{besides})"),
        ))
    }
}
