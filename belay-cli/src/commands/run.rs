//! `belay run`

use std::io::Read as _;
use std::path::{Path, PathBuf};

use belay::ErrorKind;
use belay::python::Value;

use super::watching::Watch;
use crate::bench::Bench;
use crate::board::Tool as _;
use crate::failure::Failure;
use crate::{drawing, screen};

/// Runs a script on the board, and shows what it prints
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  belay run blink.py\n  belay run --watch blink.py\n\n\
    The script is not written to the board's files. Ctrl-C stops it. The exit status is 0 when it comes to its end, 1 when \
    it raises, and what it gives `sys.exit`."
)]
pub(crate) struct Arguments {
    /// The script, a file of this machine; `-` for the one on standard input
    file: PathBuf,
    /// Runs it again each time that it is saved
    #[arg(long)]
    watch: bool,
}

pub(crate) async fn run(arguments: Arguments, bench: &mut Bench) -> Result<(), Failure> {
    let Arguments { file, watch } = arguments;
    if !watch {
        return once(&file, bench).await;
    }
    if file.as_os_str() == "-" {
        return Err(Failure::usage("standard input cannot be watched", "name a file"));
    }
    bench.lasting = true;
    // With a mounted folder, watch all of it: the script may import from it.
    let mut watch = match &bench.mounted {
        Some(mounted) => Watch::modules(&mounted.folder),
        None => Watch::new(&file),
    };
    loop {
        let outcome = tokio::select! {
            outcome = once(&file, bench) => Some(outcome),
            () = watch.changed() => None,
        };
        if let Some(outcome) = outcome {
            match outcome {
                Ok(()) => {}
                Err(failure) if failure.status() == 3 => return Err(failure),
                Err(failure) => failure.tell_and_go_on(),
            }
            let what = if bench.mounted.is_some() {
                "a file"
            } else {
                "the file"
            };
            let waits = format!("(waits for {what} to be saved; Ctrl-C ends this)\n");
            screen::note(&screen::faint(&waits));
            watch.changed().await;
        }
        if let Some(mounted) = &bench.mounted {
            mounted.mount.forget_imports().await?;
        }
        let name = watch.path().display();
        screen::note(&screen::faint(&format!("({name} was saved)\n")));
    }
}

async fn once(file: &Path, bench: &mut Bench) -> Result<(), Failure> {
    let source = source(file)?;
    let name = file
        .file_name()
        .map_or_else(|| "<stdin>".into(), |name| name.to_string_lossy());
    bench.patient = true;
    let board = bench.board().await?;
    if board.is_small() {
        return left(
            board.run_plainly(&source).await,
            &file.display().to_string(),
            &source,
        );
    }
    let tool = board.tool().await?;
    let done = board.voice.during(tool.run(&source, &name)).await;
    left(done, &file.display().to_string(), &source)
}

/// The outcome of a program.
pub(super) fn left(left: belay::Result<Value>, file: &str, source: &str) -> Result<(), Failure> {
    match left {
        Ok(left) => status(&left),
        // A program may end by a reset, which leaves no exit status.
        Err(error) if matches!(error.kind(), ErrorKind::Reset) => {
            screen::note(&screen::faint("(the program has reset the board)\n"));
            Ok(())
        }
        Err(error) => Err(drawing::raised(error, file, source)),
    }
}

/// The exit status for the argument of `SystemExit`, by Python's rules.
fn status(left: &Value) -> Result<(), Failure> {
    match left {
        Value::None => Ok(()),
        Value::Bool(value) => told(i128::from(*value)),
        Value::Int(status) => told(*status),
        Value::Str(text) => Err(Failure::failed(text.clone())),
        other => Err(Failure::failed(other.to_string())),
    }
}

fn told(status: i128) -> Result<(), Failure> {
    match u8::try_from(status & 0xff).unwrap_or(1) {
        0 => Ok(()),
        status => Err(Failure::Told(status)),
    }
}

fn source(file: &Path) -> Result<String, Failure> {
    if file.as_os_str() == "-" {
        let mut source = String::new();
        std::io::stdin().read_to_string(&mut source)?;
        return Ok(source);
    }
    std::fs::read_to_string(file).map_err(|error| Failure::local(file, &error))
}
