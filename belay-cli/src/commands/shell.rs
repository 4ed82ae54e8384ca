//! `belay shell`

use std::fs::File;
use std::io::{BufRead, BufReader, IsTerminal as _, Write as _};
use std::path::PathBuf;

use clap::Parser;

use super::Command;
use crate::bench::Bench;
use crate::failure::Failure;
use crate::screen;

/// Takes commands from a file or the terminal, all on one connection
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  belay shell\n  belay shell deploy.txt\n  printf 'fs cp main.py :\\nreset\\n' | belay shell\n\n\
    One command a line, without `belay`; `#` begins a comment. A file ends at the first command that fails. `exit` ends it, too."
)]
pub(crate) struct Arguments {
    /// The file with the commands; standard input, if there is none
    file: Option<PathBuf>,
    /// Goes on with the next command when one has failed
    #[arg(short, long)]
    keep_going: bool,
}

/// One line of it.
#[derive(Debug, Parser)]
#[command(no_binary_name = true, name = "", disable_version_flag = true)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

/// The source of the lines.
type Source = Box<dyn BufRead + Send>;

pub(crate) async fn run(arguments: Arguments, bench: &mut Bench) -> Result<(), Failure> {
    bench.lasting = true;
    bench.patient = true;
    bench.dictated = arguments.file.is_none();
    let typed = arguments.file.is_none() && std::io::stdin().is_terminal();
    let mut source: Source = match &arguments.file {
        Some(path) => {
            let file = File::open(path).map_err(|error| Failure::local(path, &error))?;
            Box::new(BufReader::new(file))
        }
        None => Box::new(BufReader::new(std::io::stdin())),
    };
    let mut failed = None;
    loop {
        if typed {
            screen::write("belay> ")?;
            std::io::stdout().flush()?;
        }
        let line = tokio::select! {
            line = next(source) => line,
            pressed = tokio::signal::ctrl_c() => {
                pressed?;
                return Err(Failure::Interrupted);
            }
        };
        let (text, back) = line?;
        source = back;
        let Some(text) = text else { break };
        match one(&text, bench).await {
            Ok(true) => {}
            Ok(false) => break,
            Err(failure) if typed => failure.tell_and_go_on(),
            Err(failure) if arguments.keep_going => {
                failed = Some(failure.status());
                failure.tell_and_go_on();
            }
            Err(failure) => return Err(failure),
        }
    }
    failed.map_or(Ok(()), |status| Err(Failure::Told(status)))
}

/// Reads the next line on a thread that may block.
async fn next(mut source: Source) -> std::io::Result<(Option<String>, Source)> {
    let reading = tokio::task::spawn_blocking(move || {
        let mut line = String::new();
        let many = source.read_line(&mut line)?;
        Ok(((many > 0).then_some(line), source))
    });
    reading.await?
}

/// Runs the command on a line; returns false if it is `exit`.
async fn one(text: &str, bench: &mut Bench) -> Result<bool, Failure> {
    let text = text.trim();
    if text.is_empty() || text.starts_with('#') {
        return Ok(true);
    }
    let words = shell_words::split(text)
        .map_err(|error| Failure::usage(format!("`{text}`: {error}"), "quotes come in pairs"))?;
    let words = match words.first().map(String::as_str) {
        Some("exit" | "quit") => return Ok(false),
        Some("belay") => &words[1..],
        _ => &words[..],
    };
    let command = match Line::try_parse_from(words) {
        Ok(Line { command }) => command,
        Err(error) => {
            let _ = error.print();
            let status = u8::try_from(error.exit_code()).unwrap_or(2);
            return if status == 0 {
                Ok(true)
            } else {
                Err(Failure::Told(status))
            };
        }
    };
    if matches!(command, Command::Shell(_)) {
        return Err(Failure::usage("this is the shell already", "`exit` ends it"));
    }
    Box::pin(super::run(command, bench)).await?;
    Ok(true)
}
