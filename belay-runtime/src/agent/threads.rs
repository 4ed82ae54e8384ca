//! The library for threads on the board, and how it is called.

use super::expression::{DESCRIBE, SAY, call, in_namespace, is_in_namespace};
use crate::python::{self, Arguments, ValueError};

/// Its source.
pub(crate) const LIBRARY: &str = include_str!(concat!(env!("OUT_DIR"), "/threads.py"));
/// The namespace in which it is.
pub(crate) const NAMESPACE: &str = "_threads";
/// What tracebacks call it.
pub(crate) const FILE: &str = "belay.threads";
/// A name that it has.
pub(super) const ADOPT: &str = "adopt";

/// What is told of a thread when it is started.
#[derive(Debug)]
pub(crate) struct Start<'a> {
    pub(crate) id: u32,
    pub(crate) name: &'a str,
    /// Whether none of this name may be running.
    pub(crate) single: bool,
    /// What the board calls the function by.
    pub(crate) function: &'a str,
    pub(crate) arguments: &'a Arguments,
    pub(crate) restarts: u32,
    /// After how many milliseconds it is to stop, or 0.
    pub(crate) longest: u64,
    /// For how many milliseconds its clean-up is left alone then.
    pub(crate) patience: u64,
}

/// Whether the library is there. What an earlier program holds it lets go.
pub(crate) fn adopt() -> String {
    let is_there = is_in_namespace(NAMESPACE, ADOPT);
    format!("{is_there} and {}", function(ADOPT, ""))
}

/// Starts a thread, unless one of its name runs already.
pub(crate) fn start(start: &Start<'_>) -> Result<String, ValueError> {
    let arguments = start.arguments.literals()?;
    let comma = if arguments.is_empty() { "" } else { "," };
    let single = if start.single { "True" } else { "False" };
    let told = format!(
        "{SAY},{DESCRIBE},{},{},{single},{},({arguments}{comma}),{},{},{}",
        start.id,
        python::to_literal(start.name)?,
        start.function,
        start.restarts,
        start.longest,
        start.patience,
    );
    Ok(function("start", &told))
}

/// What there is to tell of all threads, once those in `seen` are forgotten there.
pub(crate) fn report(seen: &[u32]) -> String {
    function("report", &format!("{seen:?}"))
}

/// Has threads stop, and leaves their clean-up alone for so many milliseconds.
pub(crate) fn stop(ids: &[u32], patience: u64) -> String {
    function("stop", &format!("{ids:?},{patience}"))
}

/// Holds all threads, and waits so many milliseconds for them.
pub(crate) fn pause(name: u32, millis: u64) -> String {
    function("pause", &format!("{name},{millis}"))
}

/// Ends a pause.
pub(crate) fn resume(name: u32) -> String {
    function("resume", &name.to_string())
}

fn function(name: &str, arguments: &str) -> String {
    call(in_namespace(NAMESPACE, name), arguments)
}
