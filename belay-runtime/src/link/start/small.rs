//! The agent for boards that cannot run the other one: sent in pieces, so that the board never compiles much at
//! once.

use super::{Ran, Session, begin, begun, fingerprint, mentions, read, refused, run, run_surely};
use crate::error::{Error, Result};
use crate::link::wire::Wire;
use crate::link::{CallPath, Deadlines, Hello};
use crate::protocol::{Checksum, Frame};
use crate::python;

/// Its source.
const SMALL: &str = include_str!(concat!(env!("OUT_DIR"), "/small.py"));
/// What it needs to read bytes and arrays.
pub(in crate::link) const BYTES: &str = include_str!(concat!(env!("OUT_DIR"), "/small_bytes.py"));
/// Identifies it.
const VERSION: u64 = fingerprint(SMALL.as_bytes());
/// How much of a board's memory it takes, and what is needed to compile it. Measured on the BBC micro:bit.
const NEEDED: u64 = 7 * 1024;
/// The length of the first piece. The board's buffer grows to the longest line, and stays where it is in the
/// heap: the first one makes it long enough for all that follow, before anything stands in the way.
const FIRST: usize = 616;

/// Starts it, or finds it there.
pub(super) async fn start(
    wire: &mut Wire,
    session: Session,
    before: Option<u64>,
    deadlines: &Deadlines,
) -> Result<Hello> {
    wire.set_checksum(Checksum::Small);
    let begin = begin(session, VERSION, 0);
    if let Ran::Hello(frame) = run(wire, &format!("{begin}\n"), deadlines).await? {
        return Ok(hello(wire, &frame, true));
    }
    let free = before.unwrap_or_default();
    // Without line numbers it is smaller. Those of the user's code are needed, and the line may break off at any
    // time: so the level is put back behind each piece.
    let first = format!(
        "import gc\ntry:\n from micropython import opt_level as o\nexcept ImportError:o=int\n_belay={{'__name__':'belay','boot':{},'before':{free}}}\n",
        session.boot
    );
    piece(wire, &format!("{first:FIRST$}\n"), free, deadlines).await?;
    for statement in statements(SMALL) {
        piece(wire, &piece_of(statement)?, free, deadlines).await?;
    }
    let last = format!("try:del o,gc\nexcept:0\n_belay['{VERSION:x}']=_belay['begin']\n{begin}\n");
    match piece(wire, &last, free, deadlines).await? {
        Ran::Hello(frame) => Ok(hello(wire, &frame, false)),
        Ran::Ended(traceback) => Err(failed(free, &traceback)),
    }
}

fn hello(wire: &mut Wire, frame: &Frame, attached: bool) -> Hello {
    let hello = read(frame, attached, CallPath::RawRepl);
    begun(wire, Hello { small: true, ..hello })
}

/// Runs one of the pieces, each of which may run twice.
async fn piece(wire: &mut Wire, source: &str, free: u64, deadlines: &Deadlines) -> Result<Ran> {
    let ran = run_surely(wire, source, deadlines, |traceback| {
        !traceback.is_empty() && !mentions(traceback, b"MemoryError")
    });
    match ran.await? {
        Ran::Ended(traceback) if !traceback.is_empty() => Err(failed(free, &traceback)),
        ran => Ok(ran),
    }
}

fn failed(free: u64, traceback: &[u8]) -> Error {
    if !mentions(traceback, b"MemoryError") {
        return refused("the board cannot run the agent", traceback);
    }
    let missing = NEEDED.saturating_sub(free);
    let what = format!(
        "the board has too little memory for the agent: {free} bytes are free and about {NEEDED} are needed, \
         {missing} more"
    );
    refused(what, traceback)
}

fn piece_of(statement: &str) -> Result<String> {
    let source = python::to_literal(statement)?;
    Ok(format!(
        "try:o(3);exec({source},_belay)\nfinally:o(0)\ngc.collect()\n"
    ))
}

/// The statements at the global level, the longest first: what is compiled is put behind what was needed to
/// compile it, and that gap then is large enough for all others.
fn statements(source: &str) -> Vec<&str> {
    let mut statements = Vec::new();
    let mut rest = source;
    while !rest.is_empty() {
        let lines = rest.match_indices('\n').map(|(at, _)| at + 1);
        let begins = |at: &usize| rest[*at..].chars().next().is_none_or(|c| !c.is_whitespace());
        let end = { lines }.find(begins).unwrap_or(rest.len());
        let (statement, others) = rest.split_at(end);
        statements.push(statement);
        rest = others;
    }
    statements.sort_by_key(|statement| std::cmp::Reverse(statement.len()));
    statements
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_is_cut_between_statements() {
        let source = "import gc\ndef f(x):\n if x:\n  g()\n\n h()\ny=1";
        assert_eq!(
            statements(source),
            ["def f(x):\n if x:\n  g()\n\n h()\n", "import gc\n", "y=1"]
        );
    }

    #[test]
    fn no_piece_is_longer_than_the_first() {
        let pieces = statements(SMALL)
            .into_iter()
            .map(|one| piece_of(one).unwrap().len());
        let longest = pieces.max();
        assert!(longest <= Some(FIRST), "{longest:?}");
    }
}
