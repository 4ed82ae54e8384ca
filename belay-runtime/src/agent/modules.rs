//! The library for a trait's modules on the board, and how it is called.

use std::borrow::Cow;

use super::expression::{call, in_namespace, is_in_namespace};
use crate::python::{self, ValueError};
use crate::spec::ModuleSpec;

/// The library's source.
pub(crate) const LIBRARY: &str = include_str!(concat!(env!("OUT_DIR"), "/modules.py"));
/// The namespace on the board in which the library is executed.
pub(crate) const NAMESPACE: &str = "_modules";
/// The file name of the library in tracebacks.
pub(crate) const FILE: &str = "belay.modules";
/// The folder of the modules on a board; their file names in tracebacks begin with it.
pub(crate) const ROOT: &str = "/_belay";
/// Evaluates to 1 where a board can have modules, and raises otherwise. A board with little memory is asked before it
/// is sent the library.
pub(crate) const POSSIBLE: &str = "__import__('sys').modules and 1";

const CLAIM: &str = "claim";

/// Asks which of these modules the board lacks. After a `fresh` claim the modules of earlier claims can no longer be
/// imported. Gives `False` where the board does not have the library.
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

/// Sends a piece of a module, which belongs at byte `at`.
pub(crate) fn put(module: &ModuleSpec, at: usize, piece: &[u8], is_last: bool) -> Result<String, ValueError> {
    let piece = python::to_literal(&python::Bytes::from(piece))?;
    let hash = if is_last {
        format!("'{:x}'", module.hash)
    } else {
        "None".to_owned()
    };
    Ok(function("put", &format!("'{}',{at},{piece},{hash}", module.path)))
}

/// A file that is to be stored in a folder of the board: its path there, and its contents.
#[derive(Debug)]
pub(crate) struct StoredModule {
    pub(crate) path: String,
    pub(crate) contents: Cow<'static, [u8]>,
}

/// Asks which of these files the board's folder lacks or has with other contents. From now on modules are imported from
/// this folder, too. Gives `False` where the board does not have the library.
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

/// Removes the modules of earlier programs, and gives how much memory that freed.
pub(crate) fn spare() -> String {
    function("spare", "")
}

/// Executes these modules on a board that cannot import them as files.
pub(crate) fn load<'a>(modules: impl Iterator<Item = &'a ModuleSpec>) -> Result<String, ValueError> {
    let paths: Vec<&str> = modules.map(|module| module.path).collect();
    Ok(function("load", &python::to_literal(&paths.join(" "))?))
}

fn function(name: &str, arguments: &str) -> String {
    call(in_namespace(NAMESPACE, name), arguments)
}
