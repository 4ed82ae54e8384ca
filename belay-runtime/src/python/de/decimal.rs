//! Decimal floats as boards mean them.
//!
//! From MicroPython 1.26 on, a board with doubles prints the shortest digits from which its *own* parser
//! gets the number back. That parser works in the 80-bit arithmetic of x86 processors, rounds at each
//! step, and so once in some ten thousand numbers of many digits reads another number than the nearest.
//! For those the nearest number would be wrong by a unit in the last place, and only the same arithmetic
//! gives back what the board has.

/// The double that a board means by this decimal number.
pub(super) fn as_board_reads(text: &str) -> Option<f64> {
    let nearest = text.parse().ok()?;
    // Only the simulated board computes like that, and it runs on a processor like the host's.
    if cfg!(any(target_arch = "x86_64", target_arch = "x86"))
        && let Some((mantissa, exponent)) = long_decimal(text)
    {
        let magnitude = Extended::from(mantissa).times_power_of_ten(exponent).to_double();
        let board = if text.starts_with('-') {
            -magnitude
        } else {
            magnitude
        };
        return Some(board);
    }
    Some(nearest)
}

/// The digits as an integer and the power of ten that belongs to it, where there are so many digits or so
/// large a power that the board's arithmetic is not exact. Nothing where there are more digits than boards
/// print.
fn long_decimal(text: &str) -> Option<(u64, i32)> {
    const EXACT_MANTISSA: u64 = 1 << f64::MANTISSA_DIGITS;
    const EXACT_POWER: u32 = 22;
    let (digits, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (mut mantissa, mut exponent) = (0_u64, exponent.parse::<i32>().ok()?);
    let (mut zeros, mut in_fraction) = (0, false);
    for digit in digits.bytes() {
        match digit {
            b'.' => in_fraction = true,
            // Zeros at the end do not count.
            b'0' => zeros += 1,
            b'1'..=b'9' => {
                mantissa = mantissa.checked_mul(10_u64.checked_pow(zeros + 1)?)?;
                mantissa = mantissa.checked_add(u64::from(digit - b'0'))?;
                zeros = 0;
            }
            _ => {}
        }
        exponent = exponent.checked_sub(i32::from(in_fraction && digit != b'.'))?;
    }
    exponent = exponent.checked_add_unsigned(zeros)?;
    let exact = mantissa <= EXACT_MANTISSA && exponent.unsigned_abs() <= EXACT_POWER;
    (!exact && mantissa != 0 && exponent.unsigned_abs() < 400).then_some((mantissa, exponent))
}

/// A positive number of 64 significant bits: `mantissa * 2 ** exponent`, the highest bit of the mantissa set.
#[derive(Clone, Copy)]
struct Extended {
    mantissa: u64,
    exponent: i32,
}

impl From<u64> for Extended {
    /// Of a number that is not 0.
    fn from(integer: u64) -> Self {
        let shift = integer.leading_zeros();
        Self {
            mantissa: integer << shift,
            exponent: -shift.cast_signed(),
        }
    }
}

impl Extended {
    /// In the board's order: it squares its way through the powers of ten and rounds each time.
    fn times_power_of_ten(self, exponent: i32) -> Self {
        let (mut result, mut power) = (self, Self::from(10));
        let mut rest = exponent.unsigned_abs();
        while rest > 0 {
            if rest & 1 == 1 {
                result = if exponent < 0 {
                    result.divided_by(power)
                } else {
                    result.times(power)
                };
            }
            rest >>= 1;
            power = power.times(power);
        }
        result
    }

    fn times(self, other: Self) -> Self {
        let product = u128::from(self.mantissa) * u128::from(other.mantissa);
        Self::rounded(product, self.exponent + other.exponent)
    }

    fn divided_by(self, other: Self) -> Self {
        let (dividend, divisor) = (u128::from(self.mantissa) << 64, u128::from(other.mantissa));
        // The quotient has 64 or 65 bits. Two more, and whether anything is left, decide the rounding.
        let (quotient, left) = (dividend / divisor, dividend % divisor);
        let (more, left) = ((left << 2) / divisor, (left << 2) % divisor);
        let quotient = (quotient << 2 | more) << 1 | u128::from(left != 0);
        Self::rounded(quotient, self.exponent - other.exponent - 64 - 3)
    }

    /// Rounds to 64 bits: to the nearest, and to the even one of two.
    fn rounded(wide: u128, exponent: i32) -> Self {
        let drop = (u128::BITS - wide.leading_zeros()) - u64::BITS;
        let (kept, half) = (wide >> drop, 1_u128 << drop >> 1);
        let rest = wide & ((1 << drop) - 1);
        let up = rest > half || (rest == half && drop > 0 && kept & 1 == 1);
        let exponent = exponent + drop.cast_signed();
        match u64::try_from(kept + u128::from(up)) {
            Ok(mantissa) => Self { mantissa, exponent },
            // It was all ones.
            Err(_) => Self {
                mantissa: 1 << 63,
                exponent: exponent + 1,
            },
        }
    }

    fn to_double(self) -> f64 {
        /// The exponents of the least double and of the first power of two that is too large.
        const LEAST: i32 = -1074;
        const TOO_LARGE: i32 = 1024;
        let top = self.exponent + 63;
        // So many low bits have no place in a double, of which the small ones have fewer bits.
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
        // The bits of a double, read as an integer, go on counting across the powers of two.
        let biased = u64::try_from(self.exponent + drop - LEAST).unwrap_or(0);
        let bits = (biased << 52) + u64::try_from(kept).unwrap_or(u64::MAX);
        f64::from_bits(bits)
    }
}
