//! Unpacks results that a board has packed, into the `repr` that it would have printed if it printed floats
//! exactly.

use std::ops::Range;

/// The greatest relative difference between a float and what a board prints for it.
const DISTANCE: f64 = 1e-4;

/// The `repr` of a packed result, with exact decimals for its floats; `None` if the data is not valid. `code`
/// says how the agent has packed it.
pub(crate) fn repr(code: u8, data: &[u8]) -> Option<Vec<u8>> {
    match code {
        b'.' => float(data).map(|float| text_of(float).into_bytes()),
        b'E' => with_floats(data),
        b't' => Some(texts(data)),
        code => sequence(code, data),
    }
}

/// The list of the numbers in an array's memory.
fn sequence(code: u8, data: &[u8]) -> Option<Vec<u8>> {
    fn each<const N: usize>(data: &[u8], mut write: impl FnMut([u8; N])) -> Option<()> {
        let (elements, []) = data.as_chunks() else {
            return None;
        };
        for bytes in elements {
            write(*bytes);
        }
        Some(())
    }
    let mut text = String::with_capacity(data.len() * 3 + 2);
    let mut push = |element: &str| {
        text.push_str(if text.is_empty() { "[" } else { ", " });
        text.push_str(element);
    };
    let mut buffer = itoa::Buffer::new();
    match code {
        b'b' => each(data, |bytes| push(buffer.format(i8::from_le_bytes(bytes)))),
        b'B' => each(data, |bytes| push(buffer.format(u8::from_le_bytes(bytes)))),
        b'h' => each(data, |bytes| push(buffer.format(i16::from_le_bytes(bytes)))),
        b'H' => each(data, |bytes| push(buffer.format(u16::from_le_bytes(bytes)))),
        b'i' => each(data, |bytes| push(buffer.format(i32::from_le_bytes(bytes)))),
        b'I' => each(data, |bytes| push(buffer.format(u32::from_le_bytes(bytes)))),
        b'f' => each(data, |bytes| push(&text_of(f32::from_le_bytes(bytes).into()))),
        b'd' => each(data, |bytes| push(&text_of(f64::from_le_bytes(bytes)))),
        _ => None,
    }?;
    if text.is_empty() {
        text.push('[');
    }
    text.push(']');
    Some(text.into_bytes())
}

/// A list of texts between which there are zeros.
fn texts(data: &[u8]) -> Vec<u8> {
    let mut list = String::with_capacity(data.len() + data.len() / 2 + 4);
    for text in data.split(|byte| *byte == 0) {
        list.push_str(if list.is_empty() { "[" } else { ", " });
        push_text(&mut list, text);
    }
    list.push(']');
    list.into_bytes()
}

/// Adds the `repr` of a text. The board takes whatever is in it for UTF-8.
fn push_text(list: &mut String, text: &[u8]) {
    let double = text.contains(&b'\'') && !text.contains(&b'"');
    let quote = if double { '"' } else { '\'' };
    list.push(quote);
    let mut rest = text;
    while let Some((first, more)) = rest.split_first() {
        let goes_on = more.iter().take_while(|byte| **byte & 0xc0 == 0x80).count();
        let (tail, others) = more.split_at(goes_on);
        rest = others;
        // Those of its bits that say how many bytes follow do not count.
        let head = u32::from(*first) & 0xff_u32 >> first.leading_ones();
        let tail = if first.is_ascii() { &[] } else { tail };
        let code = tail
            .iter()
            .fold(head, |code, byte| code << 6 | u32::from(byte & 0x3f));
        match char::from_u32(code) {
            Some('\n') => list.push_str("\\n"),
            Some('\r') => list.push_str("\\r"),
            Some('\t') => list.push_str("\\t"),
            Some(plain) if plain == quote || plain == '\\' => list.extend(['\\', plain]),
            Some(plain @ ' '..='~') => list.push(plain),
            _ if code < 0x100 => list.extend(format!("\\x{code:02x}").chars()),
            _ if code < 0x1_0000 => list.extend(format!("\\u{code:04x}").chars()),
            _ => list.extend(format!("\\U{code:08x}").chars()),
        }
    }
    list.push(quote);
}

/// A float of four or eight bytes.
fn float(data: &[u8]) -> Option<f64> {
    if let Ok(bytes) = data.try_into() {
        return Some(f32::from_le_bytes(bytes).into());
    }
    Some(f64::from_le_bytes(data.try_into().ok()?))
}

/// A float as Python writes it, with all its digits.
fn text_of(float: f64) -> String {
    if float.is_nan() {
        return "nan".to_owned();
    }
    if float.is_infinite() {
        return if float > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    zmij::Buffer::new().format_finite(float).to_owned()
}

/// Puts the floats at the beginning of the data into the `repr` that follows them, in place of the rounded
/// ones that the board has printed. If one of those is not near its float, something in the result has a
/// `__repr__` of its own, and the whole text stays as it was printed.
fn with_floats(data: &[u8]) -> Option<Vec<u8>> {
    let colon = data.iter().position(|byte| *byte == b':')?;
    let (head, rest) = (&data[..colon], &data[colon + 1..]);
    let (code, count) = head.split_first()?;
    let size = match code {
        b'f' => size_of::<f32>(),
        b'd' => size_of::<f64>(),
        _ => return None,
    };
    let count: usize = str::from_utf8(count).ok()?.parse().ok()?;
    let (floats, text) = rest.split_at_checked(count.checked_mul(size)?)?;
    let floats = floats.chunks_exact(size).map(float).collect::<Option<Vec<_>>>()?;
    Some(replaced(text, &floats).unwrap_or_else(|| text.to_vec()))
}

fn replaced(text: &[u8], floats: &[f64]) -> Option<Vec<u8>> {
    let mut new = Vec::with_capacity(text.len() + floats.len() * 8);
    let mut from = 0;
    let mut rest = floats.iter();
    for place in places(text)? {
        let float = *rest.next()?;
        let printed: f64 = str::from_utf8(&text[place.clone()]).ok()?.parse().ok()?;
        if !is_near(float, printed) {
            return None;
        }
        new.extend_from_slice(&text[from..place.start]);
        new.extend_from_slice(text_of(float).as_bytes());
        from = place.end;
    }
    new.extend_from_slice(&text[from..]);
    rest.next().is_none().then_some(new)
}

/// Whether a board may have printed this float as `printed`.
fn is_near(float: f64, printed: f64) -> bool {
    const LEAST: f64 = f32::MIN_POSITIVE as f64;
    if float.is_nan() || printed.is_nan() {
        return float.is_nan() && printed.is_nan();
    }
    let distance = (float - printed).abs();
    // The largest floats may be printed as infinity, and the smallest as zero.
    float.to_bits() == printed.to_bits()
        || distance <= float.abs() * DISTANCE
        || (printed.is_infinite() && float.abs() > 1e38 && float.is_sign_negative() == (printed < 0.0))
        || (float.abs() < LEAST && distance <= LEAST)
}

/// The ranges of the floats in a `repr`. `None` if it contains a complex number, which has two.
fn places(text: &[u8]) -> Option<Vec<Range<usize>>> {
    let mut places = Vec::new();
    let mut at = 0;
    while let Some(&first) = text.get(at) {
        let start = at;
        match first {
            b'\'' | b'"' => {
                at += 1;
                while *text.get(at)? != first {
                    at += if text[at] == b'\\' { 2 } else { 1 };
                }
                at += 1;
            }
            b'0'..=b'9' | b'-' | b'_' | b'a'..=b'z' | b'A'..=b'Z' | 0x80.. => {
                at += 1;
                while let Some(&next) = text.get(at) {
                    let goes_on = next.is_ascii_alphanumeric()
                        || next >= 0x80
                        || b"._".contains(&next)
                        || (b"+-".contains(&next) && matches!(text[at - 1], b'e' | b'E'));
                    if !goes_on {
                        break;
                    }
                    at += 1;
                }
                let word = &text[start..at];
                let magnitude = word.strip_prefix(b"-").unwrap_or(word);
                let number = magnitude.first().is_some_and(u8::is_ascii_digit);
                if number && word.ends_with(b"j") {
                    return None;
                }
                let fraction = number && magnitude.iter().any(|byte| b".eE".contains(byte));
                if fraction || magnitude == b"inf" || magnitude == b"nan" {
                    places.push(start..at);
                }
            }
            _ => at += 1,
        }
    }
    Some(places)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(code: u8, data: &[u8]) -> Option<String> {
        repr(code, data).map(|text| String::from_utf8(text).unwrap())
    }

    fn with_singles(floats: &[f32], printed: &str) -> String {
        let mut data = format!("f{}:", floats.len()).into_bytes();
        data.extend(floats.iter().flat_map(|float| float.to_le_bytes()));
        data.extend_from_slice(printed.as_bytes());
        text(b'E', &data).unwrap()
    }

    #[test]
    fn what_was_packed_is_what_the_board_would_have_written() {
        assert_eq!(text(b'h', &[1, 0, 255, 255]).unwrap(), "[1, -1]");
        assert_eq!(text(b'I', &[255, 255, 255, 255]).unwrap(), "[4294967295]");
        assert_eq!(text(b'f', &[]).unwrap(), "[]");
        assert_eq!(
            text(b'f', &[0, 0, 192, 127, 0, 0, 0, 128]).unwrap(),
            "[nan, -0.0]"
        );
        assert_eq!(text(b'.', &0.1_f32.to_le_bytes()).unwrap(), "0.10000000149011612");
        assert_eq!(text(b'.', &0.1_f64.to_le_bytes()).unwrap(), "0.1");
    }

    #[test]
    fn texts_are_what_the_board_would_have_written() {
        let list = |data: &[u8]| text(b't', data).unwrap();
        assert_eq!(list(b""), "['']");
        assert_eq!(list(b"a\0\0b'\\\0'\""), r#"['a', '', "b'\\", '\'"']"#);
        assert_eq!(
            list("\t\r\n\x1b\u{7f}é€\u{1f600}".as_bytes()),
            r"['\t\r\n\x1b\x7f\xe9\u20ac\U0001f600']"
        );
        // What is no UTF-8, as MicroPython reads it.
        assert_eq!(list(b"\xed\xa0\x80a\x80b\xc3\xff"), r"['\ud800ab\x03\x00']");
    }

    #[test]
    fn what_makes_no_sense_is_nothing() {
        for (code, data) in [
            (b'h', &b"123"[..]),
            (b'd', b"1234567"),
            (b'.', b""),
            (b'.', b"12345"),
            (b'?', b""),
            (b'E', b""),
            (b'E', b":1.0"),
            (b'E', b"f9:1.0"),
            (b'E', b"f99999999999999999999:1.0"),
            (b'E', b"f9223372036854775807:1.0"),
            (b'E', b"x0:1.0"),
        ] {
            assert_eq!(text(code, data), None, "{code} {data:?}");
        }
    }

    #[test]
    fn floats_take_the_places_of_what_was_printed_of_them() {
        let pi = f32::from_bits(0x4049_0fdb);
        assert_eq!(
            with_singles(
                &[pi, -pi, f32::INFINITY],
                r#"{'a 1.5': [3.1415928, b'\'2.5"', -3.1415928], "it's": (inf, 7, nanny, None)}"#
            ),
            r#"{'a 1.5': [3.1415927410125732, b'\'2.5"', -3.1415927410125732], "it's": (inf, 7, nanny, None)}"#
        );
        let least: f64 = with_singles(&[1e-45], "0.0").parse().unwrap();
        assert_eq!(least.to_bits(), f64::from(1e-45_f32).to_bits());
    }

    #[test]
    fn what_was_printed_stays_where_it_is_not_of_these_floats() {
        for (floats, printed) in [
            (&[1.5][..], "[1.5, 2.5]"),
            (&[1.5, 2.5], "[1.5]"),
            (&[1.5], "[2.5]"),
            (&[1.5], "nan"),
            (&[1.5], "(1.5+2.5j)"),
            (&[1.5], "'1.5"),
            (&[1.5], "'1.5\\"),
        ] {
            assert_eq!(with_singles(floats, printed), printed);
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_comes_it_is_read_or_refused(code: u8, data: Vec<u8>) {
            let _ = repr(code, &data);
        }

        #[test]
        fn whatever_comes_with_floats_it_is_read_or_refused(count in 0..4_usize, data: Vec<u8>) {
            let _ = repr(b'E', &[format!("f{count}:").as_bytes(), &data].concat());
        }
    }
}
