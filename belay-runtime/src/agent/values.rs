//! What packs results on the board, and what reads attached arguments there: each is sent when it is first needed.

use super::expression;
use crate::python::ValueError;

/// A function that the agent calls when there is need for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Library {
    /// Its source.
    pub(crate) source: &'static str,
    /// The namespace in which it is.
    pub(super) namespace: &'static str,
    /// Its name there.
    pub(super) function: &'static str,
    /// What the agent calls it by.
    pub(super) name: &'static str,
    /// What else the agent is given, as an argument after it.
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
    /// Whether it is there.
    pub(crate) fn is_there(self) -> String {
        format!("'{}' in globals()", self.name)
    }

    /// Brings it.
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
