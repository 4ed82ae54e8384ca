//! The board's report about itself: its capabilities, and what is deployed on it.

use super::expression::{DEPLOYED, is_in_namespace};
use super::threads;
use crate::python::{self, ValueError};

/// The name under which the board keeps the report of the probe.
const REPORT: &str = "C";
/// The probe: the source that finds out what the board can do.
const PROBE: &str = include_str!(concat!(env!("OUT_DIR"), "/capabilities.py"));

/// Expression: the deployed functions, and whether the board has the library for threads.
fn found() -> String {
    let library = is_in_namespace(threads::NAMESPACE, threads::ADOPT);
    format!("({DEPLOYED},{library})")
}

/// Expression: the report of an earlier probe, if there is one, and what is on the board.
pub(crate) fn kept() -> String {
    format!("(globals().get('{REPORT}'),{})", found())
}

/// Expression: runs the probe and gives its report, and what is on the board. Afterwards the names of the probe are
/// removed.
pub(crate) fn made() -> Result<String, ValueError> {
    let source = python::to_literal(PROBE)?;
    let found = found();
    Ok(format!(
        "(X('_probe',{source}),globals().update({REPORT}=N('_probe').pop('report')),N('_probe').clear(),\
         ({REPORT},{found}))[3]"
    ))
}
