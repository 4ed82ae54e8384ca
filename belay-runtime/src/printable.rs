//! Untrusted text in a form that is safe to print on a terminal.

use std::fmt::{self, Display, Write};

/// Displays a value with everything that is not a visible character escaped: control characters of one or several
/// bytes, line ends, and characters that change the direction of the text.
///
/// Errors are printed like this. The names of a board's files and what it reports about itself are returned unchanged,
/// so that a program can compare them; wrap them in this before printing them on a terminal.
///
/// # Examples
///
/// ```
/// # use belay_runtime as belay;
/// use belay::Printable;
///
/// assert_eq!(Printable("log\x1b[2J.csv").to_string(), r"log\x1b[2J.csv");
/// assert_eq!(Printable("größer.csv").to_string(), "größer.csv");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Printable<T>(pub T);

/// As [`Printable`], for a text of several lines, whose line ends are kept.
pub(crate) struct PrintableLines<T>(pub(crate) T);

impl<T: Display> Display for Printable<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(f, &self.0, false)
    }
}

impl<T: Display> Display for PrintableLines<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(f, &self.0, true)
    }
}

fn write(f: &mut fmt::Formatter<'_>, text: &dyn Display, lines: bool) -> fmt::Result {
    let alternate = f.alternate();
    let mut out = Escape { out: f, lines };
    if alternate {
        write!(out, "{text:#}")
    } else {
        write!(out, "{text}")
    }
}

struct Escape<'a, 'b> {
    out: &'a mut fmt::Formatter<'b>,
    /// Whether line ends are kept.
    lines: bool,
}

impl Write for Escape<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut plain = 0;
        for (at, character) in text.char_indices() {
            if is_visible(character) || (self.lines && matches!(character, '\n' | '\t')) {
                continue;
            }
            self.out.write_str(&text[plain..at])?;
            plain = at + character.len_utf8();
            // Most boards end their lines with `\r\n`.
            if self.lines && character == '\r' && matches!(text.as_bytes().get(plain), Some(b'\n') | None) {
                continue;
            }
            match u8::try_from(character) {
                Ok(byte) if byte.is_ascii() => write!(self.out, "{}", std::ascii::escape_default(byte))?,
                _ => write!(self.out, "{}", character.escape_unicode())?,
            }
        }
        self.out.write_str(&text[plain..])
    }
}

fn is_visible(character: char) -> bool {
    if character.is_ascii() {
        return !character.is_ascii_control();
    }
    // Test it behind a letter, so that a combining character counts as visible.
    let mut pair = [b'a', 0, 0, 0, 0];
    let length = 1 + character.encode_utf8(&mut pair[1..]).len();
    std::str::from_utf8(&pair[..length]).is_ok_and(|pair| pair.escape_debug().count() == 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_move_the_cursor_or_turn_the_text_is_escaped() {
        let cases = [
            ("\x1b]0;title\x07\r\nnext", r"\x1b]0;title\x07\r\nnext"),
            ("\0\x08\x7f\t", r"\x00\x08\x7f\t"),
            ("\u{9b}31m\u{85}", r"\u{9b}31m\u{85}"),
            (
                "a\u{202e}b\u{2066}c\u{200f}\u{61c}",
                r"a\u{202e}b\u{2066}c\u{200f}\u{61c}",
            ),
            (
                "\u{2028}\u{2029}\u{feff}\u{e0041}",
                r"\u{2028}\u{2029}\u{feff}\u{e0041}",
            ),
        ];
        for (raw, escaped) in cases {
            assert_eq!(Printable(raw).to_string(), escaped);
        }
    }

    #[test]
    fn what_can_be_read_stays_as_it_is() {
        for text in [
            "23 °C",
            "größer",
            "e\u{301}",
            "漢字",
            "עברית",
            "it's \"quoted\" \\ so",
            "🙂",
        ] {
            assert_eq!(Printable(text).to_string(), text);
        }
    }

    #[test]
    fn lines_stay_lines_where_they_may() {
        let text = "one\r\n\ttwo\rthree\x1b[2J\nfour\r";
        assert_eq!(
            PrintableLines(text).to_string(),
            "one\n\ttwo\\rthree\\x1b[2J\nfour"
        );
    }
}
