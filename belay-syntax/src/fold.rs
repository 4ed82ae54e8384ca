//! Constant folding: the values that MicroPython computes when it compiles.
//!
//! The parser needs them because `const(x)` requires a constant, because a constant cannot be assigned to,
//! and because code under `if 0:` is never compiled.

use crate::token::Kind;

/// What matters of a value: numbers for arithmetic, and for everything else whether it is true.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Constant {
    Int(i64),
    /// An integer beyond 64 bits.
    Large,
    Float(f64),
    /// Anything else: a string, `None`, a boolean, a tuple of constants, ….
    Other {
        truth: bool,
    },
}

impl Constant {
    /// Whether it counts as true in a condition.
    pub(crate) fn truth(self) -> bool {
        match self {
            Self::Int(value) => value != 0,
            Self::Large => true,
            Self::Float(value) => value != 0.0,
            Self::Other { truth } => truth,
        }
    }

    /// The value of a valid integer literal.
    pub(crate) fn integer(text: &str) -> Self {
        let digits: String = text
            .chars()
            .filter(|digit| *digit != '_')
            .collect::<String>()
            .to_ascii_lowercase();
        let parsed = if let Some(hex) = digits.strip_prefix("0x") {
            i64::from_str_radix(hex, 16)
        } else if let Some(octal) = digits.strip_prefix("0o") {
            i64::from_str_radix(octal, 8)
        } else if let Some(binary) = digits.strip_prefix("0b") {
            i64::from_str_radix(binary, 2)
        } else {
            digits.parse()
        };
        parsed.map_or(Self::Large, Self::Int)
    }

    /// The value of a valid float literal. Imaginary numbers are constants, but MicroPython folds no
    /// arithmetic with them.
    pub(crate) fn float(text: &str) -> Self {
        let digits: String = text.chars().filter(|digit| *digit != '_').collect();
        if let Some(imaginary) = digits.strip_suffix(['j', 'J']) {
            return Self::Other {
                truth: imaginary.bytes().any(|byte| (b'1'..=b'9').contains(&byte)),
            };
        }
        Self::Float(digits.parse().unwrap_or(f64::INFINITY))
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "that is what the conversion to a float does on the board"
    )]
    fn as_float(self) -> Option<f64> {
        match self {
            Self::Int(value) => Some(value as f64),
            Self::Large => Some(f64::MAX),
            Self::Float(value) => Some(value),
            Self::Other { .. } => None,
        }
    }

    fn is_number(self) -> bool {
        !matches!(self, Self::Other { .. })
    }
}

/// The result of `+`, `-` or `~` on a constant.
pub(crate) fn unary(operator: Kind, value: Constant) -> Option<Constant> {
    match (operator, value) {
        (Kind::Plus, Constant::Int(_) | Constant::Large | Constant::Float(_)) => Some(value),
        (Kind::Minus, Constant::Int(value)) => {
            Some(value.checked_neg().map_or(Constant::Large, Constant::Int))
        }
        (Kind::Tilde, Constant::Int(value)) => Some(Constant::Int(!value)),
        (Kind::Minus | Kind::Tilde, Constant::Large) => Some(Constant::Large),
        (Kind::Minus, Constant::Float(value)) => Some(Constant::Float(-value)),
        _ => None,
    }
}

/// The result of a binary operator on two constants, if MicroPython computes it.
pub(crate) fn binary(operator: Kind, left: Constant, right: Constant) -> Option<Constant> {
    if !left.is_number() || !right.is_number() {
        return None;
    }
    match (left, right) {
        (Constant::Int(left), Constant::Int(right)) => integers(operator, left, right),
        (Constant::Float(_), _) | (_, Constant::Float(_)) => {
            floats(operator, left.as_float()?, right.as_float()?)
        }
        _ => large(operator, left, right),
    }
}

fn integers(operator: Kind, left: i64, right: i64) -> Option<Constant> {
    let checked = |value: Option<i64>| Some(value.map_or(Constant::Large, Constant::Int));
    match operator {
        Kind::Plus => checked(left.checked_add(right)),
        Kind::Minus => checked(left.checked_sub(right)),
        Kind::Star => checked(left.checked_mul(right)),
        Kind::Pipe => Some(Constant::Int(left | right)),
        Kind::Caret => Some(Constant::Int(left ^ right)),
        Kind::Ampersand => Some(Constant::Int(left & right)),
        Kind::LeftShift if right >= 0 => {
            let fits =
                right < 63 && left.unsigned_abs().leading_zeros() > u32::try_from(right).unwrap_or(64) + 1;
            if left == 0 {
                Some(Constant::Int(0))
            } else if fits {
                Some(Constant::Int(left << right))
            } else {
                Some(Constant::Large)
            }
        }
        Kind::RightShift if right >= 0 => Some(Constant::Int(left >> right.min(63))),
        Kind::Slash => floats(
            operator,
            Constant::Int(left).as_float()?,
            Constant::Int(right).as_float()?,
        ),
        Kind::Floor if right != 0 => {
            let quotient = left.checked_div_euclid(right);
            let floored = quotient.map(|value| value - i64::from(right < 0 && left.rem_euclid(right) != 0));
            checked(floored)
        }
        Kind::Percent if right != 0 => {
            let rest = left.checked_rem_euclid(right).unwrap_or(0);
            Some(Constant::Int(if right < 0 && rest != 0 {
                rest + right
            } else {
                rest
            }))
        }
        Kind::Power if right < 0 => floats(
            operator,
            Constant::Int(left).as_float()?,
            Constant::Int(right).as_float()?,
        ),
        Kind::Power => checked(
            u32::try_from(right)
                .ok()
                .and_then(|exponent| left.checked_pow(exponent)),
        ),
        _ => None,
    }
}

/// The same if at least one of the two is beyond 64 bits.
fn large(operator: Kind, left: Constant, right: Constant) -> Option<Constant> {
    let zero = |value: Constant| matches!(value, Constant::Int(0));
    let negative = |value: Constant| matches!(value, Constant::Int(value) if value < 0);
    match operator {
        Kind::Star | Kind::Ampersand if zero(left) || zero(right) => Some(Constant::Int(0)),
        Kind::Ampersand => Some(
            if matches!((left, right), (Constant::Int(_), _) | (_, Constant::Int(_))) {
                Constant::Int(1)
            } else {
                Constant::Large
            },
        ),
        Kind::Floor | Kind::Percent | Kind::Slash if zero(right) => None,
        Kind::Slash => Some(Constant::Float(1.0)),
        Kind::LeftShift | Kind::RightShift if negative(right) => None,
        Kind::RightShift if right == Constant::Large => Some(Constant::Int(0)),
        Kind::At => None,
        _ => Some(Constant::Large),
    }
}
fn floats(operator: Kind, left: f64, right: f64) -> Option<Constant> {
    let value = match operator {
        Kind::Plus => left + right,
        Kind::Minus => left - right,
        Kind::Star => left * right,
        Kind::Slash if right != 0.0 => left / right,
        Kind::Floor if right != 0.0 => (left / right).floor(),
        Kind::Percent if right != 0.0 => left - right * (left / right).floor(),
        // A negative base with a fractional exponent gives a complex number, and zero has no reciprocal.
        Kind::Power if left < 0.0 && right.fract() != 0.0 => return None,
        Kind::Power if left == 0.0 && right < 0.0 => return None,
        Kind::Power => left.powf(right),
        _ => return None,
    };
    Some(Constant::Float(value))
}

/// A constant of a module that MicroPython folds, such as `math.pi`.
pub(crate) fn of_module(module: &str, name: &str) -> Option<Constant> {
    let value = match (module, name) {
        ("math", "e") => std::f64::consts::E,
        ("math", "pi") => std::f64::consts::PI,
        ("math", "tau") => std::f64::consts::TAU,
        ("math", "inf") => f64::INFINITY,
        ("math", "nan") => f64::NAN,
        _ => return None,
    };
    Some(Constant::Float(value))
}
