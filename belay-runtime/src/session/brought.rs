//! What of the modules that traits bring is on a board.

use std::collections::HashMap;

/// How a board keeps modules in its memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    /// As the files of a file system of their own.
    Files,
    /// As objects in `sys.modules`, which no `import *` may meet: it would take them for modules.
    Objects,
}

/// What is on the board over one connection, as far as the host knows.
#[derive(Debug, Default)]
pub(super) struct Brought {
    /// How the board keeps modules, once it was asked.
    pub(super) kept: Option<Kept>,
    /// The hash of what is in each path.
    pub(super) hashes: HashMap<&'static str, u64>,
}
