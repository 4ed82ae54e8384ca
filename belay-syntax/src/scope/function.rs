//! Functions and calls.

use super::{Checker, Inside, ScopeKind};
use std::collections::HashSet;

use crate::ast::{
    Argument, Decorator, Expr, ExprKind, Function, FunctionBody, Ident, Param, ParamKind, StmtKind, Trailer,
};
use crate::builtins::{PIO, VIPER};

/// MicroPython's own decorators.
const EMITTERS: [&str; 6] = [
    "asm_rv32",
    "asm_thumb",
    "asm_xtensa",
    "bytecode",
    "native",
    "viper",
];
/// On boards with 31-bit integers, at most this many arguments may precede a starred one.
const MOST_BEFORE_STAR: usize = 30;

impl<'a> Checker<'a> {
    pub(super) fn decorators(&mut self, decorators: &'a [Decorator]) {
        for decorator in decorators {
            let Some(first) = decorator.name.first() else {
                continue;
            };
            if !decorator.is_builtin() {
                self.load(&first.name, Some(first.range));
                if let Some(arguments) = &decorator.arguments {
                    self.arguments(arguments);
                }
                continue;
            }
            let emitter = decorator.emitter();
            if !emitter.is_some_and(|emitter| EMITTERS.contains(&emitter.name.as_str())) {
                let range = emitter.map_or(first.range, |emitter| emitter.range);
                let help = "write `@micropython.native`, `@micropython.viper` or an assembler's decorator";
                self.complain(range, "MicroPython has no such decorator", help);
            }
        }
    }

    pub(super) fn function(&mut self, name: &'a Ident, decorators: &'a [Decorator], function: &'a Function) {
        self.decorators(decorators);
        if self.kind() != ScopeKind::Class {
            let coroutine = function.is_async && decorators.is_empty();
            self.found.functions.push((name.name.clone(), coroutine));
        }
        let emitter = decorators.iter().rev().find_map(Decorator::emitter);
        let emitter = emitter.map_or("", |emitter| emitter.name.as_str());
        self.defaults(&function.params);
        if emitter == "viper" {
            self.viper_types(function);
        }
        // The body of an assembler function consists of instructions, not of names.
        if emitter.starts_with("asm_") {
            self.instructions(&function.body);
        } else {
            let scope = self.open(ScopeKind::Function, Inside::Function(function));
            self.set_async(scope, function.is_async);
            if let Some(scope) = self.found.all.get_mut(scope) {
                scope.dialect = match emitter {
                    _ if decorators.iter().any(Decorator::is_asm_pio) => PIO,
                    "viper" => VIPER,
                    _ => &[],
                };
            }
        }
        self.store(&name.name, Some(name.range));
    }

    /// Checks that the body consists of instructions, which look like calls. Which instructions exist depends
    /// on the processor and is left to the board.
    fn instructions(&mut self, body: &'a FunctionBody) {
        let FunctionBody::Block(block) = body else { return };
        for statement in block {
            let is_instruction = match &statement.kind {
                StmtKind::Pass | StmtKind::Broken(_) => true,
                StmtKind::Expr(value) if value.constant.is_some() => true,
                StmtKind::Expr(Expr {
                    kind: ExprKind::Postfix { base, trailers },
                    ..
                }) => {
                    matches!(
                        (&base.kind, trailers.as_slice()),
                        (ExprKind::Name(_), [Trailer::Call(_)])
                    )
                }
                _ => false,
            };
            if !is_instruction {
                let message = "an assembler's function has nothing but instructions in it";
                self.complain(
                    statement.range,
                    message,
                    "write it like a call, such as `mov(r0, 1)`",
                );
            }
        }
    }

    fn viper_types(&mut self, function: &'a Function) {
        let annotations = function
            .params
            .iter()
            .filter(|param| param.kind == ParamKind::Plain);
        let annotations = annotations
            .filter_map(|param| param.annotation.as_ref())
            .chain(&function.returns);
        for annotation in annotations {
            let known = ["object", "bool", "int", "uint", "ptr", "ptr8", "ptr16", "ptr32"];
            let is_known = matches!(&annotation.kind, ExprKind::Name(name) if known.contains(&name.as_str()));
            if !is_known {
                let help = format!("a viper type is one of {}", known.join(", "));
                self.complain(annotation.range, "viper does not know this type", help);
            }
        }
    }

    /// Default values are evaluated where the function is defined.
    pub(super) fn defaults(&mut self, params: &'a [Param]) {
        let (mut star, mut default) = (false, false);
        for param in params {
            match (&param.default, param.kind) {
                (_, ParamKind::Star) => star = true,
                (Some(value), _) => {
                    default |= !star;
                    self.expression(value);
                }
                (None, ParamKind::Plain) if default && !star => {
                    let help = "give it a default too, or move it in front of those that have one";
                    self.complain(
                        param.range,
                        "a parameter without a default follows one with a default",
                        help,
                    );
                }
                _ => {}
            }
        }
    }

    pub(super) fn function_body(&mut self, function: &'a Function) {
        let (mut star, mut last) = (false, false);
        for param in &function.params {
            if last {
                self.complain(
                    param.range,
                    "no parameter can follow the one with `**`",
                    "move it in front of that one",
                );
            }
            if param.kind == ParamKind::Star && star {
                self.complain(
                    param.range,
                    "only one parameter can have a `*`",
                    "leave one of them out",
                );
            }
            star |= param.kind == ParamKind::Star;
            last |= param.kind == ParamKind::DoubleStar;
            if let Some(name) = &param.name
                && !self.declare_param(&name.name, name.range)
            {
                let message = format!("there are two parameters `{}`", name.name);
                self.complain(name.range, message, "give one of them another name");
            }
        }
        match &function.body {
            FunctionBody::Block(block) => self.block(block),
            FunctionBody::Expr(value) => self.expression(value),
        }
    }

    pub(super) fn arguments(&mut self, arguments: &'a [Argument]) {
        let (mut keyword, mut double) = (false, false);
        let mut names = HashSet::new();
        for (index, argument) in arguments.iter().enumerate() {
            let range = argument.range();
            match argument {
                Argument::Positional(value) => {
                    if double || keyword {
                        let before = if double { "`**`" } else { "a keyword argument" };
                        let message = format!("a positional argument follows {before}");
                        self.complain(range, message, "move it to the front, or give it a name");
                    }
                    self.expression(value);
                }
                Argument::Star(value) => {
                    if double || keyword {
                        let before = if double { "`**`" } else { "a keyword argument" };
                        let message = format!("an argument with `*` follows {before}");
                        self.complain(range, message, "move it to the front");
                    } else if index >= MOST_BEFORE_STAR {
                        let message = "there are too many arguments before this `*`";
                        self.complain(range, message, "put them into one tuple");
                    }
                    self.expression(value);
                }
                Argument::DoubleStar(value) => {
                    (keyword, double) = (true, true);
                    self.expression(value);
                }
                Argument::Keyword { name, value } => {
                    keyword = true;
                    if !matches!(name.kind, ExprKind::Name(_)) || name.constant.is_some() {
                        let help = "write `name=value`; to compare, write `==`";
                        self.complain(name.range, "what stands before this `=` is not a name", help);
                    }
                    if let ExprKind::Name(word) = &name.kind
                        && !names.insert(word)
                    {
                        let message = format!("the argument `{word}` is given twice");
                        self.doubt(name.range, &message, "leave one of them out");
                    }
                    self.expression(value);
                }
                Argument::Named { target, value } => self.named(target, value),
                Argument::Generator(value) => self.expression(value),
            }
        }
    }
}
