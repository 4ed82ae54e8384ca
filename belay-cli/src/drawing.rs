//! Shows mistakes in Python code in their place.

use std::fmt::Write as _;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use belay::{DeviceException, Error};
use belay_syntax::Diagnostic;

use crate::failure::Failure;
use crate::screen;

/// The failure for an exception in the user's program: prints the traceback as MicroPython does, without our
/// own frames. A syntax error is shown in its line.
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
    // The library's answer to an `input` that cannot be served.
    if exception.message.starts_with("there is no input") {
        let help = "in `belay repl` the keyboard is the board's: run it there, or give it what it asks for in another way";
        screen::note(&format!("{}: {help}\n", screen::cyan("help")));
    }
    Failure::Told(1)
}

fn traceback(exception: &DeviceException, file: &str) -> String {
    let mut text = String::new();
    // Frames of our methods and of the agent would not help the user.
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

/// A mistake in its line, drawn like rustc's.
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
