//! The agent for boards that cannot run the resident one. It is sent in pieces, so that the board never has to compile
//! much at once.

use super::source::{Secrets, begin, fingerprint};
use super::typed::quoted;
use crate::protocol::Checksum;

/// The agent's source.
const SMALL: &str = include_str!(concat!(env!("OUT_DIR"), "/small.py"));
/// The additional source with which it can read bytes and arrays.
pub(crate) const BYTES: &str = include_str!(concat!(env!("OUT_DIR"), "/small_bytes.py"));
/// Identifies the version of the agent and of the sources that stay on the board.
const VERSION: u64 = fingerprint(&[SMALL, FOUND, NEWER, BYTES]);
/// How many bytes of the board's memory it takes, the memory to compile it included. Measured on the BBC micro:bit.
pub(crate) const NEEDED: u64 = 7 * 1024;
/// The first source, which creates the agent's dictionary.
const FOUND: &str = include_str!(concat!(env!("OUT_DIR"), "/small_first.py"));
/// The source that receives the pieces that follow.
const PIECE: &str = include_str!(concat!(env!("OUT_DIR"), "/small_piece.py"));
/// Additional source for boards whose firmware is not old.
const NEWER: &str = include_str!(concat!(env!("OUT_DIR"), "/small_newer.py"));
/// The lengths of the first line to an old board: one that the agent is brought to, and one that has it already. The
/// board's line buffer grows to the longest line and stays where it is in the heap. So the first line makes it long
/// enough for the others, before anything is allocated behind it.
const FIRST: usize = 464;
const FIRST_ATTACHED: usize = 304;
/// Runs the garbage collector.
pub(crate) const COLLECT: &str = "from gc import collect as _belay_f\n_belay_f()\ndel _belay_f\n";

/// Begins a session if the board has the agent. This is the first line.
pub(crate) fn attach(secrets: Secrets, is_old: bool) -> String {
    let length = if is_old { FIRST_ATTACHED } else { 0 };
    format!("{:length$}\n", begin(secrets, VERSION, "0"))
}

/// The sources that bring the agent in pieces, each of which may be executed twice.
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

/// Sorts the longest first: compiled code is allocated behind the memory that compiling it needed, and the gap that
/// this leaves is then large enough for all the others.
fn by_length(mut statements: Vec<&str>) -> Vec<&str> {
    statements.sort_by_key(|statement| std::cmp::Reverse(statement.len()));
    statements
}

/// Splits a source into its top-level statements.
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
