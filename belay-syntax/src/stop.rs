//! Changes to a text that leave its lines where they are.

use std::collections::HashSet;

use crate::ast::{Block, Decorator, Expr, Stmt, StmtKind};
use crate::cleanup::{blocks, cleaners, finally};
use crate::lexer::tokenize;
use crate::range::{LineIndex, Range};

/// Puts a call into each iteration of each loop, without changing the number of any line. The call raises when the
/// loop has to end, and returns `None` otherwise. A text with syntax errors comes back as it is.
///
/// The call goes in front of the first statement of the loop's body. Where a compound statement stands there, nothing
/// can go in front of it on the same line, and the call becomes a part of what is evaluated anyway:
///
/// | loop | becomes |
/// | --- | --- |
/// | `while condition:` | `while call or(condition):` |
/// | `for x in values:` with an `if` or `while` first | `if call or(condition):` |
/// | `for x in values:` with anything else first | `for x in (call or _ for _ in(values)):` |
///
/// A `continue` passes the call in each of the three. Loops of nested functions get the call as well, because they
/// run when the function is called; comprehensions do not, and neither do functions that are compiled to native
/// code, which cannot reach a variable outside of them.
///
/// The call is `name()`, and `name(1)` where the loop is one that cleans up: in a `finally`, an `__exit__`, or a
/// function that one of them mentions.
///
/// ```
/// let body = "while True:\n    led.toggle()\n";
/// let stoppable = belay_syntax::insert_stop_points(body, "__stop");
/// assert_eq!(stoppable, "while True:\n    __stop();led.toggle()\n");
/// ```
pub fn insert_stop_points(source: &str, name: &str) -> String {
    let lexed = tokenize(source);
    let (block, diagnostics) = crate::parser::parse(source, &lexed);
    if !diagnostics.is_empty() {
        return source.to_owned();
    }
    let mut edits = Edits {
        source,
        name,
        cleaners: cleaners(&block, &lexed.tokens),
        cleaning: false,
        found: Vec::new(),
    };
    edits.block(&block);
    edits.found.sort_by_key(|(at, rank, _)| (*at, *rank));
    let mut out = String::with_capacity(source.len() + edits.found.len() * (name.len() + 4));
    let mut from = 0;
    for (at, _, text) in &edits.found {
        out.push_str(source.get(from..*at).unwrap_or(""));
        out.push_str(text);
        from = *at;
    }
    out.push_str(source.get(from..).unwrap_or(""));
    out
}

/// What is to be inserted. At one place, closing comes before opening.
struct Edits<'a> {
    source: &'a str,
    name: &'a str,
    /// The functions that clean up.
    cleaners: HashSet<&'a str>,
    /// Whether what is being looked at cleans up.
    cleaning: bool,
    found: Vec<(usize, u8, String)>,
}

impl Edits<'_> {
    fn block(&mut self, block: &Block) {
        for statement in block {
            self.statement(statement);
        }
    }

    fn statement(&mut self, statement: &Stmt) {
        match &statement.kind {
            StmtKind::While { condition, body, .. } => {
                if is_simple(body) {
                    self.in_front(body);
                } else {
                    self.or(condition);
                }
            }
            StmtKind::For {
                is_async,
                iterable,
                body,
                ..
            } => self.for_loop(*is_async, iterable, body),
            StmtKind::Function { decorators, .. } if decorators.iter().any(is_native) => return,
            _ => {}
        }
        let outside = self.cleaning;
        if let StmtKind::Function { name, .. } = &statement.kind {
            self.cleaning |= self.cleaners.contains(name.name.as_str());
        }
        for block in blocks(&statement.kind) {
            self.block(block);
        }
        if let Some(finally) = finally(&statement.kind) {
            self.cleaning = true;
            self.block(finally);
        }
        self.cleaning = outside;
    }

    fn call(&self) -> String {
        let argument = if self.cleaning { "1" } else { "" };
        format!("{}({argument})", self.name)
    }

    fn for_loop(&mut self, is_async: bool, iterable: &Expr, body: &Block) {
        match body.first().map(|first| &first.kind) {
            _ if is_simple(body) => self.in_front(body),
            Some(StmtKind::If { branches, .. })
                if branches.first().is_some_and(|(test, _)| test.constant.is_none()) =>
            {
                if let Some((condition, _)) = branches.first() {
                    self.or(condition);
                }
            }
            // The inner loop asks before its first iteration, unless its body does that.
            Some(StmtKind::While { condition, body, .. }) if !is_never(condition) => {
                if is_simple(body) {
                    self.or(condition);
                }
            }
            // Nothing else can be done without an iterator of one's own, which may not be asynchronous.
            _ if is_async => {}
            _ => {
                let start = format!("({} or _ for _ in(", self.call());
                self.around(iterable.range, &start, "))");
            }
        }
    }

    /// Writes the call in front of the body's first statement.
    fn in_front(&mut self, body: &Block) {
        if let Some(first) = body.first() {
            self.found
                .push((first.range.start, 1, format!("{};", self.call())));
        }
    }

    fn or(&mut self, condition: &Expr) {
        if is_never(condition) {
            return;
        }
        let start = format!("{} or(", self.call());
        self.around(condition.range, &start, ")");
    }

    fn around(&mut self, range: Range, start: &str, end: &str) {
        let touches = self
            .source
            .get(..range.start)
            .and_then(|before| before.chars().next_back());
        let gap = if touches.is_some_and(char::is_alphanumeric) {
            " "
        } else {
            ""
        };
        self.found.push((range.start, 1, format!("{gap}{start}")));
        self.found.push((range.end, 0, end.to_owned()));
    }
}

/// Whether a decorator has the function compiled to native code.
fn is_native(decorator: &Decorator) -> bool {
    let emitter = decorator.emitter().map_or("", |word| word.name.as_str());
    matches!(emitter, "native" | "viper") || emitter.starts_with("asm_")
}

/// Whether a condition is known to be false.
fn is_never(condition: &Expr) -> bool {
    condition.constant.is_some_and(|value| !value.truth())
}

/// Whether a block begins with a simple statement.
fn is_simple(block: &Block) -> bool {
    let is_compound = |statement: &Stmt| {
        matches!(
            statement.kind,
            StmtKind::If { .. }
                | StmtKind::While { .. }
                | StmtKind::For { .. }
                | StmtKind::Try(_)
                | StmtKind::With { .. }
                | StmtKind::Function { .. }
                | StmtKind::Class { .. }
                | StmtKind::Broken(_)
        )
    };
    block.first().is_some_and(|first| !is_compound(first))
}

/// Indents a text by one column, so that it can stand under a line such as `def name():`. What is inside a string
/// stays as it is, and tabs that indent become spaces, because their width depends on what is before them.
///
/// ```
/// assert_eq!(belay_syntax::indent("if x:\n\ty\n"), " if x:\n         y\n");
/// ```
pub fn indent(source: &str) -> String {
    let lexed = tokenize(source);
    let lines = LineIndex::new(source);
    let mut out = String::with_capacity(source.len() + lines.lines());
    let mut literals = lexed.literals.iter().peekable();
    for line in 1..=lines.lines() {
        let range = lines.line_range(line);
        while literals.peek().is_some_and(|literal| literal.end <= range.start) {
            literals.next();
        }
        let in_string = literals.peek().is_some_and(|literal| literal.start < range.start);
        let text = range.text(source);
        let inner = text.trim_start_matches([' ', '\t']);
        if in_string {
            out.push_str(text);
        } else if !inner.is_empty() {
            let blanks = text.get(..text.len() - inner.len()).unwrap_or("");
            let column = blanks.chars().fold(
                0,
                |at, blank| if blank == '\t' { (at + 8) / 8 * 8 } else { at + 1 },
            );
            out.extend(std::iter::repeat_n(' ', column + 1));
            out.push_str(inner);
        }
        if line < lines.lines() {
            out.push('\n');
        }
    }
    out
}
