//! What a board finds out of itself.

use super::expression::{DEPLOYED, is_in_namespace};
use super::threads;
use crate::python::{self, ValueError};

/// Under which name the board keeps what the probe reported.
const REPORT: &str = "C";
/// What the board runs to report.
const PROBE: &str = include_str!(concat!(env!("OUT_DIR"), "/capabilities.py"));

/// What is deployed, and whether the library for threads is there.
fn found() -> String {
    let library = is_in_namespace(threads::NAMESPACE, threads::ADOPT);
    format!("({DEPLOYED},{library})")
}

/// What the board reported once, if it did, and what is on it.
pub(crate) fn kept() -> String {
    format!("(globals().get('{REPORT}'),{})", found())
}

/// Has the board report, and gives that with what is on it. The names it needs are gone when it has answered.
pub(crate) fn made() -> Result<String, ValueError> {
    let source = python::to_literal(PROBE)?;
    let found = found();
    Ok(format!(
        "(X('_probe',{source}),globals().update({REPORT}=N('_probe').pop('report')),N('_probe').clear(),\
         ({REPORT},{found}))[3]"
    ))
}
