//! Starting the agent for boards that cannot run the other one.

use tokio::time::Instant;

use super::{Ended, LOST, Ran, begun, look, refused, run, run_surely};
use crate::agent::source::Secrets;
use crate::agent::{Flavour, small};
use crate::error::{Error, Result};
use crate::link::wire::Wire;
use crate::link::{Deadlines, Hello, ladder};
use crate::protocol::{Operation, is_out_of_memory};

/// Whether a board that has said so has no raw-paste mode, so that the other agent is too long for it: it is asked again,
/// since the line may have changed the question, and that makes its heap tidy.
pub(super) async fn is_old(wire: &mut Wire<'_>, deadlines: &Deadlines) -> Result<bool> {
    if wire.line.repl.has_raw_paste() == Some(false) {
        wire.line.repl.ask_again_for_raw_paste();
        run_surely(wire, small::COLLECT, deadlines, |_| false).await?;
    }
    Ok(wire.line.repl.has_raw_paste() == Some(false))
}

/// Starts it, or finds it there. Before there was so much memory free, where that is known.
pub(super) async fn start(
    wire: &mut Wire<'_>,
    secrets: Secrets,
    before: Option<u64>,
    deadlines: &Deadlines,
) -> Result<Hello> {
    let flavour = Flavour::Small;
    wire.line.set_flavour(flavour);
    if let Ran::Hello(words) = attach(wire, secrets, deadlines).await? {
        return Ok(begun(wire, words, true, flavour));
    }
    let free = match before {
        Some(free) => free,
        None => look(wire, secrets, deadlines).await?.free.unwrap_or_default(),
    };
    let mut ran = bring(wire, secrets, free, deadlines).await?;
    for _ in 0..LOST {
        if !ran.has_failed() {
            break;
        }
        ran = bring(wire, secrets, free, deadlines).await?;
    }
    match ran {
        Ran::Hello(words) => Ok(begun(wire, words, false, flavour)),
        Ran::Ended(ended) => Err(failed(free, &ended.traceback)),
    }
}

/// Begins a session with the one that may be there.
async fn attach(wire: &mut Wire<'_>, secrets: Secrets, deadlines: &Deadlines) -> Result<Ran> {
    let is_old = wire.line.repl.has_raw_paste() == Some(false);
    if is_old {
        renew_buffer(wire, deadlines).await?;
    }
    run(wire, &small::attach(secrets, is_old), deadlines).await
}

/// Gives an old board, whose heap was just made tidy, another line buffer: the one it has has grown between what stood
/// there, or is longer than it has to be from now on.
async fn renew_buffer(wire: &mut Wire<'_>, deadlines: &Deadlines) -> Result<()> {
    wire.line.hold_back_output();
    let left = wire
        .operate(Operation::Exit, Instant::now() + deadlines.enter)
        .await;
    if let Some(greeting) = wire.line.output_held_back() {
        greeting.clear();
    }
    wire.line.let_output_go();
    left?;
    ladder::enter(wire, deadlines.enter, Instant::now(), deadlines.open).await
}

/// Runs the pieces up to one that fails, each of which may run twice, and begins a session.
async fn bring(wire: &mut Wire<'_>, secrets: Secrets, free: u64, deadlines: &Deadlines) -> Result<Ran> {
    let is_old = wire.line.repl.has_raw_paste() != Some(true);
    let damaged = |Ended { traceback, .. }: &Ended| !traceback.is_empty() && !is_out_of_memory(traceback);
    for source in small::bring(secrets, free, is_old) {
        match run_surely(wire, &source, deadlines, damaged).await? {
            Ran::Ended(Ended { traceback, .. }) if traceback.is_empty() => {}
            failed => return Ok(failed),
        }
    }
    attach(wire, secrets, deadlines).await
}

fn failed(free: u64, traceback: &[u8]) -> Error {
    if !is_out_of_memory(traceback) {
        return refused("the board cannot run the agent", traceback);
    }
    let needed = small::NEEDED;
    let missing = needed.saturating_sub(free);
    let what = format!(
        "the board has too little memory for the agent: {free} bytes are free and about {needed} are needed, \
         {missing} more"
    );
    refused(what, traceback)
}
