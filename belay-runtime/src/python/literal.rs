//! Literals for simple values: printable ASCII only, and every board reads back exactly the same value.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::decimal::Decimal;

/// Up to this length, bytes are written as a literal, whatever they contain.
const SHORT_BYTES: usize = 12;

/// Boards keep every string literal of up to this many bytes until they are reset.
const INTERNED: usize = 10;

/// Writes a string that may differ from call to call.
///
/// A board's parser interns short string literals for ever: a few thousand different ones would fill its
/// memory. It does not intern bytes, so short strings are written as bytes that the board decodes.
pub(super) fn write_text(out: &mut String, text: &str) {
    if text.is_empty() || text.len() > INTERNED {
        return write_str(out, text);
    }
    out.push_str(DECODED.0);
    write_bytes_literal(out, text.as_bytes());
    out.push_str(DECODED.1);
}

/// The expression around bytes that the board decodes into a string. Old boards have no `bytes.decode`.
pub(super) const DECODED: (&str, &str) = ("str(", ",'utf8')");

/// Writes a string literal. Only for strings of which there is a limited number, since boards intern short
/// ones.
pub(super) fn write_str(out: &mut String, text: &str) {
    out.reserve(text.len() + 2);
    out.push('\'');
    if text.bytes().all(|byte| PLAIN[usize::from(byte)]) {
        out.push_str(text);
        out.push('\'');
        return;
    }
    let mut plain_from = 0;
    let mut rest = text.bytes().enumerate();
    while let Some((at, byte)) = rest.next() {
        if PLAIN[usize::from(byte)] {
            continue;
        }
        out.push_str(&text[plain_from..at]);
        plain_from = at + 1;
        if byte.is_ascii() {
            write_escape(out, byte);
        } else if let Some(char) = text[at..].chars().next() {
            write_char_escape(out, char);
            // The rest of the character; `nth` counts from 0.
            rest.nth(char.len_utf8() - 2);
            plain_from = at + char.len_utf8();
        }
    }
    out.push_str(&text[plain_from..]);
    out.push('\'');
}

/// Writes bytes: as a literal, or in base64 where that is shorter. The agent's function `B` decodes it.
pub(super) fn write_bytes(out: &mut String, bytes: &[u8]) {
    if bytes.len() > SHORT_BYTES && literal_len(bytes) > base64_len(bytes.len()) {
        return write_base64(out, bytes);
    }
    write_bytes_literal(out, bytes);
}

/// Writes bytes as a literal, however long that becomes.
pub(super) fn write_bytes_literal(out: &mut String, bytes: &[u8]) {
    out.push_str("b'");
    for &byte in bytes {
        if PLAIN[usize::from(byte)] {
            out.push(char::from(byte));
        } else {
            write_escape(out, byte);
        }
    }
    out.push('\'');
}

/// Writes bytes in base64, unless the base64 string is so short that boards would intern it.
pub(super) fn write_base64(out: &mut String, bytes: &[u8]) {
    let length = base64_len(bytes.len());
    if length <= INTERNED + AROUND_BASE64 {
        return write_bytes_literal(out, bytes);
    }
    out.reserve(length);
    out.push_str(BYTES);
    STANDARD.encode_string(bytes, out);
    out.push_str("')");
}

/// The beginning of bytes in base64, and of an array: calls of functions that the agent defines.
pub(crate) const BYTES: &str = "B('";
pub(crate) const ARRAY: &str = "A('";
const AROUND_BASE64: usize = "B('')".len();

fn base64_len(bytes: usize) -> usize {
    bytes.div_ceil(3) * 4 + AROUND_BASE64
}

fn literal_len(bytes: &[u8]) -> usize {
    let cost = |&byte: &u8| match byte {
        byte if PLAIN[usize::from(byte)] => 1,
        b'\n' | b'\r' | b'\t' | b'\\' | b'\'' => 2,
        _ => 4,
    };
    bytes.iter().map(cost).sum::<usize>() + "b''".len()
}

/// Writes a double such that boards with doubles read exactly this number, and boards with single precision
/// the nearest single.
///
/// It is written in decimal where every board reads that correctly; no board does so for all numbers. Any
/// other number is written as a sum of integers times powers of two, in which each step is exact: the nearest
/// single, then the rest up to the double.
pub(super) fn write_f64(out: &mut String, value: f64) {
    if !value.is_finite() {
        return write_not_finite(out, value.is_nan(), value < 0.0);
    }
    if let Some(decimal) = decimal_of_f64(value, &mut zmij::Buffer::new()) {
        return out.push_str(decimal);
    }
    #[expect(clippy::cast_possible_truncation, reason = "this is the rounding in question")]
    let single = value as f32;
    if !single.is_finite() {
        return write_product(out, value);
    }
    write_product(out, single.into());
    let mut rest = value - f64::from(single);
    while rest != 0.0 {
        let part = part_of(rest);
        out.push(if part < 0.0 { '-' } else { '+' });
        if part.abs() < LEAST_SINGLE && part.abs() >= LEAST_SINGLE / 2.0 {
            // Written as one number, it would be rounded up to the smallest single.
            out.push('(');
            write_product(out, part.abs() / 2.0);
            out.push('+');
            write_product(out, part.abs() / 2.0);
            out.push(')');
        } else {
            write_product(out, part.abs());
        }
        rest -= part;
    }
}

/// The smallest positive single.
const LEAST_SINGLE: f64 = f32::from_bits(1) as f64;

/// The largest part of the rest (what the sum still lacks to the double) that a single holds. It is cut off,
/// never rounded up: a part that was rounded up to half of the last place of another single could change the
/// sum.
fn part_of(rest: f64) -> f64 {
    const DIGITS: u32 = f64::MANTISSA_DIGITS - f32::MANTISSA_DIGITS;
    let part = f64::from_bits(rest.to_bits() & !((1 << DIGITS) - 1));
    let part = (part / LEAST_SINGLE).trunc() * LEAST_SINGLE;
    if part == 0.0 { rest } else { part }
}

/// Writes a single-precision float, such that boards with either precision read the same number.
pub(super) fn write_f32(out: &mut String, value: f32) {
    if !value.is_finite() {
        return write_not_finite(out, value.is_nan(), value < 0.0);
    }
    match decimal_of_f32(value, &mut zmij::Buffer::new()) {
        Some(decimal) => out.push_str(decimal),
        None => write_product(out, value.into()),
    }
}

/// A finite double in decimal; `None` unless every board reads it correctly to the precision of its floats.
pub(super) fn decimal_of_f64(value: f64, buffer: &mut zmij::Buffer) -> Option<&str> {
    let decimal = buffer.format_finite(value);
    let in_all = |parsed: Decimal| is_exact_in_singles(parsed) && parsed.is_read_as(value.abs());
    (is_short(decimal, 7) || Decimal::parse(decimal).is_some_and(in_all)).then_some(decimal)
}

/// A finite single in decimal; `None` unless every board reads it correctly.
pub(super) fn decimal_of_f32(value: f32, buffer: &mut zmij::Buffer) -> Option<&str> {
    let decimal = buffer.format_finite(value);
    let exact =
        || Decimal::parse(decimal).is_some_and(is_exact_in_singles) && survives_double(decimal, value);
    (is_short(decimal, 7) || exact()).then_some(decimal)
}

/// Whether a board with doubles, which rounds once to a double and again to a single, gets the same single.
#[expect(clippy::cast_possible_truncation, reason = "this is the rounding in question")]
fn survives_double(decimal: &str, value: f32) -> bool {
    decimal
        .parse::<f64>()
        .is_ok_and(|double| (double as f32).to_bits() == value.to_bits())
}

fn write_not_finite(out: &mut String, nan: bool, negative: bool) {
    out.push_str(match (nan, negative) {
        (true, _) => "float('nan')",
        (_, true) => "float('-inf')",
        (_, false) => "float('inf')",
    });
}

/// Whether a number has at most `digits` digits, and at most three of them behind the point. Every arithmetic
/// with that many digits reads such a number correctly.
fn is_short(decimal: &str, digits: usize) -> bool {
    let decimal = decimal.strip_prefix('-').unwrap_or(decimal).as_bytes();
    let point = decimal.iter().rev().take(4).position(|byte| *byte == b'.');
    decimal.len() <= digits + 1 && point.is_some()
}

/// Whether the digits and the power of ten are both exact in single precision, so that only one rounding
/// happens.
fn is_exact_in_singles(decimal: Decimal) -> bool {
    decimal.mantissa <= 1 << f32::MANTISSA_DIGITS && decimal.exponent.unsigned_abs() <= 10
}

/// Writes a finite number as `mantissa*2.0**exponent`.
fn write_product(out: &mut String, value: f64) {
    /// The exponent of the smallest power of two that a single holds with full precision (is not subnormal).
    const LEAST: i32 = -126;
    let bits = value.to_bits();
    let exponent = i32::try_from(bits >> 52 & 0x7ff).expect("it has eleven bits");
    let fraction = bits & ((1 << 52) - 1);
    let (mantissa, exponent) = match exponent {
        0 => (fraction, -1074),
        _ => (fraction | 1 << 52, exponent - 1075),
    };
    if value.is_sign_negative() {
        out.push('-');
    }
    if mantissa == 0 {
        return out.push_str("0.0");
    }
    let zeros = mantissa.trailing_zeros();
    let exponent = exponent + zeros.cast_signed();
    let mut buffer = itoa::Buffer::new();
    out.push_str(buffer.format(mantissa >> zeros));
    let first = exponent.max(LEAST);
    for factor in [first, exponent - first] {
        if factor != 0 {
            out.push_str("*2.0**");
            out.push_str(buffer.format(factor));
        }
    }
    if exponent == 0 {
        // Without an exponent the product would be an int, but it has to be a float.
        out.push_str(".0");
    }
}

/// The bytes that need no escape between the quotes.
static PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = 0x20;
    while byte < 0x7f {
        plain[byte] = byte != b'\'' as usize && byte != b'\\' as usize;
        byte += 1;
    }
    plain
};

const HEX: &[u8; 16] = b"0123456789abcdef";

fn write_escape(out: &mut String, byte: u8) {
    out.push('\\');
    match byte {
        b'\n' => out.push('n'),
        b'\r' => out.push('r'),
        b'\t' => out.push('t'),
        b'\\' | b'\'' => out.push(char::from(byte)),
        _ => {
            out.push('x');
            write_hex(out, u32::from(byte), 2);
        }
    }
}

fn write_char_escape(out: &mut String, char: char) {
    let code = u32::from(char);
    let (kind, digits) = match code {
        0..=0xff => ('x', 2),
        0x100..=0xffff => ('u', 4),
        _ => ('U', 8),
    };
    out.push('\\');
    out.push(kind);
    write_hex(out, code, digits);
}

pub(super) fn write_hex(out: &mut String, code: u32, digits: u32) {
    for digit in (0..digits).rev() {
        out.push(char::from(HEX[(code >> (4 * digit) & 0xf) as usize]));
    }
}
