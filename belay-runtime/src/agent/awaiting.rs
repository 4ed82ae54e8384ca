//! The library for bodies that await, and how it is called.

use super::expression::is_in_namespace;

/// The library's source.
pub(crate) const LIBRARY: &str = include_str!(concat!(env!("OUT_DIR"), "/awaiting.py"));
/// The namespace on the board in which the library is executed.
pub(crate) const NAMESPACE: &str = "_awaiting";
/// The file name of the library in tracebacks.
pub(crate) const FILE: &str = "belay.awaiting";

/// The wrapper that turns an `async` body into a function for other bodies to call; the name that such bodies know it
/// by.
const AWAITS: &str = "_belay_awaits";

/// Expression: whether the board has the library.
pub(crate) fn is_there() -> String {
    is_in_namespace(NAMESPACE, "awaits")
}

/// Puts into a namespace what its `async` bodies need.
pub(crate) fn bind(namespace: &str) -> String {
    format!("N('{namespace}').update({AWAITS}=N('{NAMESPACE}')['awaits'])")
}
