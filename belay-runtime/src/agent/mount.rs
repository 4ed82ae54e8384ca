//! The library for folders of the host that are mounted on the board, how it is called, and what it asks the host.

use super::expression::{call, in_namespace, is_in_namespace};
use crate::python::{Arguments, ValueError};
use crate::spec::{DeviceSpec, HostSpec};

/// The library's source.
pub(crate) const LIBRARY: &str = include_str!(concat!(env!("OUT_DIR"), "/mount.py"));
/// The file name of the library in tracebacks.
pub(crate) const FILE: &str = "belay.mount";

/// The questions that the board asks, declared like the host functions of any trait.
pub(crate) static SPEC: DeviceSpec = DeviceSpec {
    name: "a mounted folder",
    namespace: "_mount",
    methods: &[],
    modules: &[],
    modules_to: None,
    modules_compiled: false,
    hosts: &[
        asks("host_stat", &["root", "path"]),
        asks("host_list", &["root", "path", "after"]),
        asks("host_open", &["root", "path", "mode", "piece"]),
        asks("host_read", &["handle", "at", "size"]),
        asks("host_write", &["handle", "at", "data"]),
        asks("host_size", &["handle"]),
        asks("host_close", &["handle"]),
        asks("host_mkdir", &["root", "path"]),
        asks("host_rmdir", &["root", "path"]),
        asks("host_remove", &["root", "path"]),
        asks("host_rename", &["root", "old", "new"]),
    ],
};

const fn asks(name: &'static str, params: &'static [&'static str]) -> HostSpec {
    HostSpec {
        name,
        params,
        timeout: None,
    }
}

/// Expression: whether the board has the library.
pub(crate) fn is_there() -> String {
    is_in_namespace(SPEC.namespace, "unmount")
}

/// Mounts the folder with this number.
pub(crate) fn mount(root: u32, at: &str, enter: bool) -> Result<String, ValueError> {
    let arguments = Arguments::new()
        .with("root", &root)
        .with("at", at)
        .with("enter", &enter);
    function("mount", &arguments)
}

/// Unmounts a folder.
pub(crate) fn unmount(at: &str) -> Result<String, ValueError> {
    function("unmount", &Arguments::new().with("at", at))
}

/// Makes the board forget the modules that it has imported from there, so that they are imported anew.
pub(crate) fn forget(at: &str) -> Result<String, ValueError> {
    function("forget", &Arguments::new().with("at", at))
}

fn function(name: &str, arguments: &Arguments) -> Result<String, ValueError> {
    Ok(call(in_namespace(SPEC.namespace, name), arguments.literals()?))
}
