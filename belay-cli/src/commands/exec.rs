//! `belay exec` and `belay eval`

use std::io::Read as _;

use super::Json;
use crate::bench::{Bench, Ear};
use crate::board::Tool as _;
use crate::drawing;
use crate::failure::Failure;
use crate::json;
use crate::screen::line;

/// The file name in tracebacks for code from the command line.
const GIVEN: &str = "<stdin>";

/// Runs statements on the board
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  belay exec \"from machine import Pin; Pin(25, Pin.OUT).on()\"\n  \
    echo 'print(6 * 7)' | belay exec -"
)]
pub(crate) struct Exec {
    /// The statements; `-` for those on standard input
    #[arg(allow_negative_numbers = true)]
    code: String,
}

/// Evaluates an expression on the board, and says its value
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  belay eval \"import machine; machine.freq()\"\n  \
    belay eval --json \"[1, 2.5, None, {'a': b'b'}]\"\n\n\
    Statements before the expression are run first. As JSON, tuples and sets are arrays, bytes are arrays of numbers, and \
    what JSON has no number for is text.")]
pub(crate) struct Eval {
    /// The expression, perhaps with statements and `;` before it; `-` for those on standard input
    #[arg(allow_negative_numbers = true)]
    code: String,
    #[command(flatten)]
    json: Json,
}

pub(crate) async fn exec(arguments: Exec, bench: &mut Bench) -> Result<(), Failure> {
    let code = text(arguments.code)?;
    bench.patient = true;
    let board = bench.board().await?;
    if board.is_small() {
        return super::run::left(board.run_plainly(&code).await, GIVEN, &code);
    }
    let tool = board.tool().await?;
    let done = board.voice.during(tool.statements(&code)).await;
    super::run::left(done, GIVEN, &code)
}

pub(crate) async fn eval(arguments: Eval, bench: &mut Bench) -> Result<(), Failure> {
    let code = text(arguments.code)?;
    bench.patient = true;
    let board = bench.board().await?;
    if arguments.json.json {
        board.voice.speak_to(Ear::Aside);
    }
    let (before, expression) = parted(&code).unwrap_or(("", &code));
    let expression = expression.trim();
    let value = if board.is_small() {
        board.evaluate_plainly(before, expression).await
    } else {
        let tool = board.tool().await?;
        let evaluating = async {
            if !before.is_empty() {
                let _ = tool.statements(before).await?;
            }
            tool.expression(expression).await
        };
        board.voice.during(evaluating).await
    };
    let value = value.map_err(|error| drawing::raised(error, GIVEN, &code))?;
    if arguments.json.json {
        return json::line(&json::value(&value));
    }
    Ok(line!("{value}")?)
}

/// Splits the code into the last statement and those before it. `None` if there is only one, or if it has a
/// syntax error.
pub(super) fn parted(code: &str) -> Option<(&str, &str)> {
    let ends = code.rmatch_indices([';', '\n']).map(|(at, _)| at);
    for at in ends {
        let (before, last) = (&code[..at], &code[at + 1..]);
        if last.trim().is_empty() {
            continue;
        }
        let whole = |text: &str| belay_syntax::parse_module(text).diagnostics.is_empty();
        if whole(before) && whole(last.trim()) {
            return Some((before, last));
        }
    }
    None
}

/// The code from the command line, or from standard input if that is `-`.
fn text(given: String) -> Result<String, Failure> {
    if given != "-" {
        return Ok(given);
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::parted;

    #[test]
    fn the_last_expression_is_parted_from_what_is_before_it() {
        assert_eq!(parted("1 + 2"), None);
        assert_eq!(parted("import a; a.b"), Some(("import a", " a.b")));
        assert_eq!(parted("';'"), None);
        assert_eq!(parted("x = ';'; (x,\nx)"), Some(("x = ';'", " (x,\nx)")));
    }
}
