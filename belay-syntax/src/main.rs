//! `belay-syntax check FILE…` and `belay-syntax minify FILE`.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;

use belay_syntax::{Diagnostic, LineIndex, Parsed};

const HELP: &str = "\
Checks and minifies MicroPython's Python.

Usage: belay-syntax check FILE…
       belay-syntax minify [--dense] FILE

  check     says what MicroPython would refuse, and ends with 1 if there is anything
  minify    writes the file without comments and needless blanks to the output
  --dense   joins lines, too; a traceback then names the first of the lines that were joined

FILE may be `-` for the input.
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["-h" | "--help" | "help"] => print(HELP),
        ["check", files @ ..] if !files.is_empty() => check(files),
        ["minify", "--dense", file] => minify(file, true),
        ["minify", file] => minify(file, false),
        _ => {
            eprint!("{HELP}");
            ExitCode::from(2)
        }
    }
}

fn check(files: &[&str]) -> ExitCode {
    let mut good = true;
    for file in files {
        good &= read(file).is_some_and(|source| report(file, &belay_syntax::parse_module(&source)));
    }
    if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn minify(file: &str, dense: bool) -> ExitCode {
    let Some(source) = read(file) else {
        return ExitCode::FAILURE;
    };
    let parsed = belay_syntax::parse_module(&source);
    if !report(file, &parsed) {
        return ExitCode::FAILURE;
    }
    let smaller = if dense {
        parsed.rewrite().minify_dense()
    } else {
        parsed.rewrite().minify()
    };
    print(&smaller.code)
}

/// Prints the mistakes in a file; returns whether there are none.
fn report(file: &str, parsed: &Parsed<'_>) -> bool {
    let lines = LineIndex::new(parsed.source());
    let complaints = parsed.diagnostics.iter().map(|found| render(file, &lines, found));
    eprint!("{}", complaints.collect::<String>());
    parsed.diagnostics.is_empty()
}

/// Reads a file, or reports why it cannot be read.
fn read(file: &str) -> Option<String> {
    let source = if file == "-" {
        std::io::read_to_string(std::io::stdin())
    } else {
        std::fs::read_to_string(file)
    };
    source
        .inspect_err(|error| eprintln!("error: cannot read {file}: {error}"))
        .ok()
}

/// Writes to standard output. If its reader has gone, nothing is reported.
fn print(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Formats a mistake: the message, the place, the line, and carets under it.
fn render(file: &str, lines: &LineIndex<'_>, found: &Diagnostic) -> String {
    let start = lines.line_column(found.range.start);
    let end = lines.line_column(found.range.end);
    let text = lines.line_text(start.line);
    let width = text.chars().count();
    let last = if end.line == start.line {
        end.column
    } else {
        width + 1
    };
    let carets = "^".repeat(last.saturating_sub(start.column).max(1));
    // Tabs stay tabs, so that the carets line up.
    let margin: String = text
        .chars()
        .take(start.column - 1)
        .map(|character| if character == '\t' { '\t' } else { ' ' })
        .collect();
    let number = start.line.to_string();
    let gutter = " ".repeat(number.len());
    let mut out = format!(
        "error: {}\n{gutter}--> {file}:{}:{}\n{gutter} |\n{number} | {text}\n{gutter} | {margin}{carets}\n",
        found.message, start.line, start.column
    );
    if let Some(help) = &found.help {
        let _ = write!(out, "{gutter} |\n{gutter} = help: {help}\n");
    }
    out.push('\n');
    out
}
