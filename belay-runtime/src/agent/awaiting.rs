//! The library for bodies that await, and how it is called.

use super::expression::is_in_namespace;

/// Its source.
pub(crate) const LIBRARY: &str = include_str!(concat!(env!("OUT_DIR"), "/awaiting.py"));
/// The namespace in which it is.
pub(crate) const NAMESPACE: &str = "_awaiting";
/// What tracebacks call it.
pub(crate) const FILE: &str = "belay.awaiting";

/// What makes a function of a body that awaits, as such a body calls it.
const AWAITS: &str = "_belay_awaits";

/// Whether the library is there.
pub(crate) fn is_there() -> String {
    is_in_namespace(NAMESPACE, "awaits")
}

/// Gives a namespace what its bodies that await are made of.
pub(crate) fn bind(namespace: &str) -> String {
    format!("N('{namespace}').update({AWAITS}=N('{NAMESPACE}')['awaits'])")
}
