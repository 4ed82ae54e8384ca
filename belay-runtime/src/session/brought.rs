//! The modules of traits that are on a board.

use std::collections::HashMap;

/// How a board keeps modules in its memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    /// As files of a file system in memory.
    Files,
    /// As objects in `sys.modules`. No `import *` may reach these: it would take them for real modules and end the
    /// interpreter.
    Objects,
}

/// The modules that have been sent over one connection, as far as the host knows.
#[derive(Debug, Default)]
pub(super) struct Brought {
    /// How the board keeps modules, once it has reported that.
    pub(super) kept: Option<Kept>,
    /// The hash of the module at each path.
    pub(super) hashes: HashMap<&'static str, u64>,
}
