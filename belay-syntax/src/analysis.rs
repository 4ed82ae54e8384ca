//! What a body does: whether it yields, what it returns, its loops and its names.

use crate::range::Range;

/// A name and the place where it was first met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The name.
    pub name: String,
    /// Where it stands.
    pub range: Range,
}

/// A `return` statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Return {
    /// The whole statement.
    pub range: Range,
    /// The value, unless there is none or it is the literal `None`.
    pub value: Option<Range>,
}

/// A `for` or `while` loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loop {
    /// The whole statement, its `else` included.
    pub range: Range,
    /// The statements that are repeated.
    pub body: Range,
    /// Whether it is `while` with a condition that is always true and no `break` of its own.
    pub endless: bool,
}

/// What a body does and which names it uses.
///
/// Yields, awaits, returns and loops are those of the body's own scope: what a nested function or class does is its
/// own business. Lists are in the order of the text, and a name occurs once in a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Analysis {
    /// `yield` and `yield from` expressions.
    pub yields: Vec<Range>,
    /// `await` expressions, `async for` and `async with`.
    pub awaits: Vec<Range>,
    /// `return` statements.
    pub returns: Vec<Return>,
    /// Whether the end of the body can be reached, so that it returns `None` there.
    pub end_reachable: bool,
    /// Loops; those of nested functions are not here.
    pub loops: Vec<Loop>,
    /// Names that the body binds in its own scope, parameters and declared globals excluded.
    pub assigned: Vec<Name>,
    /// Names that are read from the board's globals: nothing in the text binds them where they are read. Builtins
    /// are among them; see [`crate::is_builtin`].
    pub free: Vec<Name>,
    /// Names declared with `global` that are also assigned, by the body or by a function in it.
    pub globals: Vec<Name>,
    /// Modules that are imported, by their dotted names.
    pub imports: Vec<Name>,
    /// Whether there is a `from module import *`, after which any name may be defined.
    pub star_import: bool,
    /// Parameters that are never read.
    pub unused_params: Vec<String>,
}

impl Analysis {
    /// Whether the body is a generator.
    pub fn is_generator(&self) -> bool {
        !self.yields.is_empty()
    }

    /// Whether some `return` gives a value other than the literal `None`.
    pub fn returns_value(&self) -> bool {
        self.returns.iter().any(|found| found.value.is_some())
    }
}
