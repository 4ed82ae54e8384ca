//! Percent escapes of characters that have a special meaning in an address.

use std::fmt;

/// A text with those characters escaped that an address would give another meaning to, or trim.
pub(super) struct Encoded<'a>(pub(super) &'a str);

impl fmt::Display for Encoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            if character.is_ascii_control() || matches!(character, ' ' | '%' | '?') {
                write!(f, "%{:02X}", u32::from(character))?;
            } else {
                fmt::Write::write_char(f, character)?;
            }
        }
        Ok(())
    }
}

/// The reverse of [`Encoded`]. A percent sign that escapes no ASCII character stands for itself.
pub(super) fn decode(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        let (before, escape) = rest.split_at(at);
        decoded.push_str(before);
        if let Some(character) = unescape(escape) {
            decoded.push(character);
            rest = &escape[3..];
        } else {
            decoded.push('%');
            rest = &escape[1..];
        }
    }
    decoded.push_str(rest);
    decoded
}

fn unescape(escape: &str) -> Option<char> {
    let digits = escape
        .get(1..3)
        .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    let byte = u8::from_str_radix(digits, 16).ok()?;
    byte.is_ascii().then_some(char::from(byte))
}
