//! The sources that bring the resident agent to a board, or find it there.

use super::typed::quoted;
use super::{asking, events, feeds, files, modules, threads, values};
use crate::random::random;

/// The agent's source.
pub(super) const AGENT: &str = include_str!(concat!(env!("OUT_DIR"), "/resident.py"));
/// The source that compiles the agent, after checking what has arrived.
const CHECKED: &str = include_str!(concat!(env!("OUT_DIR"), "/checked.py"));
/// Identifies the version of the agent and of the libraries that stay on the board.
const VERSION: u64 = fingerprint(&SOURCES);
/// The agent, and the libraries that it is sent when they are needed.
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
/// How many bytes of free memory the board needs to compile one byte of the agent's source.
const ROOM: u64 = 6;

/// A session's secrets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Secrets {
    pub(crate) nonce: [u8; 4],
    pub(crate) seed: u32,
    pub(crate) boot: u64,
}

impl Secrets {
    /// Random secrets, which no other session has.
    pub(crate) fn new() -> Self {
        const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let (first, second) = (random(), random());
        Self {
            nonce: std::array::from_fn(|i| LETTERS[(first >> (6 * i) & 63) as usize]),
            // The board keeps the seed as a small int, which has 31 bits on some boards.
            seed: (first >> 32) as u32 >> 3,
            // A small int as well; and never zero.
            boot: second >> 36 | 1,
        }
    }
}

/// 64-bit FNV-1a over the concatenation of these.
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

/// How many bytes have to be free to compile the agent.
pub(crate) fn needed() -> u64 {
    ROOM * u64::try_from(AGENT.len()).unwrap_or(u64::MAX)
}

/// Asks a board about itself. It prints a mark, how much memory is free, and a number: 1 if the board lacks what the
/// agent needs, plus 2 if it loads [compiled files](super::prebuilt). The source imports `print`, since `main.py` may
/// have replaced the name. Gives the mark and the source.
pub(crate) fn look(secrets: Secrets) -> (String, String) {
    let mark = format!("belay-{:x}:", secrets.seed);
    let source = format!(
        "def _belay_f():\n global _belay_f\n del _belay_f\n import gc,sys\n from builtins import print\n \
         gc.collect();n=gc.mem_free();k=0\n try:\n  from binascii import crc32\n  sys.stdin.readline\n \
         except:k=1\n try:\n  i=sys.implementation\n  if i[0]=='micropython'and i._mpy&255==6:k+=2\n except:0\n print('{mark}%d,%d.'%(n,k))\n_belay_f()\n"
    );
    (mark, source)
}

/// Begins a session if the board has the agent. `reads` is how much it [reads at once](super::Flavour::reads_at_once).
pub(crate) fn attach(secrets: Secrets, reads: i64) -> String {
    let begin = begin(secrets, VERSION, &unharmed(reads));
    format!("try:_belay['{VERSION:x}']\nexcept:0\nelse:{begin}\n")
}

/// The source that brings the agent. The session is begun by a separate source: while this one runs, it occupies the
/// board's memory.
pub(crate) fn bring(secrets: Secrets, free: Option<u64>) -> String {
    let (source, check) = (quoted(AGENT), crc32fast::hash(AGENT.as_bytes()));
    let stays = made_to_stay(secrets, free);
    format!("{CHECKED}\n_belay_f(b{source},{check})\n{stays}")
}

/// The statement that replaces the agent's function by the agent itself, which stays on the board.
pub(super) fn made_to_stay(secrets: Secrets, free: Option<u64>) -> String {
    let free = free.map_or(-1, |free| i64::try_from(free).unwrap_or(-1));
    let boot = secrets.boot;
    format!("_belay=_belay('{VERSION:x}',{boot},{free})\n")
}

/// An integer literal that a damaged byte cannot turn into another number: it is written twice, and the intersection of
/// the two sets is empty if they differ. This matters for the block length: an agent that reads blocks of the wrong
/// length would never answer again.
#[must_use]
pub fn unharmed(number: i64) -> String {
    format!("({{{number}}}&{{{number}}}).pop()")
}

/// Begins a session with an agent of this version. The nonce is sliced from a longer literal: a short literal would be
/// interned, and each session would take a little of the board's memory for ever.
pub(super) fn begin(secrets: Secrets, version: u64, reads: &str) -> String {
    let Secrets { nonce, seed, .. } = secrets;
    let nonce = String::from_utf8_lossy(&nonce);
    format!("_belay['{version:x}']('{nonce}-------'[:4],{seed},{reads})")
}

/// Restarts the agent on a board that is back at the prompt, or has the board print [`absence`] of the mark.
pub(crate) fn resume(mark: &str, reads: i64) -> String {
    format!("{}_belay['r']({})\n", look_for_agent(mark), unharmed(reads))
}

/// A random mark that no other source has.
pub(crate) fn mark() -> String {
    format!("belay-{:016x}", random())
}

/// Restores the agent's global name `_belay` from `sys.modules` if a program has deleted it. If the board has no agent,
/// it prints [`absence`] of this mark.
pub(crate) fn look_for_agent(mark: &str) -> String {
    let (first, second) = mark.split_at(6);
    format!(
        "try:_belay['r']\nexcept:\n def _belay_f():\n  global _belay_f\n  del _belay_f\n  import sys\n  \
         from builtins import getattr,globals,print\n  n='_belay';g=globals();m=getattr(sys,'modules',g)\n  \
         if n in m:g[n]=m[n]\n  else:print('{first}'+'{second}',n,n in g)\n _belay_f()\n"
    )
}

/// What the board prints when it has no agent. It repeats the name that it looked for, so that a damaged name is
/// noticed.
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
