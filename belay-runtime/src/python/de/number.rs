//! Numbers.

use std::ops::Neg;

use serde::de::Visitor;
use serde::de::value::SeqDeserializer;

use super::access::{Content, Tagged};
use super::{Deserializer, Want};
use crate::python::decimal::{self, Decimal};
use crate::python::error::ValueError;

/// The kind of number that a text is.
enum Token<'de> {
    /// An int that fits into 64 bits, without its sign.
    Int(u64),
    /// An int that does not fit into 64 bits, with its sign.
    BigInt(&'de str),
    Float(&'de str),
    /// A float with few digits, parsed while it was scanned, without its sign.
    ShortFloat(Decimal),
    /// The imaginary part of a complex number.
    Imaginary(f64),
}

impl<'de> Deserializer<'de> {
    pub(super) fn number<V: Visitor<'de>>(&mut self, visitor: V, want: Want) -> Result<V::Value, ValueError> {
        let start = self.at;
        let negative = self.peek() == Some(b'-');
        match self.token()? {
            Token::ShortFloat(decimal) if want == Want::F32 => {
                visitor.visit_f32(match decimal.easy_single() {
                    Some(easy) => with_sign(easy, negative),
                    None => self.single(self.text_of(start))?,
                })
            }
            Token::ShortFloat(decimal) => visitor.visit_f64(self.short_double(decimal, start)?),
            Token::Float(text) if want == Want::F32 => visitor.visit_f32(self.single(text)?),
            Token::Float(text) => visitor.visit_f64(self.double(text)?),
            Token::Imaginary(value) => visitor.visit_seq(SeqDeserializer::new([0.0, value].into_iter())),
            Token::Int(value) => match want {
                Want::F32 | Want::F64 => exact_float(value.into(), negative, visitor, want),
                _ if !negative => visitor.visit_u64(value),
                _ => match 0_i64.checked_sub_unsigned(value) {
                    Some(value) => visitor.visit_i64(value),
                    None => visitor.visit_i128(-i128::from(value)).map_err(int_range(want)),
                },
            },
            Token::BigInt(text) => big_int(text, visitor, want),
        }
    }

    /// The kind of number that begins here.
    pub(super) fn number_type(&mut self) -> &'static str {
        match self.token() {
            Ok(Token::Int(_) | Token::BigInt(_)) => "int",
            Ok(Token::Imaginary(_)) => "complex",
            Ok(Token::Float(_) | Token::ShortFloat(_)) | Err(_) => "float",
        }
    }

    /// Reads a complex number in its parentheses, if one stands here.
    pub(super) fn complex(&mut self) -> Result<Option<[f64; 2]>, ValueError> {
        let rest = &self.text[self.at + 1..];
        let end = rest
            .iter()
            .position(|byte| !(byte.is_ascii_alphanumeric() || b"+-.".contains(byte)));
        let Some(end) = end.filter(|&end| rest[end] == b')' && rest[..end].ends_with(b"j")) else {
            return Ok(None);
        };
        self.at += 1;
        let start = self.at;
        let real = match self.token()? {
            Token::Float(text) => self.double(text)?,
            Token::ShortFloat(decimal) => self.short_double(decimal, start)?,
            Token::Int(_) | Token::BigInt(_) | Token::Imaginary(_) => {
                let text = &rest[..end];
                let sign = text.iter().skip(1).position(|byte| b"+-".contains(byte));
                let text = &text[..sign.map_or(0, |at| at + 1)];
                str::from_utf8(text)
                    .ok()
                    .and_then(|text| text.parse().ok())
                    .ok_or_else(|| self.malformed("a complex number"))?
            }
        };
        self.eat(b'+');
        let Token::Imaginary(imaginary) = self.token()? else {
            return Err(self.malformed("a complex number"));
        };
        self.expect(b')', "`)`")?;
        Ok(Some([real, imaginary]))
    }

    #[inline]
    fn token(&mut self) -> Result<Token<'de>, ValueError> {
        /// Ints of up to this many digits always fit into 64 bits.
        const FIT: usize = 19;
        let start = self.at;
        let digits_from = start + usize::from(self.peek() == Some(b'-'));
        let (mut value, mut digits) = (0_u64, 0);
        for byte in &self.text[digits_from..] {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            value = value.wrapping_mul(10).wrapping_add(digit.into());
            digits += 1;
        }
        self.at = digits_from + digits;
        match self.peek() {
            Some(b'.') if digits > 0 => return self.fraction(start, value, digits),
            Some(b'e' | b'E' | b'j') if digits > 0 => return self.float(start),
            Some(b'i' | b'n') if digits == 0 => return self.float(start),
            _ => {}
        }
        // Python writes no leading zeros.
        if digits == 0 || (digits > 1 && self.text[digits_from] == b'0') {
            return Err(self.malformed("a number"));
        }
        if digits <= FIT {
            return Ok(Token::Int(value));
        }
        match self.text_of(digits_from).parse() {
            Ok(value) => Ok(Token::Int(value)),
            Err(_) => Ok(Token::BigInt(self.text_of(start))),
        }
    }

    /// Reads on from the decimal point. Most floats are short and end with these digits.
    fn fraction(&mut self, start: usize, digits: u64, count: usize) -> Result<Token<'de>, ValueError> {
        /// Up to this many digits fit into a `u64`, and into a double without loss.
        const SHORT: usize = 15;
        self.at += 1;
        let (mut mantissa, fraction_from) = (digits, self.at);
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
            self.at += 1;
        }
        let places = self.at - fraction_from;
        if matches!(self.peek(), Some(b'.' | b'e' | b'E' | b'j')) || count + places > SHORT {
            return self.float(start);
        }
        let exponent = -i32::try_from(places).unwrap_or(i32::MAX);
        Ok(Token::ShortFloat(Decimal { mantissa, exponent }))
    }

    /// The rest of a float, or of the imaginary part of a complex number.
    fn float(&mut self, start: usize) -> Result<Token<'de>, ValueError> {
        if !(self.eat_infinite(b"inf") || self.eat_infinite(b"nan")) {
            while let Some(b'0'..=b'9' | b'.') = self.peek() {
                self.at += 1;
            }
            if let Some(b'e' | b'E') = self.peek() {
                self.at += 1;
                let _ = self.eat(b'-') || self.eat(b'+');
                while let Some(b'0'..=b'9') = self.peek() {
                    self.at += 1;
                }
            }
        }
        let text = self.text_of(start);
        if self.eat(b'j') {
            return Ok(Token::Imaginary(self.double(text)?));
        }
        Ok(Token::Float(text))
    }

    fn eat_infinite(&mut self, word: &[u8]) -> bool {
        let there = self.text[self.at..].starts_with(word);
        if there {
            self.at += word.len();
        }
        there
    }

    fn text_of(&self, start: usize) -> &'de str {
        &self.source[start..self.at]
    }

    fn double(&self, text: &str) -> Result<f64, ValueError> {
        let float = if self.exact {
            text.parse().ok()
        } else {
            decimal::as_board_reads(text)
        };
        float.ok_or_else(|| self.malformed("a number"))
    }

    /// The double that begins at `start` and has been read.
    fn short_double(&self, decimal: Decimal, start: usize) -> Result<f64, ValueError> {
        match decimal.easy() {
            Some(easy) => Ok(with_sign(easy, self.text[start] == b'-')),
            None => self.double(self.text_of(start)),
        }
    }

    /// Parses directly to single precision: rounding to double first could give another number.
    fn single(&self, text: &str) -> Result<f32, ValueError> {
        text.parse().map_err(|_| self.malformed("a number"))
    }
}

fn with_sign<F: Neg<Output = F>>(magnitude: F, negative: bool) -> F {
    if negative { -magnitude } else { magnitude }
}

/// An int where a float is expected: Python's functions return `0` as readily as `0.0`.
#[expect(
    clippy::cast_precision_loss,
    reason = "whether anything is lost is what is found out here"
)]
fn exact_float<'de, V: Visitor<'de>>(
    value: u128,
    negative: bool,
    visitor: V,
    want: Want,
) -> Result<V::Value, ValueError> {
    let bits = if want == Want::F32 {
        f32::MANTISSA_DIGITS
    } else {
        f64::MANTISSA_DIGITS
    };
    if value != 0 && u128::BITS - value.leading_zeros() - value.trailing_zeros() > bits {
        return Err(ValueError::range(&visitor));
    }
    let float = value as f64;
    visitor.visit_f64(if negative { -float } else { float })
}

/// An int of more than 64 bits.
fn big_int<'de, V: Visitor<'de>>(text: &'de str, visitor: V, want: Want) -> Result<V::Value, ValueError> {
    let negative = text.starts_with('-');
    match want {
        Want::F32 | Want::F64 => match text.trim_start_matches('-').parse() {
            Ok(value) => exact_float(value, negative, visitor, want),
            Err(_) => Err(ValueError::range(&visitor)),
        },
        Want::Nothing => visitor.visit_unit(),
        _ => match (negative, text.parse(), text.parse()) {
            (true, Ok(value), _) => visitor.visit_i128(value).map_err(int_range(want)),
            (false, _, Ok(value)) => visitor.visit_u128(value).map_err(int_range(want)),
            _ if matches!(want, Want::Value) => visitor.visit_enum(Tagged {
                tag: "int".into(),
                content: Content::Text(text),
            }),
            _ => Err(ValueError::range(&visitor)),
        },
    }
}

/// A visitor for small ints reports a large one as a wrong type; this turns that error into one about the
/// range.
fn int_range(want: Want) -> impl FnOnce(ValueError) -> ValueError {
    move |error| {
        if want == Want::Int {
            error.into_range()
        } else {
            error
        }
    }
}
