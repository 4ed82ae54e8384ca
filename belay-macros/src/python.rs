//! The bodies of a trait, each of them parsed once: every check and what is sent read this.

use belay_syntax::{Analysis, LineIndex, Parsed, Range};
use proc_macro2::Span;

use crate::model::{Body, Device, Method};

/// A trait whose bodies are parsed.
pub(crate) struct Program<'a> {
    pub(crate) device: &'a Device,
    bodies: Vec<Python<'a>>,
}

/// A body that was parsed.
pub(crate) struct Python<'a> {
    pub(crate) method: &'a Method,
    pub(crate) body: &'a Body,
    pub(crate) parsed: Parsed<'a>,
}

impl<'a> Program<'a> {
    /// Parses all bodies. There is no other place that does.
    pub(crate) fn parse(device: &'a Device) -> Self {
        let bodies = device
            .methods()
            .flat_map(|method| method.bodies.iter().map(move |body| Python::parse(method, body)));
        Self {
            device,
            bodies: bodies.collect(),
        }
    }

    /// All bodies.
    pub(crate) fn bodies(&self) -> &[Python<'a>] {
        &self.bodies
    }

    /// Those that are Python.
    pub(crate) fn sound(&self) -> impl Iterator<Item = &Python<'a>> + Clone {
        self.bodies.iter().filter(|python| python.is_sound())
    }

    /// Those of one method.
    pub(crate) fn of(&self, method: &Method) -> impl Iterator<Item = &Python<'a>> {
        self.bodies
            .iter()
            .filter(move |python| std::ptr::eq(python.method, method))
    }
}

impl<'a> Python<'a> {
    fn parse(method: &'a Method, body: &'a Body) -> Self {
        #[cfg(test)]
        PARSES.set(PARSES.get() + 1);
        let parsed = if method.kind.is_function() {
            belay_syntax::parse_body(&body.text, &method.param_names())
        } else {
            belay_syntax::parse_module(&body.text)
        };
        Self { method, body, parsed }
    }

    /// Whether it is Python.
    pub(crate) fn is_sound(&self) -> bool {
        self.parsed.diagnostics.is_empty()
    }

    pub(crate) fn analysis(&self) -> &Analysis {
        self.parsed.analysis()
    }

    /// Where a range of the body stands, and a message with the line it is about.
    pub(crate) fn with_excerpt(&self, range: Range, message: &str) -> (Span, String) {
        let (span, excerpt) = self.locate(&LineIndex::new(&self.body.text), range);
        (span, format!("{message}\n{excerpt}"))
    }

    /// Where a range of the body stands, and the line with carets under the range.
    fn locate(&self, index: &LineIndex<'_>, range: Range) -> (Span, String) {
        let body = self.body;
        let at = index.line_column(range.start);
        let text = index.line_text(at.line);
        let origin = body.lines.get(at.line - 1).or(body.lines.last());
        let line = origin.map_or(0, |origin| origin.line);
        let span = origin.map_or_else(Span::call_site, |origin| origin.span);
        let end = range.end.min(index.line_range(at.line).end).max(range.start);
        let width = body
            .text
            .get(range.start..end)
            .map_or(0, |text| text.chars().count());
        // Tabs keep their width, so that the carets stand below what they mean.
        let blanks: String = text
            .chars()
            .take(at.column - 1)
            .map(|letter| if letter == '\t' { '\t' } else { ' ' })
            .collect();
        let number = match &body.file {
            Some(file) => format!("{}:{line}", file.value()),
            None => line.to_string(),
        };
        let gutter = " ".repeat(number.len());
        let carets = "^".repeat(width.max(1));
        (span, format!("{number} | {text}\n{gutter} | {blanks}{carets}"))
    }
}

#[cfg(test)]
thread_local! {
    /// How often a body was parsed in this thread.
    pub(crate) static PARSES: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}
