//! Expressions: operators and lists.

use super::{Parse, Parser};
use crate::ast::{Expr, ExprKind, Function, FunctionBody};
use crate::fold::{self, Constant};
use crate::token::Kind;

/// The precedences of operators, from the loosest.
const OR: u8 = 0;
const AND: u8 = 1;
const NOT: u8 = 2;
const COMPARISON: u8 = 3;
/// MicroPython's rule `expr`: no comparison, no `not`.
const OPERAND: u8 = 4;
const TIGHTEST: u8 = 9;

fn level(kind: Kind) -> Option<u8> {
    Some(match kind {
        Kind::Or => OR,
        Kind::And => AND,
        Kind::Less
        | Kind::More
        | Kind::EqualEqual
        | Kind::LessEqual
        | Kind::MoreEqual
        | Kind::NotEqual
        | Kind::In
        | Kind::Not
        | Kind::Is => COMPARISON,
        Kind::Pipe => 4,
        Kind::Caret => 5,
        Kind::Ampersand => 6,
        Kind::LeftShift | Kind::RightShift => 7,
        Kind::Plus | Kind::Minus => 8,
        Kind::Star | Kind::At | Kind::Slash | Kind::Percent | Kind::Floor => 9,
        _ => return None,
    })
}

impl Parser<'_> {
    /// `item, item, …` with an optional trailing comma; returns whether there was any comma.
    pub(super) fn list(&mut self, item: impl Fn(&mut Self) -> Parse<Expr>) -> Parse<(Vec<Expr>, bool)> {
        let mut items = vec![item(self)?];
        let mut comma = false;
        while self.accept(Kind::Comma) {
            comma = true;
            if !self.kind().begins_expression() && self.kind() != Kind::Star {
                break;
            }
            items.push(item(self)?);
        }
        Ok((items, comma))
    }

    /// A list of items that is a tuple, or a single item.
    pub(super) fn tuple_of(&mut self, item: impl Fn(&mut Self) -> Parse<Expr>) -> Parse<Expr> {
        let start = self.range();
        let (mut items, comma) = self.list(item)?;
        match items.pop() {
            Some(only) if items.is_empty() && !comma => Ok(only),
            last => {
                items.extend(last);
                let range = self.since(start);
                Ok(Expr {
                    range,
                    ..tuple(items, false)
                })
            }
        }
    }

    /// Values without a star, as after `return`.
    pub(super) fn tests(&mut self) -> Parse<Expr> {
        self.tuple_of(Self::test)
    }

    /// Values or targets, with stars.
    pub(super) fn star_tests(&mut self) -> Parse<Expr> {
        self.tuple_of(Self::star_or_test)
    }

    pub(super) fn star_or_test(&mut self) -> Parse<Expr> {
        if self.kind() == Kind::Star {
            self.star()
        } else {
            self.test()
        }
    }

    /// A target of `for` or `del`.
    pub(super) fn star_or_operand(&mut self) -> Parse<Expr> {
        if self.kind() == Kind::Star {
            self.star()
        } else {
            self.operand()
        }
    }

    pub(super) fn star(&mut self) -> Parse<Expr> {
        let start = self.bump().range;
        let value = self.operand()?;
        let range = start.to(value.range);
        Ok(Expr {
            range,
            kind: ExprKind::Star(Box::new(value)),
            constant: None,
        })
    }

    /// `test`, or `name := test`.
    pub(super) fn named(&mut self) -> Parse<Expr> {
        let target = self.test()?;
        if !self.accept(Kind::Walrus) {
            return Ok(target);
        }
        let value = self.test()?;
        let range = target.range.to(value.range);
        Ok(Expr {
            range,
            kind: ExprKind::Named(Box::new([target, value])),
            constant: None,
        })
    }

    pub(super) fn test(&mut self) -> Parse<Expr> {
        self.nested(Self::test_here)
    }

    fn test_here(&mut self) -> Parse<Expr> {
        if self.kind() == Kind::Lambda {
            return self.lambda(Self::test);
        }
        let value = self.or_test()?;
        if !self.accept(Kind::If) {
            return Ok(value);
        }
        let condition = self.or_test()?;
        if self.kind() != Kind::Else {
            let message = "this `if` has no `else`";
            return Err(self.problem(
                value.range.to(condition.range),
                message,
                "write `value if condition else other`",
            ));
        }
        self.bump();
        let other = self.test()?;
        let range = value.range.to(other.range);
        Ok(Expr {
            range,
            kind: ExprKind::Conditional(Box::new([condition, value, other])),
            constant: None,
        })
    }

    /// The condition of a comprehension, which cannot be an `if … else`.
    pub(super) fn condition(&mut self) -> Parse<Expr> {
        self.nested(|parser| {
            if parser.kind() == Kind::Lambda {
                parser.lambda(Self::condition)
            } else {
                parser.or_test()
            }
        })
    }

    fn lambda(&mut self, body: impl Fn(&mut Self) -> Parse<Expr>) -> Parse<Expr> {
        let start = self.bump().range;
        let params = self.params(Kind::Colon)?;
        self.expect(Kind::Colon, "after the parameters of the `lambda`")?;
        let body = body(self)?;
        let range = start.to(body.range);
        let function = Function {
            is_async: false,
            params,
            returns: None,
            body: FunctionBody::Expr(body),
        };
        Ok(Expr {
            range,
            kind: ExprKind::Lambda(Box::new(function)),
            constant: None,
        })
    }

    pub(super) fn or_test(&mut self) -> Parse<Expr> {
        self.binary(OR)
    }

    /// An expression without comparison and without `not`.
    pub(super) fn operand(&mut self) -> Parse<Expr> {
        self.nested(|parser| parser.binary(OPERAND))
    }

    /// Operators with a precedence of at least `lowest`.
    fn binary(&mut self, lowest: u8) -> Parse<Expr> {
        // After a `not` with its comparisons, only `and` and `or` can follow.
        let (mut left, mut tightest) = if self.kind() == Kind::Not && lowest <= NOT {
            (self.not()?, AND)
        } else {
            (self.factor()?, TIGHTEST)
        };
        while let Some(level) = level(self.kind()).filter(|level| (lowest..=tightest).contains(level)) {
            left = self.same_level(left, level)?;
            tightest = level;
        }
        Ok(left)
    }

    /// `left op right op right …` with operators of the same precedence.
    fn same_level(&mut self, left: Expr, at: u8) -> Parse<Expr> {
        let mut operators = Vec::new();
        let mut items = vec![left];
        while level(self.kind()) == Some(at) {
            let operator = self.bump().kind;
            match operator {
                Kind::Not => {
                    self.expect(Kind::In, "after this `not`")?;
                }
                Kind::Is => {
                    self.accept(Kind::Not);
                }
                _ => {}
            }
            operators.push(operator);
            if !self.begins_operand(at) {
                return Err(self.unexpected("a value after the operator"));
            }
            items.push(self.binary(at + 1)?);
        }
        Ok(combine(at, &operators, items))
    }

    fn begins_operand(&self, at: u8) -> bool {
        let kind = self.kind();
        kind.begins_expression() && kind != Kind::Lambda && (kind != Kind::Not || at < NOT)
    }

    fn not(&mut self) -> Parse<Expr> {
        let start = self.bump().range;
        if !self.begins_operand(OR) {
            return Err(self.unexpected("a value after `not`"));
        }
        let value = self.nested(|parser| parser.binary(NOT))?;
        let range = start.to(value.range);
        let constant = value.constant.map(|value| Constant::Other {
            truth: !value.truth(),
        });
        let kind = if constant.is_some() {
            ExprKind::Constant
        } else {
            ExprKind::Operation(vec![value])
        };
        Ok(Expr {
            range,
            kind,
            constant,
        })
    }

    /// A signed expression, or a power.
    fn factor(&mut self) -> Parse<Expr> {
        if !matches!(self.kind(), Kind::Plus | Kind::Minus | Kind::Tilde) {
            return self.power();
        }
        let operator = self.bump();
        if !self.begins_operand(TIGHTEST) {
            return Err(self.unexpected("a value after the sign"));
        }
        let value = self.nested(Self::factor)?;
        let range = operator.range.to(value.range);
        let constant = value.constant.and_then(|value| fold::unary(operator.kind, value));
        let kind = if constant.is_some() {
            ExprKind::Constant
        } else {
            ExprKind::Operation(vec![value])
        };
        Ok(Expr {
            range,
            kind,
            constant,
        })
    }

    fn power(&mut self) -> Parse<Expr> {
        let base = self.atom_with_trailers()?;
        if self.kind() != Kind::Power {
            return Ok(base);
        }
        self.bump();
        if !self.begins_operand(TIGHTEST) {
            return Err(self.unexpected("an exponent"));
        }
        let exponent = self.nested(Self::factor)?;
        Ok(combine(TIGHTEST, &[Kind::Power], vec![base, exponent]))
    }
}

pub(super) fn tuple(items: Vec<Expr>, parenthesized: bool) -> Expr {
    let range = match (items.first(), items.last()) {
        (Some(first), Some(last)) => first.range.to(last.range),
        _ => crate::Range::default(),
    };
    let constant = items.iter().all(|item| item.constant.is_some());
    let constant = constant.then_some(Constant::Other {
        truth: !items.is_empty(),
    });
    Expr {
        range,
        kind: ExprKind::Tuple { items, parenthesized },
        constant,
    }
}

/// Makes one expression of operands, with MicroPython's constant folding.
fn combine(level: u8, operators: &[Kind], mut items: Vec<Expr>) -> Expr {
    if level == OR || level == AND {
        let skipped = level == AND;
        let mut kept = Vec::new();
        let count = items.len();
        for (index, item) in items.into_iter().enumerate() {
            let truth = item.constant.map(Constant::truth);
            let decides = truth == Some(!skipped);
            if truth == Some(skipped) && index + 1 < count {
                continue;
            }
            kept.push(item);
            if decides {
                break;
            }
        }
        if kept.len() == 1
            && let Some(only) = kept.pop()
        {
            return only;
        }
        items = kept;
    }
    let range = match (items.first(), items.last()) {
        (Some(first), Some(last)) => first.range.to(last.range),
        _ => crate::Range::default(),
    };
    let mut values = items.iter().map(|item| item.constant);
    let mut constant = values.next().flatten();
    for (operator, right) in operators.iter().zip(values) {
        constant = match (constant, right) {
            (Some(left), Some(right)) if level >= OPERAND => fold::binary(*operator, left, right),
            _ => None,
        };
    }
    if level < OPERAND {
        constant = None;
    }
    let kind = if constant.is_some() {
        ExprKind::Constant
    } else {
        ExprKind::Operation(items)
    };
    Expr {
        range,
        kind,
        constant,
    }
}
