//! `belay fleet`

use std::time::Duration;

use belay::Attach as _;
use belay_fleet::{BoardEvent, BoardInfo, FleetError, Group};
use clap::Subcommand;
use futures_util::StreamExt as _;
use serde::Serialize;

use super::Json;
use crate::board::{Tool as _, ToolDevice};
use crate::elsewhere::{self, Meant, Network};
use crate::failure::Failure;
use crate::json;
use crate::screen::{line, plain, table};

/// Lists the boards of all machines, and runs a program on all
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Ls(List),
    Leases(Leases),
    Exec(Exec),
}

/// Lists the boards of all machines
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  belay fleet ls --tag bench=3\n  belay fleet ls --watch")]
pub(crate) struct List {
    #[command(flatten)]
    meant: Meant,
    /// Goes on, and says what comes and goes
    #[arg(short, long)]
    watch: bool,
    #[command(flatten)]
    json: Json,
    #[command(flatten)]
    network: Network,
}

/// Lists the boards that somebody has, who that is, and for how long
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  belay fleet leases\n\n\
    A board is its holder's alone until that gives it back, or has not been heard of for five seconds.")]
pub(crate) struct Leases {
    #[command(flatten)]
    meant: Meant,
    #[command(flatten)]
    json: Json,
    #[command(flatten)]
    network: Network,
}

/// Runs statements on all boards that are meant, at once
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  belay fleet exec --tag bench=3 \"import os; print(os.uname().release)\"\n\n\
    What fails on one board ends nothing on the others; the exit status is 1 then."
)]
pub(crate) struct Exec {
    /// The statements
    code: String,
    #[command(flatten)]
    meant: Meant,
    /// How many seconds each board has, to be taken and then for the statements
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=86400))]
    within: u64,
    /// On how many boards it runs at once
    #[arg(long, value_name = "BOARDS", default_value_t = 64)]
    at_once: usize,
    #[command(flatten)]
    json: Json,
    #[command(flatten)]
    network: Network,
}

pub(crate) async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Ls(arguments) => list(arguments).await,
        Command::Leases(arguments) => leases(arguments).await,
        Command::Exec(arguments) => exec(arguments).await,
    }
}

/// A board, as JSON.
#[derive(Serialize)]
struct Listed<'a> {
    board: &'a str,
    tags: &'a std::collections::BTreeMap<String, String>,
    held_by: Option<&'a str>,
    held_for_seconds: Option<u64>,
}

impl<'a> From<&'a BoardInfo> for Listed<'a> {
    fn from(info: &'a BoardInfo) -> Self {
        Self {
            board: &info.board,
            tags: &info.tags,
            held_by: info.held_by.as_deref(),
            held_for_seconds: info.held_for.map(|held| held.as_secs()),
        }
    }
}

async fn list(arguments: List) -> Result<(), Failure> {
    let fleet = elsewhere::fleet(&arguments.network.connect).await?;
    let query = arguments.meant.query();
    if arguments.watch {
        let mut boards = fleet.boards(&query).await?;
        while let Some(event) = boards.next().await {
            told(&event, arguments.json)?;
        }
        return Ok(());
    }
    let boards = fleet.list(&query).await?;
    shown(
        &boards,
        arguments.json,
        "no machine serves such a board",
        |info| {
            let held = info.held_by.as_ref().map(|by| format!("held by {}", plain(by)));
            [info.board.clone(), tags(info), held.unwrap_or_default()]
        },
    )
}

/// Prints one line for each board, or `none` if there are none.
fn shown(
    boards: &[BoardInfo],
    as_json: Json,
    none: &str,
    row: impl Fn(&BoardInfo) -> [String; 3],
) -> Result<(), Failure> {
    if as_json.json {
        return boards.iter().try_for_each(|info| json::line(&Listed::from(info)));
    }
    if boards.is_empty() {
        line!("{none}")?;
    }
    Ok(table(&boards.iter().map(row).collect::<Vec<_>>())?)
}

/// Prints that a board has come or gone.
fn told(event: &BoardEvent, as_json: Json) -> Result<(), Failure> {
    match (event, as_json.json) {
        (BoardEvent::Arrived(info), true) => json::line(&serde_json::json!({"arrived": Listed::from(info)})),
        (BoardEvent::Departed(board), true) => json::line(&serde_json::json!({"departed": board})),
        (BoardEvent::Arrived(info), false) => Ok(line!("+ {}  {}", info.board, tags(info))?),
        (BoardEvent::Departed(board), false) => Ok(line!("- {board}")?),
    }
}

fn tags(info: &BoardInfo) -> String {
    let tags: Vec<_> = info
        .tags
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    plain(&tags.join(" "))
}

async fn leases(arguments: Leases) -> Result<(), Failure> {
    let fleet = elsewhere::fleet(&arguments.network.connect).await?;
    let mut boards = fleet.list(&arguments.meant.query()).await?;
    boards.retain(|info| info.held_by.is_some());
    shown(&boards, arguments.json, "nobody has a board", |info| {
        let by = info.held_by.as_deref().unwrap_or_default();
        let since = info.held_for.unwrap_or_default().as_secs();
        [info.board.clone(), plain(by), format!("for {since} s")]
    })
}

async fn exec(arguments: Exec) -> Result<(), Failure> {
    let fleet = elsewhere::fleet(&arguments.network.connect).await?;
    let query = arguments.meant.query();
    let count = fleet.list(&query).await?.len();
    if count == 0 {
        return Err(Failure::nobody("no machine serves such a board"));
    }
    let within = Duration::from_secs(arguments.within);
    let group: Group<ToolDevice> = fleet.group(&query, &elsewhere::name()).await?;
    let group = group.within(within).at_once(arguments.at_once);
    // Boards that are held by others are not waited for any longer.
    let _ = tokio::time::timeout(within, group.ready(count)).await;
    let mut results = group.call(|tool| {
        let code = arguments.code.clone();
        async move {
            let device = tool.attached().device().clone();
            let (done, printed) = device.with_output(tool.statements(&code)).await;
            done.map(|_| printed)
        }
    });
    let mut failed = false;
    while let Some((board, result)) = results.next().await {
        failed |= result.is_err();
        said(&board, result, arguments.json)?;
    }
    drop(results);
    for (board, error) in group.close().await {
        said(&board, Err(FleetError::Device(Box::new(error))), arguments.json)?;
    }
    if failed { Err(Failure::Told(1)) } else { Ok(()) }
}

/// Prints the outcome of the statements on one board.
fn said(board: &str, result: Result<String, FleetError>, as_json: Json) -> Result<(), Failure> {
    let (printed, error) = match result {
        Ok(printed) => (Some(printed), None),
        Err(error) => (None, Some(error.to_string())),
    };
    if as_json.json {
        return json::line(&serde_json::json!({"board": board, "printed": printed, "error": error}));
    }
    let text = printed.or(error).unwrap_or_default();
    let text = text.trim_end();
    if text.is_empty() {
        line!("{board}:")?;
    }
    for one in text.lines() {
        line!("{board}: {one}")?;
    }
    Ok(())
}
