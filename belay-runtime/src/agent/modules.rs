//! The library for modules on the board, and how it is called.

use std::borrow::Cow;

use super::expression::{call, in_namespace, is_in_namespace};
use crate::python::{self, ValueError};
use crate::spec::ModuleSpec;

/// Its source.
pub(crate) const LIBRARY: &str = include_str!(concat!(env!("OUT_DIR"), "/modules.py"));
/// The namespace in which it is.
pub(crate) const NAMESPACE: &str = "_modules";
/// What tracebacks call it.
pub(crate) const FILE: &str = "belay.modules";
/// Where the modules are on a board; their tracebacks begin with it.
pub(crate) const ROOT: &str = "/_belay";
/// Whether a board can have any, which one with little memory is asked before it gets the library.
pub(crate) const POSSIBLE: &str = "__import__('sys').modules and 1";

const CLAIM: &str = "claim";

/// Which of these modules the board has not got. Those that were claimed before are not to be seen any more where the
/// claim is a `fresh` one. It gives `False` where the library is not there.
pub(crate) fn claim<'a>(
    fresh: bool,
    modules: impl Iterator<Item = &'a ModuleSpec>,
) -> Result<String, ValueError> {
    let wanted: Vec<String> = modules
        .map(|module| format!("{} {:x}", module.path, module.hash))
        .collect();
    let wanted = python::to_literal(&wanted.join(" "))?;
    let claim = function(CLAIM, &format!("{},{wanted}", u8::from(fresh)));
    Ok(format!("{} and {claim}", is_in_namespace(NAMESPACE, CLAIM)))
}

/// A piece of a module, from this byte on.
pub(crate) fn put(module: &ModuleSpec, at: usize, piece: &[u8], is_last: bool) -> Result<String, ValueError> {
    let piece = python::to_literal(&python::Bytes::from(piece))?;
    let hash = if is_last {
        format!("'{:x}'", module.hash)
    } else {
        "None".to_owned()
    };
    Ok(function("put", &format!("'{}',{at},{piece},{hash}", module.path)))
}

/// A file that is to be in a folder of the board: its path there, and what is in it.
#[derive(Debug)]
pub(crate) struct StoredModule {
    pub(crate) path: String,
    pub(crate) contents: Cow<'static, [u8]>,
}

/// Which of these files are not in this folder of the board's file system, where modules are imported from from now on.
/// It gives `False` where the library is not there.
pub(crate) fn differing(folder: &str, files: &[StoredModule]) -> Result<String, ValueError> {
    let wanted: Vec<String> = files
        .iter()
        .map(|file| format!("{} {:x}", file.path, crc32fast::hash(&file.contents)))
        .collect();
    let (folder, wanted) = (
        python::to_literal(folder)?,
        python::to_literal(&wanted.join(" "))?,
    );
    let differing = function("differing", &format!("{folder},{wanted}"));
    Ok(format!("{} and {differing}", is_in_namespace(NAMESPACE, CLAIM)))
}

/// Removes what earlier programs have left, and says how much that was.
pub(crate) fn spare() -> String {
    function("spare", "")
}

/// Runs these modules, where they are no files.
pub(crate) fn load<'a>(modules: impl Iterator<Item = &'a ModuleSpec>) -> Result<String, ValueError> {
    let paths: Vec<&str> = modules.map(|module| module.path).collect();
    Ok(function("load", &python::to_literal(&paths.join(" "))?))
}

fn function(name: &str, arguments: &str) -> String {
    call(in_namespace(NAMESPACE, name), arguments)
}
