//! MicroPython's Python: lexer, parser, diagnostics, analysis and minifier, without dependencies.
//!
//! It accepts what MicroPython accepts, which is neither a subset nor a superset of what CPython accepts, and is held
//! against `mpy-cross`, MicroPython's own compiler, over MicroPython's own tests and mutations of them.
//!
//! ```
//! let parsed = belay_syntax::parse_body("volts = adc.read_u16() * 3.3 / 65535\nreturn 27 - volts", &[]);
//! assert!(parsed.diagnostics.is_empty());
//! let analysis = parsed.analysis();
//! assert!(analysis.returns_value() && !analysis.is_generator());
//! assert_eq!(analysis.free[0].name, "adc");
//!
//! let parsed = belay_syntax::parse_body("if volts = 3:\n    return 1", &["volts"]);
//! assert_eq!(parsed.diagnostics[0].help.as_deref(), Some("to compare, write `==`"));
//! ```
//!
//! What MicroPython accepts and nobody means is told as well: a typographic quote or a space that does not break, which
//! are names to it. [`Diagnostic::accepted`] marks that.
//!
//! Three things are left to the board: the instructions of an inline assembler's function and the types of a viper
//! function are not checked, and nesting is refused beyond 64 levels, which is more than small boards can compile.

#![doc = include_str!("mistakes.md")]

mod advice;
mod analysis;
mod ast;
mod builtins;
mod cleanup;
mod flow;
mod fold;
mod lexer;
mod minify;
mod parser;
mod range;
mod scope;
mod shorten;
mod stdin;
mod stop;
mod token;

pub use advice::advice;
pub use analysis::{Analysis, Loop, Name, Return};
pub use builtins::{builtins, is_builtin, is_circuitpython_builtin, is_keyword};

pub use minify::{Minified, minify, minify_dense};
pub use range::{LineColumn, LineIndex, Range};
pub use shorten::shorten;
pub use stdin::stdin_reads;
pub use stop::{indent, insert_stop_points};

use scope::Outer;

/// Something that MicroPython refuses, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The text that is wrong.
    pub range: Range,
    /// What is wrong, in one line without a full stop.
    pub message: String,
    /// What to write instead, where that is known.
    pub help: Option<String>,
    /// Whether MicroPython itself would accept it, though it does something that nobody means.
    pub accepted: bool,
}

/// A text that was parsed.
#[derive(Clone, Debug, Default)]
pub struct Parsed {
    /// What MicroPython would refuse, in the order of the text and at most one to a line; empty if it accepts the
    /// text.
    pub diagnostics: Vec<Diagnostic>,
    analysis: Analysis,
    block: ast::Block,
}

impl Parsed {
    /// What the text does. With errors in it, this is about the parts that could be understood.
    pub fn analysis(&self) -> Analysis {
        self.analysis.clone()
    }

    /// Whether there is no statement in the text: nothing, or only blank lines and comments.
    pub fn is_empty(&self) -> bool {
        self.block.is_empty()
    }

    /// Whether all of the text are words that do nothing, as a description in place of code can be: names and
    /// attributes, with operators or commas between them.
    ///
    /// ```
    /// assert!(belay_syntax::parse_body("Blink", &[]).is_prose());
    /// assert!(!belay_syntax::parse_body("blink()", &[]).is_prose());
    /// ```
    pub fn is_prose(&self) -> bool {
        let mut names = false;
        let idle = |statement: &ast::Stmt| match &statement.kind {
            ast::StmtKind::Expr(value) => value.is_idle(&mut names),
            _ => false,
        };
        self.block.iter().all(idle) && names
    }

    fn new(source: &str, outer: Outer<'_>) -> Self {
        let (block, mut diagnostics) = parser::parse(source, &lexer::tokenize(source));
        let mut scopes = scope::check(&block, outer);
        diagnostics.append(&mut scopes.diagnostics);
        // What nobody means is the cause of what else is wrong in the same place.
        diagnostics.sort_by_key(|found| (found.range.start, !found.accepted, found.range.end));
        // The first complaint about a line is the one that helps; others are often its echo.
        let lines = LineIndex::new(source);
        diagnostics.dedup_by_key(|found| lines.line(found.range.start));
        let analysis = Analysis::new(&scopes, flow::follow(source, &block));
        Self {
            diagnostics,
            analysis,
            block,
        }
    }
}

/// Parses a whole file, or statements that run at a module's level.
pub fn parse_module(source: &str) -> Parsed {
    Parsed::new(source, Outer::Module)
}

/// Parses the body of `def name(params):`, given without its indentation.
pub fn parse_body(source: &str, params: &[&str]) -> Parsed {
    Parsed::new(
        source,
        Outer::Function {
            params,
            is_async: false,
        },
    )
}

/// Parses the body of `async def name(params):`, given without its indentation.
pub fn parse_async_body(source: &str, params: &[&str]) -> Parsed {
    Parsed::new(
        source,
        Outer::Function {
            params,
            is_async: true,
        },
    )
}
