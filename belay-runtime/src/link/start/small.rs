//! Starting the agent for boards that cannot run the other one.

use super::{Ended, LOST, Ran, begun, refused, run, run_surely};
use crate::agent::source::Secrets;
use crate::agent::{Flavour, small};
use crate::error::{Error, Result};
use crate::link::wire::Wire;
use crate::link::{Deadlines, Hello};
use crate::protocol::is_out_of_memory;

/// Starts it, or finds it there.
pub(super) async fn start(
    wire: &mut Wire<'_>,
    secrets: Secrets,
    before: Option<u64>,
    deadlines: &Deadlines,
) -> Result<Hello> {
    let flavour = Flavour::Small;
    wire.line.set_flavour(flavour);
    if let Ran::Hello(words) = run(wire, &small::attach(secrets), deadlines).await? {
        return Ok(begun(wire, words, true, flavour));
    }
    let free = before.unwrap_or_default();
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

/// Runs the pieces up to one that fails. Each may run twice.
async fn bring(wire: &mut Wire<'_>, secrets: Secrets, free: u64, deadlines: &Deadlines) -> Result<Ran> {
    let is_old = wire.line.repl.has_raw_paste() != Some(true);
    let damaged = |Ended { traceback, .. }: &Ended| !traceback.is_empty() && !is_out_of_memory(traceback);
    let mut last = Ran::Ended(Ended::of(Vec::new(), false));
    for source in small::bring(secrets, free, is_old) {
        last = run_surely(wire, &source, deadlines, damaged).await?;
        match &last {
            Ran::Ended(Ended { traceback, .. }) if traceback.is_empty() => {}
            _ => break,
        }
    }
    Ok(last)
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
