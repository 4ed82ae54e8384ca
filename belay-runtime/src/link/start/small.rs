//! The agent for boards that cannot run the other one: sent in pieces, so that the board never compiles much at
//! once.

use super::{Ended, Ran, Session, begin, begun, fingerprint, read, refused, run, run_surely};
use crate::error::{Error, Result};
use crate::link::raw::literal;
use crate::link::wire::Wire;
use crate::link::{CallPath, Deadlines, Hello};
use crate::protocol::{Checksum, Frame, is_out_of_memory};

/// Its source.
const SMALL: &str = include_str!(concat!(env!("OUT_DIR"), "/small.py"));
/// What it needs to read bytes and arrays.
pub(in crate::link) const BYTES: &str = include_str!(concat!(env!("OUT_DIR"), "/small_bytes.py"));
/// Identifies it and what it keeps.
const VERSION: u64 = fingerprint(&[SMALL, FOUND, NEWER, BYTES]);
/// How much of a board's memory it takes, and what is needed to compile it. Measured on the BBC micro:bit.
const NEEDED: u64 = 7 * 1024;
/// What begins it.
const FOUND: &str = include_str!(concat!(env!("OUT_DIR"), "/small_first.py"));
/// What it has besides on boards that are not old.
const NEWER: &str = include_str!(concat!(env!("OUT_DIR"), "/small_newer.py"));
/// The length of the first piece. The board's buffer grows to the longest line, and stays where it is in the
/// heap: the first one makes it long enough for all that follow, before anything stands in the way.
const FIRST: usize = 528;

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
    let boot = session.boot.to_string();
    let first = FOUND.replace("BOOT", &boot).replace("FREE", &free.to_string());
    piece(wire, &format!("{first:FIRST$}\n"), free, deadlines).await?;
    let mut pieces = by_length(statements(SMALL));
    if wire.repl.has_raw_paste() == Some(true) {
        pieces.extend(statements(NEWER));
    }
    for statement in pieces {
        piece(wire, &piece_of(statement), free, deadlines).await?;
    }
    let last = format!("_belay['{VERSION:x}']=_belay['begin'];_belay.pop('o',0)\n{begin}\n");
    match piece(wire, &last, free, deadlines).await? {
        Ran::Hello(frame) => Ok(hello(wire, &frame, false)),
        Ran::Ended(ended) => Err(failed(free, &ended.traceback)),
    }
}

fn hello(wire: &mut Wire, frame: &Frame, attached: bool) -> Hello {
    let hello = read(frame, attached, CallPath::RawRepl);
    begun(wire, Hello { small: true, ..hello })
}

/// Runs one of the pieces, each of which may run twice.
async fn piece(wire: &mut Wire, source: &str, free: u64, deadlines: &Deadlines) -> Result<Ran> {
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
    let missing = NEEDED.saturating_sub(free);
    let what = format!(
        "the board has too little memory for the agent: {free} bytes are free and about {NEEDED} are needed, \
         {missing} more"
    );
    refused(what, traceback)
}

fn piece_of(statement: &str) -> String {
    let source = literal(statement.as_bytes());
    format!(
        "try:_belay['o'](3);_belay['b'].exec({},_belay)\nfinally:_belay['o'](0)\n_belay['gc'].collect()\n",
        String::from_utf8_lossy(&source)
    )
}

/// The longest first: what is compiled is put behind what was needed to compile it, and that gap then is large enough
/// for all others.
fn by_length(mut statements: Vec<&str>) -> Vec<&str> {
    statements.sort_by_key(|statement| std::cmp::Reverse(statement.len()));
    statements
}

/// The statements at the global level.
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
    statements
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_is_cut_between_statements() {
        let source = "import gc\ndef f(x):\n if x:\n  g()\n\n h()\ny=1";
        assert_eq!(
            by_length(statements(source)),
            ["def f(x):\n if x:\n  g()\n\n h()\n", "import gc\n", "y=1"]
        );
    }

    #[test]
    fn no_piece_is_longer_than_the_first() {
        let mut pieces = statements(SMALL);
        pieces.extend(statements(NEWER));
        let longest = pieces.into_iter().map(|one| piece_of(one).len()).max();
        assert!(longest <= Some(FIRST), "{longest:?}");
        assert!(FOUND.len() <= FIRST, "{}", FOUND.len());
    }
}
