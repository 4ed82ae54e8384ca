//! Atoms, and the calls, indexes and attributes behind them.

use super::expression::tuple;
use super::{Parse, Parser};
use crate::ast::{Argument, Clause, Comprehension, Expr, ExprKind, Ident, Param, ParamKind, Trailer};
use crate::fold::{self, Constant};
use crate::range::Range;
use crate::token::Kind;

impl Parser<'_> {
    pub(super) fn atom_with_trailers(&mut self) -> Parse<Expr> {
        let waits = (self.kind() == Kind::Await).then(|| self.bump().range);
        let base = self.atom()?;
        let mut trailers = Vec::new();
        let start = base.range;
        let first = self.at;
        loop {
            let invented = self.token().invented;
            let trailer = match self.kind() {
                Kind::LParen if invented => Trailer::Format(self.call()?),
                Kind::Dot if invented => {
                    self.bump();
                    self.bump();
                    Trailer::Format(self.call()?)
                }
                Kind::LParen => Trailer::Call(self.call()?),
                Kind::LBracket => Trailer::Index(self.index()?),
                Kind::Dot => {
                    self.bump();
                    self.expect_name("of an attribute after the `.`")?;
                    Trailer::Attribute
                }
                _ => break,
            };
            trailers.push(trailer);
        }
        let mut value = base;
        if !trailers.is_empty() {
            let attribute = self.tokens.get(first + 1).map_or("", |token| token.text);
            let constant = match (&value.kind, trailers.as_slice()) {
                (ExprKind::Name(module), [Trailer::Attribute]) => fold::of_module(module, attribute),
                _ => None,
            };
            let kind = match value.kind {
                ExprKind::Name(name) if constant.is_some() => ExprKind::OfModule(Ident {
                    name,
                    range: value.range,
                }),
                _ => ExprKind::Postfix {
                    base: Box::new(value),
                    trailers,
                },
            };
            value = Expr {
                range: self.since(start),
                kind,
                constant,
            };
        }
        if let Some(word) = waits {
            let range = word.to(value.range);
            value = Expr {
                range,
                kind: ExprKind::Await(word, Box::new(value)),
                constant: None,
            };
        }
        Ok(value)
    }

    fn atom(&mut self) -> Parse<Expr> {
        let token = self.token();
        let constant = match token.kind {
            Kind::Name => {
                if let Some(constant) = self.constants.get(token.text) {
                    Some(*constant)
                } else {
                    self.bump();
                    let kind = ExprKind::Name(token.text.to_owned());
                    return Ok(Expr {
                        range: token.range,
                        kind,
                        constant: None,
                    });
                }
            }
            Kind::Int => Some(Constant::integer(token.text)),
            Kind::Float => Some(Constant::float(token.text)),
            Kind::Str | Kind::Bytes => Some(Constant::Other {
                truth: !token.text.is_empty(),
            }),
            Kind::Ellipsis | Kind::True => Some(Constant::Other { truth: true }),
            Kind::None | Kind::False => Some(Constant::Other { truth: false }),
            Kind::LParen => return self.parentheses(),
            Kind::LBracket => return self.brackets(),
            Kind::LBrace => return self.braces(),
            _ => return Err(self.unexpected("an expression")),
        };
        self.bump();
        Ok(Expr {
            range: token.range,
            kind: ExprKind::Constant,
            constant,
        })
    }

    /// `(value)`, `(value, …)`, `(value for …)` or `(yield …)`.
    fn parentheses(&mut self) -> Parse<Expr> {
        let open = self.bump();
        let start = open.range;
        let mut value = if self.kind() == Kind::RParen {
            tuple(Vec::new(), true)
        } else if self.kind() == Kind::Yield {
            self.yield_expression()?
        } else {
            let (mut items, comma) = self.items_or_comprehension()?;
            match items.pop() {
                Some(only) if items.is_empty() && !comma => only,
                last => {
                    items.extend(last);
                    tuple(items, true)
                }
            }
        };
        if open.invented {
            self.end_of_field()?;
            return Ok(value);
        }
        self.expect(Kind::RParen, "to close the `(`")?;
        value.range = self.since(start);
        Ok(value)
    }

    /// Expects the end of an expression in an f-string.
    fn end_of_field(&mut self) -> Parse<()> {
        if self.accept(Kind::RParen) {
            return Ok(());
        }
        Err(self.unexpected("`}` after the expression in the f-string"))
    }

    fn brackets(&mut self) -> Parse<Expr> {
        let start = self.bump().range;
        let (mut items, mut comma) = (Vec::new(), false);
        if self.kind() != Kind::RBracket {
            (items, comma) = self.items_or_comprehension()?;
        }
        self.expect(Kind::RBracket, "to close the `[`")?;
        let range = self.since(start);
        let kind = match items.pop() {
            Some(only) if items.is_empty() && !comma && matches!(only.kind, ExprKind::Comprehension(_)) => {
                only.kind
            }
            last => {
                items.extend(last);
                ExprKind::List(items)
            }
        };
        Ok(Expr {
            range,
            kind,
            constant: None,
        })
    }

    /// The contents of parentheses or brackets; returns whether there was a comma.
    fn items_or_comprehension(&mut self) -> Parse<(Vec<Expr>, bool)> {
        let item = |parser: &mut Self| {
            if parser.kind() == Kind::Star {
                parser.star()
            } else {
                parser.named()
            }
        };
        let first = item(self)?;
        if self.kind() == Kind::For {
            return Ok((vec![self.comprehension(first, None)?], false));
        }
        if self.kind() != Kind::Comma {
            return Ok((vec![first], false));
        }
        self.bump();
        let mut items = vec![first];
        if self.kind().begins_expression() || self.kind() == Kind::Star {
            items.extend(self.list(item)?.0);
        }
        Ok((items, true))
    }

    fn braces(&mut self) -> Parse<Expr> {
        let start = self.bump().range;
        let mut items = Vec::new();
        while self.kind() != Kind::RBrace {
            let key = self.test()?;
            let value = if self.accept(Kind::Colon) {
                Some(self.test()?)
            } else {
                None
            };
            if items.is_empty() && self.kind() == Kind::For {
                let mut comprehension = self.comprehension(key, value)?;
                self.expect(Kind::RBrace, "to close the `{`")?;
                comprehension.range = self.since(start);
                return Ok(comprehension);
            }
            if value.is_none() && self.kind().begins_expression() && !self.touches_previous() {
                let help = "write `:` between a key and its value, or `,` between two items";
                let message = format!(
                    "expected `:` or `,`, but here is `{}`",
                    self.range().text(self.source)
                );
                return Err(self.problem(self.range(), message, help));
            }
            items.push((key, value));
            if !self.accept(Kind::Comma) {
                break;
            }
        }
        self.expect(Kind::RBrace, "to close the `{`")?;
        Ok(Expr {
            range: self.since(start),
            kind: ExprKind::Braces(items),
            constant: None,
        })
    }

    fn comprehension(&mut self, element: Expr, value: Option<Expr>) -> Parse<Expr> {
        let start = element.range;
        let mut clauses = Vec::new();
        loop {
            if self.accept(Kind::For) {
                let target = self.targets()?;
                self.expect(Kind::In, "after the names of the `for`")?;
                let iterable = self.nested(Self::or_test)?;
                clauses.push(Clause::For { target, iterable });
            } else if self.accept(Kind::If) {
                clauses.push(Clause::If(self.condition()?));
            } else {
                break;
            }
        }
        let kind = ExprKind::Comprehension(Box::new(Comprehension {
            element,
            value,
            clauses,
        }));
        Ok(Expr {
            range: self.since(start),
            kind,
            constant: None,
        })
    }

    /// The targets of a `for`.
    pub(super) fn targets(&mut self) -> Parse<Expr> {
        self.tuple_of(Self::star_or_operand)
    }

    pub(super) fn yield_expression(&mut self) -> Parse<Expr> {
        let start = self.bump().range;
        let kind = if self.accept(Kind::From) {
            ExprKind::YieldFrom(Box::new(self.test()?))
        } else if self.kind().begins_expression() {
            ExprKind::Yield(Some(Box::new(self.tests()?)))
        } else if self.kind() == Kind::Star {
            return Err(self.unexpected("a value"));
        } else {
            ExprKind::Yield(None)
        };
        Ok(Expr {
            range: self.since(start),
            kind,
            constant: None,
        })
    }

    /// The arguments of a call, of a class or of a decorator. The current token is the `(`.
    pub(super) fn call(&mut self) -> Parse<Vec<Argument>> {
        self.bump();
        let mut arguments = Vec::new();
        while self.kind() != Kind::RParen {
            arguments.push(self.argument()?);
            if !self.accept(Kind::Comma) {
                break;
            }
        }
        self.expect(Kind::RParen, "to close the `(`, or `,` before the next argument")?;
        Ok(arguments)
    }

    fn argument(&mut self) -> Parse<Argument> {
        if self.accept(Kind::Star) {
            return Ok(Argument::Star(self.test()?));
        }
        if self.accept(Kind::Power) {
            return Ok(Argument::DoubleStar(self.test()?));
        }
        let value = self.test()?;
        match self.kind() {
            Kind::For => Ok(Argument::Generator(self.comprehension(value, None)?)),
            Kind::Equal => {
                self.bump();
                Ok(Argument::Keyword {
                    name: value,
                    value: self.test()?,
                })
            }
            Kind::Walrus => {
                self.bump();
                Ok(Argument::Named {
                    target: value,
                    value: self.test()?,
                })
            }
            _ => Ok(Argument::Positional(value)),
        }
    }

    fn index(&mut self) -> Parse<Expr> {
        self.bump();
        let mut items = vec![self.subscript()?];
        let mut comma = false;
        while self.accept(Kind::Comma) {
            comma = true;
            if !self.kind().begins_expression() && self.kind() != Kind::Colon {
                break;
            }
            items.push(self.subscript()?);
        }
        self.expect(Kind::RBracket, "to close the `[`")?;
        match items.pop() {
            Some(only) if items.is_empty() && !comma => Ok(only),
            last => {
                items.extend(last);
                Ok(tuple(items, false))
            }
        }
    }

    /// An index or a slice.
    fn subscript(&mut self) -> Parse<Expr> {
        let start = self.range();
        let mut parts = Vec::new();
        if self.kind() != Kind::Colon {
            parts.push(self.test()?);
            if self.kind() != Kind::Colon {
                return parts.pop().ok_or(super::Failed);
            }
        }
        for _ in 0..2 {
            if self.accept(Kind::Colon) && self.kind().begins_expression() {
                parts.push(self.test()?);
            }
        }
        Ok(Expr {
            range: self.since(start),
            kind: ExprKind::Slice(parts),
            constant: None,
        })
    }

    /// Parameters, up to the `)` of a function or the `:` of a lambda.
    pub(super) fn params(&mut self, end: Kind) -> Parse<Vec<Param>> {
        let annotated = end == Kind::RParen;
        let mut params = Vec::new();
        while matches!(self.kind(), Kind::Name | Kind::Star | Kind::Power) {
            params.push(self.param(annotated)?);
            if !self.accept(Kind::Comma) {
                break;
            }
        }
        if self.kind() != end && Kind::keyword(self.token().text).is_some() {
            self.expect_name("of a parameter")?;
        }
        Ok(params)
    }

    fn param(&mut self, annotated: bool) -> Parse<Param> {
        let start = self.range();
        let kind = match self.kind() {
            Kind::Star => ParamKind::Star,
            Kind::Power => ParamKind::DoubleStar,
            _ => ParamKind::Plain,
        };
        if kind != ParamKind::Plain {
            self.bump();
        }
        let bare = kind == ParamKind::Star && self.kind() != Kind::Name;
        let name = if bare {
            None
        } else {
            Some(self.expect_name("of a parameter")?)
        };
        let annotation = if annotated && !bare && self.accept(Kind::Colon) {
            Some(self.test()?)
        } else {
            None
        };
        let default = if kind == ParamKind::Plain && self.accept(Kind::Equal) {
            Some(self.test()?)
        } else {
            None
        };
        let range: Range = self.since(start);
        Ok(Param {
            range,
            kind,
            name,
            annotation,
            default,
        })
    }
}
