//! `belay sync`

use std::path::{Path, PathBuf};

use belay::{Files, SyncOptions, SyncReport};
use serde_json::json;

use super::Json;
use super::watching::Watch;
use crate::bench::Bench;
use crate::failure::Failure;
use crate::file_name::on_board;
use crate::screen::{faint, line, plain, size};
use crate::{json, progress, screen};

/// Makes a folder of the board have the files of one of this machine
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  belay sync board --delete\n  belay sync lib :lib --watch\n\n\
    Only what is new or different is sent. Nothing is removed without --delete, and even then boot.py, boot_out.txt, \
    settings.toml and webrepl_cfg.py stay in the root. .git, __pycache__, *.pyc and .DS_Store are left out."
)]
pub(crate) struct Arguments {
    /// The folder of this machine
    folder: PathBuf,
    /// The folder of the board
    #[arg(default_value = ":")]
    to: String,
    /// Removes what is on the board and not in the folder
    #[arg(long)]
    delete: bool,
    /// Says what would be done, and does nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Does it again each time that something is changed
    #[arg(long)]
    watch: bool,
    /// Never removes files that match this pattern (as in .gitignore)
    #[arg(long, value_name = "PATTERN")]
    keep: Vec<String>,
    /// Leaves out what this pattern matches
    #[arg(long, value_name = "PATTERN")]
    ignore: Vec<String>,
    #[command(flatten)]
    json: Json,
}

pub(crate) async fn run(arguments: Arguments, bench: &mut Bench) -> Result<(), Failure> {
    let folder = &arguments.folder;
    let metadata = std::fs::metadata(folder).map_err(|error| Failure::local(folder, &error))?;
    if !metadata.is_dir() {
        return Err(Failure::usage(
            format!("{} is no folder", folder.display()),
            "`belay fs cp` copies files",
        ));
    }
    bench.lasting = arguments.watch;
    let files = bench.board().await?.device.files();
    // Begin to watch before the first transfer, so that changes during it are noticed.
    let mut watch = Watch::new(folder);
    once(&files, &arguments).await?;
    if !arguments.watch {
        return Ok(());
    }
    loop {
        screen::note(&faint("(waits for changes; Ctrl-C ends this)\n"));
        watch.changed().await;
        if let Err(failure) = once(&files, &arguments).await {
            failure.tell_and_go_on();
        }
    }
}

async fn once(files: &Files, arguments: &Arguments) -> Result<(), Failure> {
    let mut options = SyncOptions::new()
        .delete(arguments.delete)
        .dry_run(arguments.dry_run);
    for pattern in &arguments.keep {
        options = options.keep(pattern);
    }
    for pattern in &arguments.ignore {
        options = options.ignore(pattern);
    }
    let to = on_board(&arguments.to);
    let folder: &Path = &arguments.folder;
    let report = progress::transfer(files.sync(folder, &to, options)).await?;
    tell(&report, arguments)
}

fn tell(report: &SyncReport, arguments: &Arguments) -> Result<(), Failure> {
    let SyncReport {
        written,
        bytes,
        unchanged,
        removed,
        kept,
        ..
    } = report;
    let done = [("written", written), ("removed", removed), ("kept", kept)];
    if arguments.json.json {
        for (step, paths) in done.into_iter().chain([("unchanged", unchanged)]) {
            for path in paths {
                json::line(&json!({ "step": step, "path": path }))?;
            }
        }
        return Ok(());
    }
    for (step, paths) in done {
        for path in paths {
            line!("{step:9} {}", plain(path))?;
        }
    }
    let would = if arguments.dry_run { "would be " } else { "" };
    let (written, removed, unchanged) = (written.len(), removed.len(), unchanged.len());
    let bytes = size(*bytes);
    Ok(line!(
        "{written} files {would}written ({bytes}), {removed} {would}removed, {unchanged} unchanged"
    )?)
}
