//! Statements with blocks.

use super::{Failed, Parse, Parser};
use crate::ast::{Block, Decorator, Function, FunctionBody, Handler, Stmt, StmtKind, Try};
use crate::range::Range;
use crate::token::Kind;

impl Parser<'_> {
    pub(super) fn compound(&mut self) -> Parse<Stmt> {
        let start = self.range();
        let kind = match self.kind() {
            Kind::If => self.if_statement()?,
            Kind::While => self.while_statement()?,
            Kind::For => self.for_statement(false)?,
            Kind::Try => self.try_statement()?,
            Kind::With => self.with_statement(false)?,
            Kind::At => self.decorated()?,
            Kind::Async => self.async_statement()?,
            Kind::Class => self.class_statement(Vec::new())?,
            _ => self.function(Vec::new(), false)?,
        };
        Ok(Stmt {
            range: self.since_last_word(start),
            kind,
        })
    }

    /// The range from `start` to the last token, without line ends and indentation tokens.
    fn since_last_word(&self, start: Range) -> Range {
        let tokens = self.tokens.get(..self.at).unwrap_or_default();
        let ends = |kind| matches!(kind, Kind::Newline | Kind::Indent | Kind::Dedent);
        let last = tokens.iter().rev().find(|token| !ends(token.kind));
        Range::new(
            start.start,
            last.map_or(start.end, |token| token.range.end).max(start.end),
        )
    }

    /// The indented block behind a line that ended in `:`, or the statements on the same line.
    fn suite(&mut self, word: &str) -> Parse<Block> {
        if !self.accept(Kind::Newline) {
            let mut block = Vec::new();
            if self.kind().begins_compound() {
                let message = format!("`{}` cannot stand on the line of the `{word}`", self.token().text);
                return Err(self.problem(self.range(), message, "begin a new, indented line before it"));
            }
            self.simple_line(&mut block)?;
            return Ok(block);
        }
        if self.kind() == Kind::Indent {
            return Ok(self.indented());
        }
        // Parsing can go on as with an empty block, so this does not fail.
        let header = self
            .at
            .checked_sub(2)
            .and_then(|at| self.tokens.get(at))
            .map_or(self.range(), |token| token.range);
        let message = format!("the block of this `{word}` is missing");
        let help = "indent the lines that belong to it, or write `pass` to do nothing";
        let _ = self.problem(header, message, help);
        Ok(Vec::new())
    }

    fn block_after(&mut self, word: &str) -> Parse<Block> {
        self.colon(word)?;
        self.suite(word)
    }

    fn else_block(&mut self) -> Parse<Option<Block>> {
        if self.accept(Kind::Else) {
            Ok(Some(self.block_after("else")?))
        } else {
            Ok(None)
        }
    }

    fn if_statement(&mut self) -> Parse<StmtKind> {
        let mut branches = Vec::new();
        let mut word = "if";
        while branches.is_empty() || self.kind() == Kind::Elif {
            self.bump();
            let condition = self.named()?;
            branches.push((condition, self.block_after(word)?));
            word = "elif";
        }
        Ok(StmtKind::If {
            branches,
            otherwise: self.else_block()?,
        })
    }

    fn while_statement(&mut self) -> Parse<StmtKind> {
        self.bump();
        let condition = self.named()?;
        let body = self.block_after("while")?;
        Ok(StmtKind::While {
            condition,
            body,
            otherwise: self.else_block()?,
        })
    }

    fn for_statement(&mut self, is_async: bool) -> Parse<StmtKind> {
        self.bump();
        let target = self.targets()?;
        self.expect(Kind::In, "after the names of the `for`")?;
        let iterable = self.tests()?;
        let body = self.block_after("for")?;
        Ok(StmtKind::For {
            is_async,
            target,
            iterable,
            body,
            otherwise: self.else_block()?,
        })
    }

    fn with_statement(&mut self, is_async: bool) -> Parse<StmtKind> {
        self.bump();
        let mut items = Vec::new();
        loop {
            let value = self.test()?;
            let target = if self.accept(Kind::As) {
                Some(self.operand()?)
            } else {
                None
            };
            items.push((value, target));
            if !self.accept(Kind::Comma) {
                break;
            }
        }
        Ok(StmtKind::With {
            is_async,
            items,
            body: self.block_after("with")?,
        })
    }

    fn try_statement(&mut self) -> Parse<StmtKind> {
        let word = self.bump().range;
        let body = self.block_after("try")?;
        let mut handlers = Vec::new();
        while self.kind() == Kind::Except {
            handlers.push(self.handler()?);
        }
        let otherwise = if handlers.is_empty() {
            None
        } else {
            self.else_block()?
        };
        let finally = if self.accept(Kind::Finally) {
            Some(self.block_after("finally")?)
        } else {
            None
        };
        if handlers.is_empty() && finally.is_none() {
            let help = "write `except Exception as error:` or `finally:` under it, with a block";
            if self.kind() == Kind::Else {
                return Err(self.problem(
                    self.range(),
                    "an `else` of a `try` needs an `except` before it",
                    help,
                ));
            }
            // The next statement is not affected, so this does not fail.
            let _ = self.problem(word, "this `try` has neither `except` nor `finally`", help);
        }
        Ok(StmtKind::Try(Box::new(Try {
            body,
            handlers,
            otherwise,
            finally,
        })))
    }

    fn handler(&mut self) -> Parse<Handler> {
        let start = self.bump().range;
        if self.kind() == Kind::Star {
            let message = "MicroPython has no exception groups";
            return Err(self.problem(self.range(), message, "write `except` without the `*`"));
        }
        let matches = if self.kind() == Kind::Colon {
            None
        } else {
            Some(self.test()?)
        };
        if self.kind() == Kind::Comma && matches.is_some() {
            let message = "several exception types have to stand in parentheses";
            return Err(self.problem(self.range(), message, "write `except (First, Second):`"));
        }
        let name = if matches.is_some() && self.accept(Kind::As) {
            Some(self.expect_name("after `as`")?)
        } else {
            None
        };
        let range = self.since(start);
        Ok(Handler {
            range,
            matches,
            name,
            body: self.block_after("except")?,
        })
    }

    fn async_statement(&mut self) -> Parse<StmtKind> {
        self.bump();
        match self.kind() {
            Kind::Def => self.function(Vec::new(), true),
            Kind::With => self.with_statement(true),
            Kind::For => self.for_statement(true),
            Kind::Name => {
                let (name, more) = (self.token().text, self.ahead(1) == Kind::Name);
                let name = if more { "…" } else { name };
                let message = "`async` stands in front of `def`, `for` or `with`";
                let help = format!("write `async def {name}():` for a function");
                Err(self.problem(self.range(), message, help))
            }
            _ => Err(self.unexpected("`def`, `for` or `with` after `async`")),
        }
    }

    fn decorated(&mut self) -> Parse<StmtKind> {
        let mut decorators = Vec::new();
        while self.accept(Kind::At) {
            let mut name = vec![self.expect_name("of a decorator after the `@`")?];
            while self.accept(Kind::Dot) {
                name.push(self.expect_name("after the `.`")?);
            }
            let arguments = if self.kind() == Kind::LParen {
                Some(self.call()?)
            } else {
                None
            };
            if self.kind() != Kind::Newline {
                let message = "a decorator is a dotted name with at most one call";
                let help = "give the result of the expression a name, and write `@name`";
                return Err(self.problem(self.range(), message, help));
            }
            self.bump();
            decorators.push(Decorator { name, arguments });
        }
        match self.kind() {
            Kind::Class => self.class_statement(decorators),
            Kind::Def => self.function(decorators, false),
            Kind::Async if self.ahead(1) == Kind::Def => {
                self.bump();
                self.function(decorators, true)
            }
            _ => Err(self.unexpected("the `def` or `class` that is decorated")),
        }
    }

    fn function(&mut self, decorators: Vec<Decorator>, is_async: bool) -> Parse<StmtKind> {
        self.bump();
        let name = self.expect_name("of the function after `def`")?;
        self.expect(Kind::LParen, "and the parameters of the function")?;
        let params = self.params(Kind::RParen)?;
        self.expect(Kind::RParen, "after the parameters")?;
        let returns = if self.accept(Kind::Arrow) {
            Some(self.test()?)
        } else {
            None
        };
        let body = FunctionBody::Block(self.block_after("def")?);
        let function = Box::new(Function {
            is_async,
            params,
            returns,
            body,
        });
        Ok(StmtKind::Function {
            name,
            decorators,
            function,
        })
    }

    fn class_statement(&mut self, decorators: Vec<Decorator>) -> Parse<StmtKind> {
        self.bump();
        let name = self.expect_name("of the class after `class`")?;
        let arguments = if self.kind() == Kind::LParen {
            self.call()?
        } else {
            Vec::new()
        };
        Ok(StmtKind::Class {
            name,
            decorators,
            arguments,
            body: self.block_after("class")?,
        })
    }

    /// Reports a word that continues a statement, such as `else`, without that statement.
    pub(super) fn orphan(&mut self) -> Failed {
        let word = self.token();
        let owner = match word.kind {
            Kind::Elif => "`if`",
            Kind::Else => "`if`, `for`, `while` or `try`",
            _ => "`try`",
        };
        let message = format!("this `{}` belongs to no {owner}", word.text);
        self.problem(
            word.range,
            message,
            "indent it exactly like the line that it belongs to",
        )
    }
}
