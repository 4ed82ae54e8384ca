//! `belay reset`

use belay::ErrorKind;

use crate::bench::{Bench, Ear};
use crate::board::Tool as _;
use crate::failure::Failure;
use crate::screen::line;

/// Resets the board
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  belay reset\n  belay reset --bootloader\n\n\
    Unless told otherwise the interpreter begins anew, and what the hardware does goes on.")]
pub(crate) struct Arguments {
    /// Resets the chip, as the button on the board does; its USB port goes and comes back
    #[arg(long, conflicts_with = "bootloader")]
    hard: bool,
    /// Has the board wait for new firmware, which this command never writes
    #[arg(long)]
    bootloader: bool,
}

pub(crate) async fn run(arguments: Arguments, bench: &mut Bench) -> Result<(), Failure> {
    let Arguments { hard, bootloader } = arguments;
    let board = bench.board().await?;
    // The banner after the reset is not shown.
    board.voice.speak_to(Ear::Nobody);
    if !hard && !bootloader {
        board.voice.during(board.device.reset()).await?;
        board.voice.speak_to(Ear::Output);
        return Ok(line!("the board was reset")?);
    }
    let tool = board.tool().await?;
    match tool.restart(bootloader).await {
        Ok(()) => Err(Failure::failed("the board was told to reset itself, and has not")),
        Err(error) => match error.kind() {
            ErrorKind::Reset
            | ErrorKind::FateUnknown(_)
            | ErrorKind::Disconnected(_)
            | ErrorKind::Transport(_) => {
                bench.gone = true;
                let what = if bootloader {
                    "waits for firmware"
                } else {
                    "was reset"
                };
                Ok(line!("the board {what}")?)
            }
            ErrorKind::Python(exception) => {
                Err(Failure::failed(format!("the board cannot do that: {exception}")))
            }
            _ => Err(error.into()),
        },
    }
}
