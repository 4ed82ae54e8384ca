//! Numbers.

use super::Lexer;
use crate::token::{Kind, Token};

impl Lexer<'_> {
    /// Takes all letters, digits, dots and underscores that follow, and then checks whether they are a
    /// number.
    pub(super) fn number(&mut self) {
        let start = self.reader.position();
        let made = self.reader.is_made();
        let [first, second, _] = self.reader.peek();
        let based = first == b'0' && matches!(second | 0x20, b'b' | b'o' | b'x');
        let mut kind = if first == b'.' { Kind::Float } else { Kind::Int };
        let mut text = String::new();
        loop {
            let byte = self.reader.peek()[0];
            let exponent = !based && matches!(byte, b'e' | b'E') && !text.is_empty();
            if !(byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'_') {
                break;
            }
            if exponent || matches!(byte, b'.' | b'j' | b'J') {
                kind = Kind::Float;
            }
            if byte != b'_' {
                text.push(char::from(byte));
            }
            self.reader.advance();
            if exponent && matches!(self.reader.peek()[0], b'+' | b'-') {
                text.push(char::from(self.reader.peek()[0]));
                self.reader.advance();
            }
        }
        let range = self.since(start);
        let fault = if kind == Kind::Int {
            integer_fault(&text)
        } else {
            float_fault(&text)
        };
        if let Some(help) = fault {
            kind = Kind::Error;
            self.complain(
                range,
                format!("`{}` is not a number", range.text(self.source)),
                Some(help),
            );
        }
        self.out.tokens.push(Token {
            kind,
            range,
            text: range.text(self.source),
            made,
            invented: false,
        });
    }
}

/// The mistake in the digits of an integer, worded as what to write instead.
fn integer_fault(text: &str) -> Option<String> {
    let (digits, base) = match text.get(..2).map(str::to_ascii_lowercase).as_deref() {
        Some("0x") => (text.get(2..).unwrap_or(""), 16),
        Some("0o") => (text.get(2..).unwrap_or(""), 8),
        Some("0b") => (text.get(2..).unwrap_or(""), 2),
        _ => (text, 10),
    };
    let Some(wrong) = digits.chars().find(|digit| !digit.is_digit(base)) else {
        if digits.is_empty() {
            return Some(format!("write digits after `{text}`"));
        }
        let zeros = digits.len() - digits.trim_start_matches('0').len();
        if base == 10 && zeros > 0 && zeros < digits.len() {
            let rest = digits.trim_start_matches('0');
            return Some(format!(
                "write `{rest}`, or `0o{rest}` if it is octal: a number cannot begin with a zero"
            ));
        }
        return None;
    };
    if base != 10 {
        return Some(format!("`{wrong}` is not a digit of a number in base {base}"));
    }
    let number: String = digits.chars().take_while(char::is_ascii_digit).collect();
    let rest = digits.get(number.len()..).unwrap_or("");
    Some(if let Some(number) = without_type(digits) {
        format!("write `{number}`: a number has no type")
    } else if Kind::keyword(rest).is_some() {
        format!("write a space between the number and the word: `{number} {rest}`")
    } else {
        format!("a name cannot begin with a digit; to multiply, write `{number} * {rest}`")
    })
}

/// The number without a type suffix as in other languages; `None` if it has none.
fn without_type(text: &str) -> Option<&str> {
    const TYPES: [&str; 15] = [
        "i16", "i32", "i64", "i8", "u16", "u32", "u64", "u8", "usize", "f32", "f64", "L", "U", "UL", "f",
    ];
    let number = TYPES.iter().find_map(|ty| text.strip_suffix(ty))?;
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    (!whole.is_empty() && digits(whole) && digits(fraction)).then_some(number)
}

fn float_fault(text: &str) -> Option<String> {
    let number = text.strip_suffix(['j', 'J']);
    let number = number.unwrap_or(text);
    let lower = number.to_ascii_lowercase();
    let (mantissa, exponent) = match lower.split_once('e') {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (lower.as_str(), None),
    };
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if let Some((first, end)) = text.split_once("..") {
        let end = if end.is_empty() { "…" } else { end };
        return Some(format!(
            "for the whole numbers from {first} on, write `range({first}, {end})`"
        ));
    }
    if let Some(number) = without_type(text) {
        return Some(format!("write `{number}`: a number has no type"));
    }
    if !all_digits(whole) || !all_digits(fraction) {
        return Some(
            "a number has digits, at most one `.`, and at most one exponent such as `e-3`".to_owned(),
        );
    }
    let exponent = exponent?;
    let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let imaginary = number.len() < text.len();
    (!all_digits(digits) || (digits.is_empty() && !imaginary))
        .then(|| "write the exponent as a whole number, such as `1e3` or `1e-3`".to_owned())
}
