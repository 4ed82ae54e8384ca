//! The agent as MicroPython's own cross compiler compiles it, so that no board has to: a tenth of the work of compiling it
//! there. Version 6 of `.mpy` without native code is what MicroPython 1.19 and newer load, whatever the board's processor is.

use std::sync::LazyLock;

use super::source::{AGENT, Secrets, fingerprint, made_to_stay};

/// What is kept: the [fingerprint] of the source that it was compiled from, the file's checksum, and the file as base64.
const KEPT: &str = include_str!("resident.mpy.txt");
/// What loads it on the board.
const LOADER: &str = include_str!(concat!(env!("OUT_DIR"), "/prebuilt.py"));

/// The kept file's checksum and the file, if it was compiled from the source of today.
static AGENT_FILE: LazyLock<Option<(u32, &str)>> = LazyLock::new(|| {
    let (source, file) = KEPT.trim_ascii().split_once(' ')?;
    let (check, file) = file.split_once(' ')?;
    (source == of_source()).then_some((check.parse().ok()?, file))
});

fn of_source() -> String {
    format!("{:016x}", fingerprint(&[AGENT]))
}

/// The source that a board would have to compile, and what is kept instead: for the test that holds the one to the other.
#[doc(hidden)]
pub fn source_and_kept() -> (&'static str, &'static str) {
    (AGENT, KEPT)
}

/// What is to be kept of a file that was compiled from the source, once it is base64.
#[doc(hidden)]
pub fn to_keep(file: &[u8]) -> String {
    use base64::Engine as _;

    let data = base64::prelude::BASE64_STANDARD.encode(file);
    format!("{} {} {data}\n", of_source(), crc32fast::hash(file))
}

/// Brings the agent to a board that loads such files. Another source begins the session: as long as this one runs, the
/// board's memory has the whole file in it.
pub(crate) fn bring(secrets: Secrets, free: Option<u64>) -> Option<String> {
    let (check, file) = (*AGENT_FILE)?;
    let stays = made_to_stay(secrets, free);
    Some(format!("{LOADER}\n_belay_f('{file}',{check})\n{stays}"))
}
