//! `belay-syntax check FILE…` and `belay-syntax minify FILE`.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::process::ExitCode;

use belay_syntax::{Diagnostic, LineIndex};

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
    let mut count = 0;
    for file in files {
        match read(file) {
            Ok(source) => {
                let parsed = belay_syntax::parse_module(&source);
                let lines = LineIndex::new(&source);
                for found in &parsed.diagnostics {
                    eprint!("{}", render(file, &lines, found));
                }
                count += parsed.diagnostics.len();
            }
            Err(error) => {
                eprintln!("error: cannot read {file}: {error}");
                count += 1;
            }
        }
    }
    if count == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn minify(file: &str, dense: bool) -> ExitCode {
    let source = match read(file) {
        Ok(source) => source,
        Err(error) => {
            eprintln!("error: cannot read {file}: {error}");
            return ExitCode::FAILURE;
        }
    };
    if !belay_syntax::parse_module(&source).diagnostics.is_empty() {
        return check(&[file]);
    }
    let smaller = if dense {
        belay_syntax::minify_dense(&source)
    } else {
        belay_syntax::minify(&source)
    };
    print(&smaller.code)
}

fn read(file: &str) -> std::io::Result<String> {
    if file != "-" {
        return std::fs::read_to_string(file);
    }
    let mut source = String::new();
    std::io::stdin().read_to_string(&mut source)?;
    Ok(source)
}

/// Writes to the output; a reader that went away is no mistake of ours.
fn print(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// The message, the place, the line and carets under what is wrong.
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
    // Tabs stay tabs, so that the carets stand under the text.
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
