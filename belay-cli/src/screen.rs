//! Writing to the terminal, or to whatever is there in its place.

use std::io::{self, Write as _};

use anstream::ColorChoice;
use tokio::sync::Notify;

/// That what the board has printed was read by nobody.
pub(crate) static UNREAD: Notify = Notify::const_new();

/// Writes a line to standard output, and fails if nobody reads it any more.
macro_rules! line {
    ($($text:tt)*) => { $crate::screen::write(&format!("{}\n", format_args!($($text)*))) };
}
pub(crate) use line;

/// Whether what goes to standard error may have colours: it is a terminal's, and nobody has set `NO_COLOR`.
pub(crate) fn colours() -> bool {
    anstream::AutoStream::choice(&io::stderr()) != ColorChoice::Never
}

/// Writes text to standard output; its colours only where they are seen.
pub(crate) fn write(text: &str) -> io::Result<()> {
    anstream::stdout().write_all(text.as_bytes())
}

/// Writes bytes to standard output, as they are and at once.
pub(crate) fn write_bytes(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let written = out.write_all(bytes).and_then(|()| out.flush());
    if matches!(&written, Err(error) if error.kind() == io::ErrorKind::BrokenPipe) {
        UNREAD.notify_one();
    }
    written
}

/// Writes text to standard error. There is nobody to tell if that fails.
pub(crate) fn note(text: &str) {
    let _ = anstream::stderr().write_all(text.as_bytes());
}

pub(crate) fn red(text: &str) -> String {
    format!("\x1b[1;31m{text}\x1b[0m")
}

pub(crate) fn cyan(text: &str) -> String {
    format!("\x1b[1;36m{text}\x1b[0m")
}

pub(crate) fn blue(text: &str) -> String {
    format!("\x1b[34m{text}\x1b[0m")
}

pub(crate) fn faint(text: &str) -> String {
    format!("\x1b[2m{text}\x1b[0m")
}

/// What a board says of itself, or calls its files, as it does nothing to a terminal.
pub(crate) fn plain(text: &str) -> String {
    belay::Printable(text).to_string()
}

/// So many bytes, as people say it.
pub(crate) fn size(bytes: u64) -> String {
    indicatif::HumanBytes(bytes).to_string()
}

/// Writes the lines of a table, its columns as wide as what is in them.
pub(crate) fn table<const N: usize>(rows: &[[String; N]]) -> io::Result<()> {
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: [usize; N] = std::array::from_fn(width);
    for row in rows {
        let cells = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}"));
        line!("{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}
