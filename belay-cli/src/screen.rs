//! Output to the terminal, or to whatever replaces it.

use std::io::{self, Write as _};

use anstream::ColorChoice;
use tokio::sync::Notify;

/// Notified when the board's output could not be written because its reader has gone.
pub(crate) static UNREAD: Notify = Notify::const_new();

/// Writes a line to standard output; it is an error if nobody reads it any more.
macro_rules! line {
    ($($text:tt)*) => { $crate::screen::write(&format!("{}\n", format_args!($($text)*))) };
}
pub(crate) use line;

/// Whether output to standard error may be coloured: it is a terminal, and `NO_COLOR` is not set.
pub(crate) fn colours() -> bool {
    anstream::AutoStream::choice(&io::stderr()) != ColorChoice::Never
}

/// Writes text to standard output; its colours are removed where they cannot be seen.
pub(crate) fn write(text: &str) -> io::Result<()> {
    anstream::stdout().write_all(text.as_bytes())
}

/// Writes bytes to standard output, unchanged and at once.
pub(crate) fn write_bytes(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let written = out.write_all(bytes).and_then(|()| out.flush());
    if matches!(&written, Err(error) if error.kind() == io::ErrorKind::BrokenPipe) {
        UNREAD.notify_one();
    }
    written
}

/// Writes text to standard error. A failure of that cannot be reported.
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

/// Text from the board, such as file names, with control characters escaped so that it cannot affect the
/// terminal.
pub(crate) fn plain(text: &str) -> String {
    belay::Printable(text).to_string()
}

/// A number of bytes in a readable unit.
pub(crate) fn size(bytes: u64) -> String {
    indicatif::HumanBytes(bytes).to_string()
}

/// Writes a table; each column is as wide as its widest cell.
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
