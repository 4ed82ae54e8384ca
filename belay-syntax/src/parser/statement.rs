//! Simple statements.

use super::{Parse, Parser};
use crate::ast::{Block, Expr, ExprKind, Ident, Import, Stmt, StmtKind, Trailer};
use crate::range::Range;
use crate::token::Kind;

impl Parser<'_> {
    /// A compound statement, or a line of simple ones.
    pub(super) fn statement(&mut self, block: &mut Block) -> Parse<()> {
        if self.kind().begins_compound() {
            let statement = self.compound()?;
            block.push(statement);
            return Ok(());
        }
        if self.is_orphan() {
            return Err(self.orphan());
        }
        self.simple_line(block)
    }

    pub(super) fn simple_line(&mut self, block: &mut Block) -> Parse<()> {
        loop {
            let start = self.range();
            let kind = self.simple()?;
            block.push(Stmt {
                range: self.since(start),
                kind,
            });
            if !self.accept(Kind::Semicolon) || self.kind() == Kind::Newline {
                break;
            }
        }
        if self.accept(Kind::Newline) {
            return Ok(());
        }
        if self.kind() == Kind::Colon && self.ahead(1) == Kind::Colon {
            return Err(self.problem(self.range(), "there is no `::`", "an attribute is `a.b`"));
        }
        if self.kind() == Kind::Colon {
            let message = "a `:` begins a block, but this line has no word that takes one";
            let help = "a block follows `if`, `while`, `for`, `def`, `class`, `try` or `with`";
            return Err(self.problem(self.range(), message, help));
        }
        if self.kind().begins_compound() && self.previous().is_some_and(|token| token.kind == Kind::Semicolon)
        {
            let message = format!("`{}` cannot follow a `;`", self.token().text);
            return Err(self.problem(self.range(), message, "write it on a line of its own"));
        }
        Err(self.unexpected("the end of the statement"))
    }

    fn simple(&mut self) -> Parse<StmtKind> {
        match self.kind() {
            Kind::Name if self.begins_match() => Err(self.no_match()),
            Kind::Pass => Ok(self.word(StmtKind::Pass)),
            Kind::Break => Ok(self.word(StmtKind::Break)),
            Kind::Continue => Ok(self.word(StmtKind::Continue)),
            Kind::Del => {
                self.bump();
                let (targets, _) = self.list(Parser::star_or_operand)?;
                Ok(StmtKind::Del(targets))
            }
            Kind::Return => {
                self.bump();
                Ok(StmtKind::Return(if self.ends_simple() {
                    None
                } else {
                    Some(self.tests()?)
                }))
            }
            Kind::Raise => self.raise(),
            Kind::Global => Ok(StmtKind::Global(self.names("global")?)),
            Kind::Nonlocal => Ok(StmtKind::Nonlocal(self.names("nonlocal")?)),
            Kind::Import => self.import(),
            Kind::From => self.import_from(),
            Kind::Assert => {
                self.bump();
                let condition = self.test()?;
                let message = if self.accept(Kind::Comma) {
                    Some(self.test()?)
                } else {
                    None
                };
                Ok(StmtKind::Assert { condition, message })
            }
            Kind::Yield => {
                let value = self.yield_expression()?;
                Ok(StmtKind::Expr(value))
            }
            _ => self.expression_statement(),
        }
    }

    fn word(&mut self, kind: StmtKind) -> StmtKind {
        self.bump();
        kind
    }

    /// Whether the statement ends here; otherwise an expression begins.
    fn ends_simple(&self) -> bool {
        matches!(self.kind(), Kind::Newline | Kind::Semicolon | Kind::End)
    }

    fn raise(&mut self) -> Parse<StmtKind> {
        self.bump();
        let mut values = Vec::new();
        if !self.ends_simple() {
            values.push(self.test()?);
            if self.accept(Kind::From) {
                values.push(self.test()?);
            }
        }
        Ok(StmtKind::Raise(values))
    }

    fn names(&mut self, word: &str) -> Parse<Vec<Ident>> {
        self.bump();
        let mut names = vec![self.expect_name(&format!("after `{word}`"))?];
        while self.accept(Kind::Comma) {
            names.push(self.expect_name("after the comma")?);
        }
        if self.kind() == Kind::Equal {
            let message = format!("`{word}` only declares the name");
            return Err(self.problem(self.range(), message, "assign to it on the next line"));
        }
        Ok(names)
    }

    fn dotted_name(&mut self, place: &str) -> Parse<Ident> {
        let mut name = self.expect_name(place)?;
        while self.accept(Kind::Dot) {
            let next = self.expect_name("after the `.`")?;
            name.name.push('.');
            name.name.push_str(&next.name);
            name.range = name.range.to(next.range);
        }
        Ok(name)
    }

    fn import(&mut self) -> Parse<StmtKind> {
        self.bump();
        let mut imports = Vec::new();
        loop {
            let name = self.dotted_name("after `import`")?;
            let bound = if self.accept(Kind::As) {
                self.expect_name("after `as`")?
            } else {
                let first = name.name.split('.').next().unwrap_or("").to_owned();
                let range = Range::new(name.range.start, name.range.start + first.len());
                Ident { name: first, range }
            };
            imports.push(Import { name, bound });
            if !self.accept(Kind::Comma) {
                return Ok(StmtKind::Import(imports));
            }
        }
    }

    fn import_from(&mut self) -> Parse<StmtKind> {
        let start = self.bump().range;
        let mut module = Ident {
            name: String::new(),
            range: self.range(),
        };
        while matches!(self.kind(), Kind::Dot | Kind::Ellipsis) {
            let dots = self.bump();
            module.name.push_str(dots.text);
            module.range = module.range.to(dots.range);
        }
        if module.name.is_empty() || self.kind() == Kind::Name {
            let name = self.dotted_name("of a module")?;
            module.name.push_str(&name.name);
            module.range = module.range.to(name.range);
        }
        debug_assert!(start.start <= module.range.start);
        self.expect(Kind::Import, "after the module")?;
        if self.accept(Kind::Star) {
            return Ok(StmtKind::ImportFrom { module, names: None });
        }
        let parenthesized = self.accept(Kind::LParen);
        let mut names = vec![self.import_as()?];
        while self.accept(Kind::Comma) && self.kind() == Kind::Name {
            names.push(self.import_as()?);
        }
        if parenthesized {
            self.expect(Kind::RParen, "after the names")?;
        }
        Ok(StmtKind::ImportFrom {
            module,
            names: Some(names),
        })
    }

    fn import_as(&mut self) -> Parse<Import> {
        let name = self.expect_name("to import")?;
        let bound = if self.accept(Kind::As) {
            self.expect_name("after `as`")?
        } else {
            name.clone()
        };
        Ok(Import { name, bound })
    }

    fn expression_statement(&mut self) -> Parse<StmtKind> {
        if !self.kind().begins_expression() && self.kind() != Kind::Star {
            return Err(self.unexpected("a statement"));
        }
        let first = self.star_tests()?;
        if self.kind().is_augmented_assignment() {
            self.bump();
            let value = self.right_side()?;
            return Ok(StmtKind::AugAssign { target: first, value });
        }
        match self.kind() {
            Kind::Colon if self.ahead(1).begins_expression() => {
                self.bump();
                let _annotation = self.test()?;
                if !self.accept(Kind::Equal) {
                    return Ok(StmtKind::Annotated(first));
                }
                let value = self.right_side()?;
                self.assignment(vec![first], value)
            }
            Kind::Equal => {
                let mut values = vec![first];
                while self.accept(Kind::Equal) {
                    values.push(self.right_side()?);
                }
                match values.pop() {
                    Some(value) => self.assignment(values, value),
                    None => Ok(StmtKind::Pass),
                }
            }
            _ => Ok(StmtKind::Expr(first)),
        }
    }

    fn right_side(&mut self) -> Parse<Expr> {
        if self.kind() == Kind::Yield {
            self.yield_expression()
        } else {
            self.star_tests()
        }
    }

    /// Recognises `NAME = const(value)`, which makes the name stand for the value.
    fn assignment(&mut self, targets: Vec<Expr>, mut value: Expr) -> Parse<StmtKind> {
        let name = match targets.as_slice() {
            [
                Expr {
                    kind: ExprKind::Name(name),
                    ..
                },
            ] => name.clone(),
            _ => return Ok(StmtKind::Assign { targets, value }),
        };
        let ExprKind::Postfix { base, trailers } = &value.kind else {
            return Ok(StmtKind::Assign { targets, value });
        };
        let (ExprKind::Name(function), [Trailer::Call(arguments)]) = (&base.kind, trailers.as_slice()) else {
            return Ok(StmtKind::Assign { targets, value });
        };
        if function != "const" {
            return Ok(StmtKind::Assign { targets, value });
        }
        let argument = match arguments.as_slice() {
            [crate::ast::Argument::Positional(argument)] => argument.constant,
            _ => None,
        };
        // `const(1,)` has a trailing comma, so its argument does not count as a constant.
        let trailing = self.two_back() == Kind::Comma;
        let Some(constant) = argument.filter(|_| !trailing) else {
            let message = "`const()` needs a value that is known when the code is compiled";
            let range = arguments.first().map_or(value.range, crate::ast::Argument::range);
            return Err(self.problem(
                range,
                message,
                "leave `const()` out to compute it when the code runs",
            ));
        };
        value.kind = ExprKind::Constant;
        value.constant = Some(constant);
        let is_private = name.starts_with('_');
        let range = targets.first().map_or(value.range, |target| target.range);
        let ident = Ident {
            name: name.clone(),
            range,
        };
        self.constants.insert(name, constant);
        if is_private {
            return Ok(StmtKind::PrivateConstant(ident));
        }
        Ok(StmtKind::Assign { targets, value })
    }
}
