//! Rewrites a text into the form in which it is sent to a board.

use crate::minify::shrink;
use crate::range::LineIndex;
use crate::stop::{Insertion, stop_points};
use crate::token::{Kind, Token};
use crate::{Range, Text};

/// A text that was made smaller without changing its meaning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Minified {
    /// The smaller text; every line of it ends in `\n`.
    pub code: String,
    /// For every line of `code`, the line of the source (from one) that it came from; 0 for the added head of
    /// a function.
    pub lines: Vec<u32>,
}

/// Prepares a text for a board: it can add stop points, wrap the text in a function, and minify it. The text
/// is not parsed again.
///
/// ```
/// let parsed = belay_syntax::parse_body("while True:\n    pin.toggle()  # on and off", &["pin"]);
/// let blink = parsed.rewrite().stop_points("__stop").function("blink", &["__stop", "pin"]);
/// assert_eq!(
///     blink.text(),
///     "def blink(__stop, pin):\n while True:\n     __stop();pin.toggle()  # on and off"
/// );
/// let minified = blink.minify();
/// assert_eq!(minified.code, "def blink(__stop,pin):\n while True:\n  __stop();pin.toggle()\n");
/// assert_eq!(minified.lines, [0, 1, 2]);
/// ```
#[derive(Clone, Debug)]
pub struct Rewrite<'a> {
    text: &'a Text<'a>,
    insertions: Vec<Insertion<'a>>,
    /// The name and the parameters, if the text becomes the body of a function.
    function: Option<(&'a str, &'a [&'a str])>,
    /// Whether that function is `async`.
    is_async: bool,
}

impl<'a> Rewrite<'a> {
    pub(crate) fn new(text: &'a Text<'a>) -> Self {
        Self {
            text,
            insertions: Vec::new(),
            function: None,
            is_async: false,
        }
    }

    /// Puts a call into each iteration of each loop, without changing any line numbers. The call raises an
    /// exception if the loop has to end, and returns `None` otherwise. A text with syntax errors stays
    /// unchanged.
    ///
    /// The call goes before the first statement of the loop's body. A compound statement allows nothing
    /// before it on the same line; if the body begins with one, the call becomes part of an expression that
    /// is evaluated anyway:
    ///
    /// | loop | becomes |
    /// | --- | --- |
    /// | `while condition:` | `while call or(condition):` |
    /// | `for x in values:` with an `if` or `while` first | `if call or(condition):` |
    /// | `for x in values:` with anything else first | `for x in (call or _ for _ in(values)):` |
    ///
    /// A `continue` cannot skip the call in any of the three. Loops of nested functions get the call as well,
    /// because they run when the function is called. Comprehensions do not, and neither do functions that are
    /// compiled to native code, since those cannot access a variable outside of them.
    ///
    /// The call is `name()`, or `name(1)` in a loop that cleans up: in a `finally`, an `__exit__`, or a
    /// function that one of them mentions.
    ///
    /// ```
    /// let parsed = belay_syntax::parse_module("while True:\n    led.toggle()\n");
    /// let stoppable = parsed.rewrite().stop_points("__stop").text();
    /// assert_eq!(stoppable, "while True:\n    __stop();led.toggle()\n");
    /// ```
    #[must_use]
    pub fn stop_points(mut self, name: &'a str) -> Self {
        if self.text.faults.is_empty() {
            self.insertions = stop_points(&self.text.block, &self.text.lexed.tokens, name);
        }
        self
    }

    /// Makes the text the body of `def name(params):`. The contents of strings stay unchanged.
    #[must_use]
    pub fn function(mut self, name: &'a str, params: &'a [&'a str]) -> Self {
        self.function = Some((name, params));
        self
    }

    /// Makes the function an `async def`.
    #[must_use]
    pub fn asynchronous(mut self) -> Self {
        self.is_async = true;
        self
    }

    fn def(&self) -> &'static str {
        if self.is_async { "async def" } else { "def" }
    }

    /// The text with its comments and spaces, line by line.
    pub fn text(&self) -> String {
        let mut edits = Vec::new();
        let mut out = String::with_capacity(self.text.source.len());
        if let Some((name, params)) = self.function {
            out = format!("{} {name}({}):\n", self.def(), params.join(", "));
            self.indent(&mut edits);
        }
        let insertions = self.insertions.iter();
        edits.extend(insertions.map(|insertion| {
            let place = Range::new(insertion.at, insertion.at);
            (place, insertion.text(self.text.source))
        }));
        // The sort is stable: insertions at the same place stay in the order in which they were found.
        edits.sort_by_key(|(range, _)| range.start);
        let mut from = 0;
        for (range, text) in &edits {
            out.push_str(self.text.source.get(from..range.start).unwrap_or(""));
            out.push_str(text);
            from = range.end;
        }
        out.push_str(self.text.source.get(from..).unwrap_or(""));
        out
    }

    /// The text without anything that makes no difference on a board. A text with syntax errors keeps
    /// everything.
    ///
    /// Every line of the result comes from one line of the source, so that a traceback can be mapped back exactly.
    pub fn minify(&self) -> Minified {
        self.shrink(false)
    }

    /// The text as small as possible, with lines joined: tracebacks then name the first of the joined lines.
    /// A text with syntax errors keeps everything.
    pub fn minify_dense(&self) -> Minified {
        self.shrink(true)
    }

    fn shrink(&self, dense: bool) -> Minified {
        if !self.text.faults.is_empty() {
            return self.unchanged();
        }
        let mut start = Minified::default();
        if let Some((name, params)) = self.function {
            start.code = format!("{} {name}({}):", self.def(), params.join(","));
            start.lines.push(0);
        }
        let lexed = &self.text.lexed;
        let tokens = self.tokens();
        shrink(self.text.source, &tokens, &lexed.literals, dense, start)
    }

    fn unchanged(&self) -> Minified {
        let text = self.text();
        let lines = LineIndex::new(&text);
        let count = u32::try_from(lines.lines()).unwrap_or(u32::MAX);
        let code = (1..=lines.lines())
            .flat_map(|line| [lines.line_text(line), "\n"])
            .collect();
        let head = u32::from(self.function.is_some());
        let lines = (1..=count).map(|line| line - head).collect();
        Minified { code, lines }
    }

    /// The tokens, with the inserted ones.
    fn tokens(&self) -> Vec<Token<'a>> {
        let mut insertions = self.insertions.iter().peekable();
        let mut all = Vec::with_capacity(self.text.lexed.tokens.len() + 8 * self.insertions.len());
        for token in &self.text.lexed.tokens {
            let layout = matches!(
                token.kind,
                Kind::Newline | Kind::Indent | Kind::Dedent | Kind::End
            );
            if !token.made && !layout {
                while let Some(insertion) = insertions.next_if(|next| next.at <= token.range.start) {
                    all.extend(insertion.tokens());
                }
            }
            all.push(*token);
        }
        all
    }

    /// Indents the text by one column. Tabs in the indentation become spaces, because the width of a tab
    /// depends on what is before it. The contents of strings stay unchanged.
    fn indent(&self, edits: &mut Vec<(Range, String)>) {
        let source = self.text.source;
        let lines = LineIndex::new(source);
        let mut literals = self.text.lexed.literals.iter().peekable();
        for line in 1..=lines.lines() {
            let range = lines.line_range(line);
            while literals.peek().is_some_and(|literal| literal.end <= range.start) {
                literals.next();
            }
            let in_string = literals.peek().is_some_and(|literal| literal.start < range.start);
            let text = range.text(source);
            let inner = text.trim_start_matches([' ', '\t']);
            let blanks = text.get(..text.len() - inner.len()).unwrap_or("");
            if !in_string {
                let width = |at: usize, blank| if blank == '\t' { (at + 8) / 8 * 8 } else { at + 1 };
                let column = blanks.chars().fold(0, width);
                let count = if inner.is_empty() { 0 } else { column + 1 };
                edits.push((
                    Range::new(range.start, range.start + blanks.len()),
                    " ".repeat(count),
                ));
            }
            if line < lines.lines() {
                let next = lines.line_range(line + 1).start;
                edits.push((Range::new(range.end, next), "\n".to_owned()));
            }
        }
    }
}
