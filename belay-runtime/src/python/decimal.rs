//! Decimal floats as boards read and print them.
//!
//! From MicroPython 1.26 on, a board with doubles prints the shortest digits from which its *own* parser gets
//! the number back. A parser that computes in the 80-bit arithmetic of x86 processors rounds more than once,
//! and reads about one number in ten thousand as another double than the nearest. Correct parsing on the host
//! would then be off by one unit in the last place, so the host has to repeat the board's arithmetic to get
//! the board's number.

/// A decimal number without its sign: `mantissa * 10 ** exponent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decimal {
    pub(super) mantissa: u64,
    pub(super) exponent: i32,
}

/// The double that the board's own parser reads from this text.
pub(super) fn as_board_reads(text: &str) -> Option<f64> {
    let Some(decimal) = Decimal::parse(text) else {
        return text.parse().ok();
    };
    let magnitude = if let Some(easy) = decimal.easy() {
        easy
    } else if cfg!(any(target_arch = "x86_64", target_arch = "x86")) {
        // Only the simulated board computes in 80 bits, and it runs on the same kind of processor as the
        // host.
        decimal.in_extended_arithmetic()
    } else {
        return text.parse().ok();
    };
    Some(if text.starts_with('-') {
        -magnitude
    } else {
        magnitude
    })
}

impl Decimal {
    /// Parses the text; `None` if it is not a number or has more digits than boards print.
    pub(super) fn parse(text: &str) -> Option<Self> {
        /// Below this the mantissa has room for one more digit.
        const ROOM: u64 = 1 << 60;
        let (mut mantissa, mut exponent) = (0_u64, 0_i32);
        let (mut zeros, mut in_fraction) = (0, false);
        for (at, digit) in text.bytes().enumerate() {
            match digit {
                b'.' if !in_fraction => {
                    in_fraction = true;
                    continue;
                }
                // Trailing zeros are not digits of the mantissa.
                b'0' => zeros += 1,
                b'1'..=b'9' if zeros == 0 && mantissa < ROOM => {
                    mantissa = mantissa * 10 + u64::from(digit - b'0');
                }
                b'1'..=b'9' => {
                    let power = 10_u64.checked_pow(zeros + 1)?;
                    mantissa = mantissa
                        .checked_mul(power)?
                        .checked_add(u64::from(digit - b'0'))?;
                    zeros = 0;
                }
                b'-' if at == 0 => continue,
                b'e' | b'E' => {
                    exponent = exponent.checked_add(text[at + 1..].parse().ok()?)?;
                    break;
                }
                _ => return None,
            }
            exponent -= i32::from(in_fraction);
        }
        let exponent = exponent.checked_add_unsigned(zeros)?;
        (exponent.unsigned_abs() < 400).then_some(Self { mantissa, exponent })
    }

    /// The double, if the number is so small that every arithmetic with at least double precision gives the
    /// same one.
    ///
    /// With such a small power of ten the number is either exactly half-way between two doubles, or so far
    /// from half-way that a second rounding does not change the result.
    #[expect(clippy::cast_precision_loss, reason = "it is exact as far as it comes here")]
    pub(super) fn easy(self) -> Option<f64> {
        const EXACT: u64 = 1 << f64::MANTISSA_DIGITS;
        const POWERS: [f64; 4] = [1.0, 10.0, 100.0, 1000.0];
        if self.mantissa > EXACT {
            return None;
        }
        let (mantissa, power) = (self.mantissa as f64, self.exponent.unsigned_abs() as usize);
        match POWERS.get(power) {
            Some(power) if self.exponent < 0 => Some(mantissa / power),
            Some(power) => Some(mantissa * power),
            None if self.mantissa == 0 => Some(0.0),
            None => None,
        }
    }

    /// The nearest single-precision float, for small numbers: both factors are exact, so only one rounding
    /// happens.
    #[expect(clippy::cast_precision_loss, reason = "it is exact as far as it comes here")]
    pub(super) fn easy_single(self) -> Option<f32> {
        const EXACT: u64 = 1 << f32::MANTISSA_DIGITS;
        const POWERS: [f32; 11] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10];
        let power = POWERS.get(self.exponent.unsigned_abs() as usize)?;
        (self.mantissa <= EXACT && self.exponent <= 0).then(|| self.mantissa as f32 / power)
    }

    /// Whether all boards read this decimal number as this double.
    ///
    /// Boards before MicroPython 1.26 compute in doubles: the result has one rounding, and so is correct, if
    /// both the digits and the power of ten are exact in a double.
    pub(super) fn is_read_as(self, magnitude: f64) -> bool {
        const EXACT: u64 = 1 << f64::MANTISSA_DIGITS;
        self.easy().is_some()
            || (self.mantissa <= EXACT
                && self.exponent.unsigned_abs() <= 22
                && self.in_extended_arithmetic().to_bits() == magnitude.to_bits())
    }

    /// The double that the 80-bit arithmetic makes of the number. Like the board's parser, it raises ten to
    /// the power by repeated squaring, and rounds at each step.
    fn in_extended_arithmetic(self) -> f64 {
        let (mut result, mut power) = (Extended::from(self.mantissa), Extended::from(10));
        let mut rest = self.exponent.unsigned_abs();
        loop {
            if rest & 1 == 1 {
                result = if self.exponent < 0 {
                    result.divided_by(power)
                } else {
                    result.times(power)
                };
            }
            rest >>= 1;
            if rest == 0 {
                return result.to_double();
            }
            power = power.times(power);
        }
    }
}

/// A positive number of 64 significant bits: `mantissa * 2 ** exponent`, the highest bit of the mantissa set.
#[derive(Clone, Copy)]
struct Extended {
    mantissa: u64,
    exponent: i32,
}

impl From<u64> for Extended {
    fn from(integer: u64) -> Self {
        let shift = integer.leading_zeros().min(63);
        Self {
            mantissa: integer << shift,
            exponent: -shift.cast_signed(),
        }
    }
}

impl Extended {
    fn times(self, other: Self) -> Self {
        let product = u128::from(self.mantissa) * u128::from(other.mantissa);
        Self::rounded(product, self.exponent + other.exponent)
    }

    fn divided_by(self, other: Self) -> Self {
        let (dividend, divisor) = (u128::from(self.mantissa) << 64, u128::from(other.mantissa));
        // The quotient has 64 or 65 bits. Rounding needs one more bit, and whether there is a remainder.
        let (quotient, left) = (dividend / divisor, dividend % divisor);
        let half = left << 1 >= divisor;
        let inexact = left != 0 && left << 1 != divisor;
        let quotient = (quotient << 1 | u128::from(half)) << 1 | u128::from(inexact);
        Self::rounded(quotient, self.exponent - other.exponent - 64 - 2)
    }

    /// Rounds to 64 bits: to nearest, ties to even.
    fn rounded(wide: u128, exponent: i32) -> Self {
        let drop = (u128::BITS - wide.leading_zeros()) - u64::BITS;
        let (kept, half) = (wide >> drop, 1_u128 << drop >> 1);
        let rest = wide & ((1 << drop) - 1);
        let up = rest > half || (rest == half && drop > 0 && kept & 1 == 1);
        let exponent = exponent + drop.cast_signed();
        match u64::try_from(kept + u128::from(up)) {
            Ok(mantissa) => Self { mantissa, exponent },
            // The mantissa was all ones, so rounding up carried into another bit.
            Err(_) => Self {
                mantissa: 1 << 63,
                exponent: exponent + 1,
            },
        }
    }

    fn to_double(self) -> f64 {
        /// The exponents of the smallest positive double, and of the first power of two that is too large for
        /// a double.
        const LEAST: i32 = -1074;
        const TOO_LARGE: i32 = 1024;
        let top = self.exponent + 63;
        // How many low bits a double has no room for; subnormal doubles have fewer bits.
        let drop = (LEAST - self.exponent).max(11);
        if drop > 64 {
            return 0.0;
        }
        let wide = u128::from(self.mantissa);
        let (mut kept, half) = (wide >> drop, 1_u128 << drop >> 1);
        let rest = wide & ((1 << drop) - 1);
        kept += u128::from(rest > half || (rest == half && kept & 1 == 1));
        if top >= TOO_LARGE {
            return f64::INFINITY;
        }
        // Adding to the bits of a double as an integer carries correctly into its exponent.
        let biased = u64::try_from(self.exponent + drop - LEAST).unwrap_or(0);
        let bits = (biased << 52) + u64::try_from(kept).unwrap_or(u64::MAX);
        f64::from_bits(bits)
    }
}
