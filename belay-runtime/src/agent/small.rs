//! The agent for boards that cannot run the other one: sent in pieces, so that the board never compiles much at
//! once.

use super::source::{Secrets, begin, fingerprint};
use super::typed::quoted;
use crate::protocol::Checksum;

/// Its source.
const SMALL: &str = include_str!(concat!(env!("OUT_DIR"), "/small.py"));
/// What it needs to read bytes and arrays.
pub(crate) const BYTES: &str = include_str!(concat!(env!("OUT_DIR"), "/small_bytes.py"));
/// Identifies it and what it keeps.
const VERSION: u64 = fingerprint(&[SMALL, FOUND, NEWER, BYTES]);
/// How much of a board's memory it takes, and what is needed to compile it. Measured on the BBC micro:bit.
pub(crate) const NEEDED: u64 = 7 * 1024;
/// What begins it.
const FOUND: &str = include_str!(concat!(env!("OUT_DIR"), "/small_first.py"));
/// What takes what comes then.
const PIECE: &str = include_str!(concat!(env!("OUT_DIR"), "/small_piece.py"));
/// What it has besides on boards that are not old.
const NEWER: &str = include_str!(concat!(env!("OUT_DIR"), "/small_newer.py"));
/// The lengths of the first line to an old board that the agent is brought to, and to one that has it. Its buffer grows to
/// the longest line, and stays where it is in the heap: the first one makes it long enough for those that follow, before
/// anything stands in the way.
const FIRST: usize = 464;
const FIRST_ATTACHED: usize = 304;
/// Frees what nothing uses any more.
pub(crate) const COLLECT: &str = "from gc import collect as _belay_f\n_belay_f()\ndel _belay_f\n";

/// Begins a session if it is there. This is the first line.
pub(crate) fn attach(secrets: Secrets, is_old: bool) -> String {
    let length = if is_old { FIRST_ATTACHED } else { 0 };
    format!("{:length$}\n", begin(secrets, VERSION, "0"))
}

/// Brings it in pieces, each of which may run twice.
pub(crate) fn bring(secrets: Secrets, free: u64, is_old: bool) -> Vec<String> {
    let boot = secrets.boot.to_string();
    let first = FOUND.replace("BOOT", &boot).replace("FREE", &free.to_string());
    let mut all = by_length(statements(SMALL));
    if !is_old {
        all.extend(statements(NEWER));
    }
    let takes = quoted(PIECE);
    let mut pieces = vec![
        format!("{first:FIRST$}\n"),
        format!("_belay['b'].exec({takes},_belay)\n"),
    ];
    pieces.extend(all.into_iter().map(piece_of));
    pieces.push(format!(
        "_belay['{VERSION:x}']=_belay['begin'];_belay.pop('x',_belay.pop('o',0))\n_belay['gc'].collect()\n"
    ));
    pieces
}

fn piece_of(statement: &str) -> String {
    let check = Checksum::Small.of(statement.as_bytes(), 0);
    format!("_belay['x']({},{check})\n", quoted(statement))
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
