//! Python that is wrong, shown where it is wrong.

use std::fmt::Write as _;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use belay::{DeviceException, Error};
use belay_syntax::Diagnostic;

use crate::failure::Failure;
use crate::screen;

/// What a program of the user's has raised: the traceback, as MicroPython shows it, without what is ours. A fault in its
/// syntax is drawn.
pub(crate) fn raised(error: Error, file: &str, source: &str) -> Failure {
    let Some(exception) = error.exception() else {
        return error.into();
    };
    if exception.is("SyntaxError") || exception.is("IndentationError") {
        let diagnostics = belay_syntax::parse_module(source).diagnostics;
        if !diagnostics.is_empty() {
            for diagnostic in &diagnostics {
                screen::note(&drawn(diagnostic, file, source));
            }
            return Failure::Told(1);
        }
    }
    screen::note(&traceback(exception, file));
    // What the library gives a program for an `input`.
    if exception.message.starts_with("there is no input") {
        let help = "in `belay repl` the keyboard is the board's: run it there, or give it what it asks for in another way";
        screen::note(&format!("{}: {help}\n", screen::cyan("help")));
    }
    Failure::Told(1)
}

fn traceback(exception: &DeviceException, file: &str) -> String {
    let mut text = String::new();
    // What is of a method of ours, or of the agent itself, tells nobody anything.
    let theirs: Vec<_> = { exception.traceback.iter() }
        .filter(|frame| frame.rust.is_none() && frame.file != "belay" && !frame.file.starts_with("belay."))
        .collect();
    if !theirs.is_empty() {
        text.push_str("Traceback (most recent call last):\n");
    }
    for frame in theirs {
        let name = match frame.file.as_str() {
            "<string>" | "<stdin>" => file,
            name => name,
        };
        let _ = write!(text, "  File \"{name}\", line {}", frame.line);
        match &frame.function {
            Some(function) => {
                let _ = writeln!(text, ", in {function}");
            }
            None => text.push('\n'),
        }
    }
    let mut bare = exception.clone();
    bare.traceback.clear();
    let _ = writeln!(text, "{}", screen::red(&bare.to_string()));
    text
}

/// A fault in its line, as rustc draws it.
pub(crate) fn drawn(diagnostic: &Diagnostic, file: &str, source: &str) -> String {
    let Diagnostic {
        range,
        message,
        help,
        accepted,
    } = diagnostic;
    let level = if *accepted { Level::WARNING } else { Level::ERROR };
    let end = range.end.clamp(range.start, source.len());
    let snippet = Snippet::source(source)
        .path(file)
        .annotation(AnnotationKind::Primary.span(range.start.min(source.len())..end));
    let group = level.primary_title(message.as_str()).element(snippet);
    let mut report: Vec<Group<'_>> = vec![group];
    report.extend(
        help.as_deref()
            .map(|help| Group::with_title(Level::HELP.secondary_title(help))),
    );
    format!("{}\n", Renderer::styled().render(&report))
}
