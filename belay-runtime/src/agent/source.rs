//! What brings an agent onto a board, or finds it there.

use super::typed::quoted;
use super::{asking, events, feeds, files, modules, threads, values};
use crate::random::random;

/// The agent's source.
pub(super) const AGENT: &str = include_str!(concat!(env!("OUT_DIR"), "/resident.py"));
/// What compiles it.
const CHECKED: &str = include_str!(concat!(env!("OUT_DIR"), "/checked.py"));
/// Identifies the agent and what it keeps: another version of either is not this one.
const VERSION: u64 = fingerprint(&SOURCES);
/// The agent, and what it is sent when it is needed.
const SOURCES: [&str; 9] = [
    AGENT,
    asking::LIBRARY,
    feeds::LIBRARY,
    threads::LIBRARY,
    files::LIBRARY,
    modules::LIBRARY,
    events::LIBRARY,
    values::PACK.source,
    values::ATTACHED.source,
];
/// How much free memory the board has to have for each byte of the agent's source, to compile it.
const ROOM: u64 = 6;

/// A session's secrets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Secrets {
    pub(crate) nonce: [u8; 4],
    pub(crate) seed: u32,
    pub(crate) boot: u64,
}

impl Secrets {
    /// Secrets that no other session has.
    pub(crate) fn new() -> Self {
        const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let (first, second) = (random(), random());
        Self {
            nonce: std::array::from_fn(|i| LETTERS[(first >> (6 * i) & 63) as usize]),
            // The board keeps it as a small int where those have 31 bits.
            seed: (first >> 32) as u32 >> 3,
            // As above; and never zero.
            boot: second >> 36 | 1,
        }
    }
}

/// 64-bit FNV-1a of all of these, one behind the other.
pub(super) const fn fingerprint(sources: &[&str]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut source = 0;
    while source < sources.len() {
        let bytes = sources[source].as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0100_0000_01b3);
            at += 1;
        }
        source += 1;
    }
    hash
}

/// How many bytes have to be free for the agent to be compiled.
pub(crate) fn needed() -> u64 {
    ROOM * u64::try_from(AGENT.len()).unwrap_or(u64::MAX)
}

/// Has a board say behind a mark how much memory is free, and 1 if it lacks what the agent needs, with 2 added if it loads
/// files that are [compiled before](super::prebuilt). Whatever `main.py` calls `print`: a module's own is MicroPython's.
/// Gives the mark and the source.
pub(crate) fn look(secrets: Secrets) -> (String, String) {
    let mark = format!("belay-{:x}:", secrets.seed);
    let source = format!(
        "def _belay_f():\n global _belay_f\n del _belay_f\n import gc,sys\n from builtins import print\n \
         gc.collect();n=gc.mem_free();k=0\n try:\n  from binascii import crc32\n  sys.stdin.readline\n \
         except:k=1\n try:\n  i=sys.implementation\n  if i[0]=='micropython'and i._mpy&255==6:k+=2\n except:0\n print('{mark}%d,%d.'%(n,k))\n_belay_f()\n"
    );
    (mark, source)
}

/// Begins a session if the agent is there already. It is to [read so much at once](super::Flavour::reads_at_once).
pub(crate) fn attach(secrets: Secrets, reads: i64) -> String {
    let begin = begin(secrets, VERSION, &unharmed(reads));
    format!("try:_belay['{VERSION:x}']\nexcept:0\nelse:{begin}\n")
}

/// Brings the agent. Another source begins the session: as long as this one runs, the board's memory has all of it.
pub(crate) fn bring(secrets: Secrets, free: Option<u64>) -> String {
    let (source, check) = (quoted(AGENT), crc32fast::hash(AGENT.as_bytes()));
    let stays = made_to_stay(secrets, free);
    format!("{CHECKED}\n_belay_f(b{source},{check})\n{stays}")
}

/// Makes the function that is the agent what stays on the board.
pub(super) fn made_to_stay(secrets: Secrets, free: Option<u64>) -> String {
    let free = free.map_or(-1, |free| i64::try_from(free).unwrap_or(-1));
    let boot = secrets.boot;
    format!("_belay=_belay('{VERSION:x}',{boot},{free})\n")
}

/// A number that no bad line makes another one of by a byte: what both sets have is nothing then. An agent that read lines of
/// another length than they have would answer to nothing any more.
#[must_use]
pub fn unharmed(number: i64) -> String {
    format!("({{{number}}}&{{{number}}}).pop()")
}

/// Has an agent of this version begin a session. The nonce is a part of a longer literal: a short one would be interned,
/// and each session would take a little of the board's memory for ever.
pub(super) fn begin(secrets: Secrets, version: u64, reads: &str) -> String {
    let Secrets { nonce, seed, .. } = secrets;
    let nonce = String::from_utf8_lossy(&nonce);
    format!("_belay['{version:x}']('{nonce}-------'[:4],{seed},{reads})")
}

/// Starts the agent again on a board that has left it, or has the board say [`absence`] of a mark.
pub(crate) fn resume(mark: &str, reads: i64) -> String {
    format!("{}_belay['r']({})\n", look_for_agent(mark), unharmed(reads))
}

/// A mark that no other source has.
pub(crate) fn mark() -> String {
    format!("belay-{:016x}", random())
}

/// Source that has the agent where it is expected, in the global names, if somebody took it from there; and the board
/// say [`absence`] of this mark if it has none.
pub(crate) fn look_for_agent(mark: &str) -> String {
    let (first, second) = mark.split_at(6);
    format!(
        "try:_belay['r']\nexcept:\n def _belay_f():\n  global _belay_f\n  del _belay_f\n  import sys\n  \
         from builtins import getattr,globals,print\n  n='_belay';g=globals();m=getattr(sys,'modules',g)\n  \
         if n in m:g[n]=m[n]\n  else:print('{first}'+'{second}',n,n in g)\n _belay_f()\n"
    )
}

/// What the board says when it has no agent. The name is what the board got, so this was not made by a bad line.
pub(crate) fn absence(mark: &str) -> String {
    format!("{mark} _belay False")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_source_of_any_that_stays_on_the_board_is_another_version() {
        assert_eq!(VERSION, fingerprint(&SOURCES));
        for changed in 0..SOURCES.len() {
            let mut sources = SOURCES;
            sources[changed] = "another source";
            assert_ne!(VERSION, fingerprint(&sources));
        }
    }
}
