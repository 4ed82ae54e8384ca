//! The keywords and names that MicroPython itself defines.
//!
//! The tables are those of MicroPython 1.26: `mp_module_builtins_globals_table` in `py/modbuiltins.c`, sorted
//! by the lowest feature level (`MICROPY_CONFIG_ROM_LEVEL` in `py/mpconfig.h`) that enables a name. Most
//! boards are built with the level `EXTRA`, the smallest with `CORE`. A name that no level enables, but a
//! setting of its own, is listed at the level of the boards that set it.

use crate::token::Kind;

/// Defined in every MicroPython.
#[rustfmt::skip]
const MINIMUM: &[&str] = &[
    "ArithmeticError", "AssertionError", "AttributeError", "BaseException", "EOFError", "Ellipsis",
    "Exception", "GeneratorExit", "ImportError", "IndentationError", "IndexError", "KeyError",
    "KeyboardInterrupt", "LookupError", "MemoryError", "NameError", "NotImplementedError",
    "OSError", "OverflowError", "RuntimeError", "StopIteration", "SyntaxError", "SystemExit",
    "TypeError", "ValueError", "ZeroDivisionError", "__build_class__", "__import__", "__name__",
    "__repl_print__", "abs", "all", "any", "bin", "bool", "bytes", "callable", "chr", "classmethod",
    "dict", "dir", "divmod", "getattr", "globals", "hasattr", "hash", "hex", "id", "int",
    "isinstance", "issubclass", "iter", "len", "list", "locals", "map", "next", "object", "oct",
    "ord", "pow", "print", "range", "repr", "round", "setattr", "sorted", "staticmethod", "str",
    "sum", "super", "tuple", "type", "zip",
];

/// Defined from the level `CORE` on.
#[rustfmt::skip]
const CORE: &[&str] = &[
    "StopAsyncIteration", "bytearray", "complex", "delattr", "enumerate", "eval", "exec", "filter",
    "float", "max", "min", "open", "property", "reversed", "set", "slice",
];

/// Defined from the level `EXTRA` on.
#[rustfmt::skip]
const EXTRA: &[&str] = &[
    "NotImplemented", "UnicodeError", "ViperTypeError", "compile", "execfile", "frozenset", "help",
    "input", "memoryview",
];

/// Defined in later versions: a t-string calls it, from 1.28 on.
const LATER: &[&str] = &["__template__"];

/// Defined only in CircuitPython: `MICROPY_PORT_BUILTINS` and its exceptions.
const CIRCUITPYTHON: &[&str] = &[
    "BrokenPipeError",
    "ConnectionError",
    "ReloadException",
    "TimeoutError",
];

/// Instructions, directives and constants inside a function with `@rp2.asm_pio()`: `_pio_funcs`, `_pio_directives` and
/// `_pio_instructions` in `ports/rp2/modules/rp2.py`.
#[rustfmt::skip]
pub(crate) const PIO: &[&str] = &[
    "block", "clear", "exec", "gpio", "iffull", "ifempty", "in_", "invert", "irq", "isr", "jmp", "label",
    "mov", "noblock", "nop", "not_osre", "not_x", "not_y", "null", "osr", "out", "pc", "pin", "pindirs", "pins",
    "pull", "push", "rel", "reverse", "set", "status", "wait", "word", "wrap", "wrap_target", "x", "x_dec",
    "x_not_y", "y", "y_dec",
];

/// The types that viper code can use besides builtins: `mp_native_type_from_qstr` in `py/emitnative.c`.
pub(crate) const VIPER: &[&str] = &["ptr", "ptr16", "ptr32", "ptr8", "uint"];

/// Whether MicroPython reserves this word, so that it cannot be a name.
pub fn is_keyword(name: &str) -> bool {
    Kind::keyword(name).is_some()
}

/// Whether MicroPython defines this name without an import, on boards with the level `EXTRA`. Small boards
/// may lack it; that shows only on the board.
pub fn is_builtin(name: &str) -> bool {
    builtins().any(|builtin| builtin == name)
}

/// Whether CircuitPython defines this name without an import.
pub fn is_circuitpython_builtin(name: &str) -> bool {
    is_builtin(name) || CIRCUITPYTHON.contains(&name)
}

/// The names that MicroPython defines without an import, on boards with the level `EXTRA`.
pub fn builtins() -> impl Iterator<Item = &'static str> {
    [MINIMUM, CORE, EXTRA, LATER].into_iter().flatten().copied()
}
