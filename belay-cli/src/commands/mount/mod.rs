//! `belay mount`

mod prompt;
mod typed;

use std::io::IsTerminal as _;
use std::path::PathBuf;

use belay::MountOptions;

use super::{Command, exec, plot, shell};
use crate::bench::{Bench, Mounted, unless_interrupted};
use crate::failure::Failure;
use crate::screen;

/// Mounts a folder of this machine on the board
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  belay mount . run main.py\n  belay mount . run --watch main.py\n  belay mount lib --read-only exec \"import driver\"\n  \
    belay mount .\n\n\
    The folder is the board's current one, and what is imported comes from there first. Without a command Python is read \
    from the terminal, a statement after the other, until Ctrl-D. Nothing outside of the folder can be reached, and nothing \
    is written to the board's own files. With --watch all modules of the folder are waited for. A reset is survived."
)]
pub(crate) struct Arguments {
    /// The folder of this machine
    folder: PathBuf,
    /// Where it is on the board
    #[arg(long, value_name = "PATH", default_value = "/remote")]
    to: String,
    /// Keeps the board from changing anything in it
    #[arg(long)]
    read_only: bool,
    #[command(subcommand)]
    what: Option<Behind>,
}

/// What is done while it is mounted.
#[derive(Debug, clap::Subcommand)]
enum Behind {
    Run(super::run::Arguments),
    Exec(exec::Exec),
    Eval(exec::Eval),
    Plot(plot::Arguments),
    Shell(shell::Arguments),
}

impl From<Behind> for Command {
    fn from(what: Behind) -> Self {
        match what {
            Behind::Run(arguments) => Self::Run(arguments),
            Behind::Exec(arguments) => Self::Exec(arguments),
            Behind::Eval(arguments) => Self::Eval(arguments),
            Behind::Plot(arguments) => Self::Plot(arguments),
            Behind::Shell(arguments) => Self::Shell(arguments),
        }
    }
}

pub(crate) async fn run(arguments: Arguments, bench: &mut Bench) -> Result<(), Failure> {
    let Arguments {
        folder,
        to,
        read_only,
        what,
    } = arguments;
    if bench.mounted.is_some() {
        return Err(Failure::usage(
            "a folder is mounted already",
            "`belay mount` comes before `shell`, and not in it once more",
        ));
    }
    if what.is_none() && !std::io::stdin().is_terminal() {
        return Err(Failure::usage(
            "the prompt needs a terminal to be typed on",
            "say what is to be done with the folder: `belay mount DIR run FILE`",
        ));
    }
    let metadata = std::fs::metadata(&folder).map_err(|error| Failure::local(&folder, &error))?;
    if !metadata.is_dir() {
        let help =
            "`belay run` runs a script that is not mounted, and `belay mount` takes the folder that it is in";
        return Err(Failure::usage(format!("{} is no folder", folder.display()), help));
    }
    // After a reset the connection is restored and the folder mounted again.
    bench.lasting = true;
    bench.patient = true;
    let options = MountOptions::new().read_only(read_only).enter(true);
    let mounting = async {
        let board = bench.board().await?;
        let mount = board.device.mount(&folder, &to, options).await?;
        bench.mounted = Some(Mounted { folder, mount });
        Ok(())
    };
    unless_interrupted(Box::pin(mounting)).await?;
    if let Some(what) = what {
        return Box::pin(super::run(what.into(), bench)).await;
    }
    let name = bench.board().await?.device.session().name().to_owned();
    screen::note(&format!("{to} is the folder on {name}; Ctrl-D leaves.\n"));
    prompt::talk(bench).await
}
