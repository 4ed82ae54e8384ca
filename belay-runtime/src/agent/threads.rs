//! The library for threads on the board, and how it is called.

use super::expression::{DESCRIBE, SAY, call, in_namespace, is_in_namespace};
use crate::python::{self, Arguments, ValueError};

/// The library's source.
pub(crate) const LIBRARY: &str = include_str!(concat!(env!("OUT_DIR"), "/threads.py"));
/// The namespace on the board in which the library is executed.
pub(crate) const NAMESPACE: &str = "_threads";
/// The file name of the library in tracebacks.
pub(crate) const FILE: &str = "belay.threads";
/// One of the library's functions, by which the host sees whether the board has it.
pub(super) const ADOPT: &str = "adopt";

/// The parameters with which a thread is started.
#[derive(Debug)]
pub(crate) struct Start<'a> {
    pub(crate) id: u32,
    pub(crate) name: &'a str,
    /// Whether the start is refused while a thread of this name runs.
    pub(crate) single: bool,
    /// The board's alias for the function.
    pub(crate) function: &'a str,
    pub(crate) arguments: &'a Arguments,
    pub(crate) restarts: u32,
    /// After how many milliseconds the thread is stopped, or 0 for never.
    pub(crate) longest: u64,
    /// For how many milliseconds its clean-up may then take before it is interrupted.
    pub(crate) patience: u64,
}

/// Expression: whether the board has the library. It also lets go what an earlier program holds.
pub(crate) fn adopt() -> String {
    let is_there = is_in_namespace(NAMESPACE, ADOPT);
    format!("{is_there} and {}", function(ADOPT, ""))
}

/// Starts a thread, unless `single` is set and one of this name is running.
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

/// Asks for the state of all threads; those in `seen` are forgotten on the board first.
pub(crate) fn report(seen: &[u32]) -> String {
    function("report", &format!("{seen:?}"))
}

/// Asks threads to stop, and does not interrupt their clean-up for `patience` milliseconds.
pub(crate) fn stop(ids: &[u32], patience: u64) -> String {
    function("stop", &format!("{ids:?},{patience}"))
}

/// Pauses all threads, and waits for them for at most `millis` milliseconds.
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
