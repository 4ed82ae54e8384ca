//! The agent as compiled by MicroPython's own cross compiler, so that no board has to compile it: loading it takes a
//! tenth of the work. MicroPython 1.19 and newer load version 6 of `.mpy` without native code, whatever the board's
//! processor is.

use std::sync::LazyLock;

use super::source::{AGENT, Secrets, fingerprint, made_to_stay};

/// The stored file: the [fingerprint] of the source that it was compiled from, its checksum, and the file as base64.
const KEPT: &str = include_str!("resident.mpy.txt");
/// The source that loads the file on the board.
const LOADER: &str = include_str!(concat!(env!("OUT_DIR"), "/prebuilt.py"));

/// The stored file's checksum and the file, if it was compiled from the current source.
static AGENT_FILE: LazyLock<Option<(u32, &str)>> = LazyLock::new(|| {
    let (source, file) = KEPT.trim_ascii().split_once(' ')?;
    let (check, file) = file.split_once(' ')?;
    (source == of_source()).then_some((check.parse().ok()?, file))
});

fn of_source() -> String {
    format!("{:016x}", fingerprint(&[AGENT]))
}

/// The source that a board would have to compile, and the stored file, for the test that compares the two.
#[doc(hidden)]
pub fn source_and_kept() -> (&'static str, &'static str) {
    (AGENT, KEPT)
}

/// The text to store for a file that was compiled from the source.
#[doc(hidden)]
pub fn to_keep(file: &[u8]) -> String {
    use base64::Engine as _;

    let data = base64::prelude::BASE64_STANDARD.encode(file);
    format!("{} {} {data}\n", of_source(), crc32fast::hash(file))
}

/// The source that brings the agent to a board that loads such files. The session is begun by a separate source: while
/// this one runs, it occupies the board's memory with the whole file.
pub(crate) fn bring(secrets: Secrets, free: Option<u64>) -> Option<String> {
    let (check, file) = (*AGENT_FILE)?;
    let stays = made_to_stay(secrets, free);
    Some(format!("{LOADER}\n_belay_f('{file}',{check})\n{stays}"))
}
