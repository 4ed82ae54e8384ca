//! Text that somebody else wrote, in a form that does nothing to the terminal of whoever reads it.

use std::fmt::{self, Display, Write};

/// What this displays, with all that is no visible character escaped: control characters of one byte and of several,
/// line ends, and what turns the direction of the text that follows.
///
/// Errors are printed so. The names of a board's files and what it says of itself are given as they are, for whoever
/// compares them; a terminal should get them in this form.
///
/// # Examples
///
/// ```
/// use belay_runtime::Printable;
///
/// assert_eq!(Printable("log\x1b[2J.csv").to_string(), r"log\x1b[2J.csv");
/// assert_eq!(Printable("größer.csv").to_string(), "größer.csv");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Printable<T>(pub T);

/// As [`Printable`], for a text of several lines, which stay lines.
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
    /// Whether line ends stay.
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
            // Most boards end their lines as terminals do.
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
    // Behind a letter, what combines with it is a part of it.
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
