//! MicroPython's Python: lexer, parser, diagnostics, analysis and minifier, without dependencies.
//!
//! It accepts what MicroPython accepts, which is neither a subset nor a superset of what CPython accepts. It
//! is tested against `mpy-cross`, MicroPython's own compiler, with MicroPython's own tests and mutations of
//! them.
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
//! It also reports code that MicroPython accepts but nobody means, such as a typographic quote or a
//! non-breaking space, which are names to MicroPython. [`Diagnostic::accepted`] marks these.
//!
//! Three things are left to the board: the instructions in an inline assembler function and the types of a
//! viper function are not checked, and nesting is refused beyond 64 levels, which is more than small boards
//! can compile.

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
mod modules;
mod parser;
mod range;
mod rewrite;
mod scope;
mod shorten;
mod stdin;
mod stop;
mod token;

pub use advice::advice;
pub use analysis::{Analysis, Import, Loop, Name, Return};
pub use builtins::{builtins, is_builtin, is_circuitpython_builtin, is_keyword};
pub use modules::{is_fixed_module, is_module, modules};
pub use range::{LineColumn, LineIndex, Range};
pub use rewrite::{Minified, Rewrite};

use std::sync::Arc;

use lexer::Lexed;
use scope::Outer;

/// A mistake in the text, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The text that is wrong.
    pub range: Range,
    /// The mistake, in one line without a full stop.
    pub message: String,
    /// What to write instead, where that is known.
    pub help: Option<String>,
    /// Whether MicroPython itself accepts it, although it does something that nobody means.
    pub accepted: bool,
}

/// A parsed text. Its methods need no second parse.
#[derive(Clone, Debug)]
pub struct Parsed<'a> {
    /// What MicroPython would refuse, in the order of the text and at most one to a line; empty if it accepts the
    /// text.
    pub diagnostics: Vec<Diagnostic>,
    analysis: Analysis,
    text: Arc<Text<'a>>,
}

/// The parts of a parsed text that do not depend on its context.
#[derive(Debug)]
struct Text<'a> {
    source: &'a str,
    lexed: Lexed<'a>,
    block: ast::Block,
    /// The syntax errors.
    faults: Vec<Diagnostic>,
}

impl<'a> Parsed<'a> {
    /// The text itself.
    pub fn source(&self) -> &'a str {
        self.text.source
    }

    /// What the text does. If it has errors, this covers the parts that could be parsed.
    pub fn analysis(&self) -> &Analysis {
        &self.analysis
    }

    /// Whether there is no statement in the text: nothing, or only blank lines and comments.
    pub fn is_empty(&self) -> bool {
        self.text.block.is_empty()
    }

    /// Whether the text consists only of words that do nothing, as when a description stands in place of
    /// code: names and attributes, with operators or commas between them.
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
        self.text.block.iter().all(idle) && names
    }

    /// The same text as the body of `def name(params):`, without parsing it again.
    ///
    /// ```
    /// let module = belay_syntax::parse_module("return 1");
    /// assert!(!module.diagnostics.is_empty());
    /// assert!(module.as_body(&[]).diagnostics.is_empty());
    /// ```
    #[must_use]
    pub fn as_body(&self, params: &[&str]) -> Self {
        let is_async = false;
        Self::check(self.text.clone(), Outer::Function { params, is_async })
    }

    /// The same text as the body of `async def name(params):`, without parsing it again.
    ///
    /// ```
    /// let body = belay_syntax::parse_body("await wait()", &[]);
    /// assert_eq!(body.analysis().awaits.len(), 1);
    /// assert!(!body.diagnostics.is_empty());
    /// assert!(body.as_async_body(&[]).diagnostics.is_empty());
    /// ```
    #[must_use]
    pub fn as_async_body(&self, params: &[&str]) -> Self {
        let is_async = true;
        Self::check(self.text.clone(), Outer::Function { params, is_async })
    }

    /// The text in the form in which it is sent to a board.
    pub fn rewrite(&self) -> Rewrite<'_> {
        Rewrite::new(&self.text)
    }

    /// Where the text certainly reads from `sys.stdin`, under whatever name it imports that. Calls of the
    /// builtin `input` are not included, since that name may be defined elsewhere.
    ///
    /// ```
    /// let source = "import sys\nline = sys.stdin.readline()\nsys.stdout.write(line)\n";
    /// let reads = belay_syntax::parse_module(source).stdin_reads();
    /// assert_eq!(reads.len(), 1);
    /// assert_eq!(reads[0].text(source), "sys.stdin.readline");
    /// ```
    pub fn stdin_reads(&self) -> Vec<Range> {
        stdin::reads(&self.text.lexed.tokens)
    }

    /// The text with shorter names for the parameters and local names of a module's functions. Names that are
    /// visible from elsewhere are kept: the module's own names, attributes and methods, keyword arguments,
    /// imports, and all names that begin with an underscore. A name that is one of these in one place is kept
    /// in all places.
    ///
    /// The text must not access its names in other ways, such as in evaluated strings or with `locals()`. A
    /// text with errors or with f-strings is returned unchanged.
    ///
    /// ```
    /// let source = "def area(width, height):\n    product = width * height\n    return product\n";
    /// assert_eq!(
    ///     belay_syntax::parse_module(source).shorten(),
    ///     "def area(c, a):\n    b = c * a\n    return b\n"
    /// );
    /// ```
    pub fn shorten(&self) -> String {
        if self.diagnostics.is_empty() {
            shorten::shorten(self.text.source, &self.text.lexed.tokens, &self.analysis)
        } else {
            self.text.source.to_owned()
        }
    }

    fn new(source: &'a str, outer: Outer<'_>) -> Self {
        let lexed = lexer::tokenize(source);
        let (block, faults) = parser::parse(source, &lexed);
        let text = Text {
            source,
            lexed,
            block,
            faults,
        };
        Self::check(Arc::new(text), outer)
    }

    /// Checks a text in its context.
    fn check(text: Arc<Text<'a>>, outer: Outer<'_>) -> Self {
        let mut diagnostics = text.faults.clone();
        let mut scopes = scope::check(&text.block, outer);
        diagnostics.append(&mut scopes.diagnostics);
        // A strange but accepted construct is often the cause of the errors in the same place, so it comes
        // first.
        diagnostics.sort_by_key(|found| (found.range.start, !found.accepted, found.range.end));
        // Only the first diagnostic of a line is kept; others often follow from it.
        let lines = LineIndex::new(text.source);
        diagnostics.dedup_by_key(|found| lines.line(found.range.start));
        let analysis = Analysis::new(&scopes, flow::follow(text.source, &text.block));
        Self {
            diagnostics,
            analysis,
            text,
        }
    }
}

/// Parses a whole file, or statements that run at a module's level.
pub fn parse_module(source: &str) -> Parsed<'_> {
    Parsed::new(source, Outer::Module)
}

/// Parses the body of `def name(params):`, given without its indentation.
pub fn parse_body<'a>(source: &'a str, params: &[&str]) -> Parsed<'a> {
    Parsed::new(
        source,
        Outer::Function {
            params,
            is_async: false,
        },
    )
}

/// Parses the body of `async def name(params):`, given without its indentation.
pub fn parse_async_body<'a>(source: &'a str, params: &[&str]) -> Parsed<'a> {
    Parsed::new(
        source,
        Outer::Function {
            params,
            is_async: true,
        },
    )
}
