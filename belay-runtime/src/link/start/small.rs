//! Starting the agent for boards that cannot run the other one.

use super::{Ended, Ran, begun, refused, run, run_surely};
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
    let is_old = wire.line.repl.has_raw_paste() != Some(true);
    let mut last = Ended::of(Vec::new(), false);
    for source in small::bring(secrets, free, is_old) {
        match piece(wire, &source, free, deadlines).await? {
            Ran::Hello(words) => return Ok(begun(wire, words, false, flavour)),
            Ran::Ended(ended) => last = ended,
        }
    }
    Err(failed(free, &last.traceback))
}

/// Runs one of the pieces, each of which may run twice.
async fn piece(wire: &mut Wire<'_>, source: &str, free: u64, deadlines: &Deadlines) -> Result<Ran> {
    let damaged = |Ended { traceback, .. }: &Ended| !traceback.is_empty() && !is_out_of_memory(traceback);
    match run_surely(wire, source, deadlines, damaged).await? {
        Ran::Ended(Ended { traceback, .. }) if !traceback.is_empty() => Err(failed(free, &traceback)),
        ran => Ok(ran),
    }
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
