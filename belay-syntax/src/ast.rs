//! The syntax tree. It has the form that MicroPython gives a text: constant operands of `and` and `or` are
//! removed, and an f-string is a call of `format`.

use crate::fold::Constant;
use crate::range::Range;

/// A name with its place.
#[derive(Clone, Debug)]
pub(crate) struct Ident {
    pub(crate) name: String,
    pub(crate) range: Range,
}

#[derive(Clone, Debug)]
pub(crate) struct Expr {
    pub(crate) range: Range,
    pub(crate) kind: ExprKind,
    /// The value, if MicroPython computes it at compile time.
    pub(crate) constant: Option<Constant>,
}

impl Expr {
    /// Whether evaluating it does nothing but compute a value. Sets `names` if there are names in it.
    pub(crate) fn is_idle(&self, names: &mut bool) -> bool {
        match &self.kind {
            ExprKind::Name(_) => {
                *names = true;
                true
            }
            ExprKind::Constant => true,
            ExprKind::Tuple { items, .. } | ExprKind::Operation(items) => {
                items.iter().all(|item| item.is_idle(names))
            }
            ExprKind::Postfix { base, trailers } => {
                trailers
                    .iter()
                    .all(|trailer| matches!(trailer, Trailer::Attribute))
                    && base.is_idle(names)
            }
            _ => false,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) enum ExprKind {
    Name(String),
    /// A literal, or something that folded to one.
    Constant,
    /// A constant of a module, such as `math.pi`.
    OfModule(Ident),
    Tuple {
        items: Vec<Expr>,
        parenthesized: bool,
    },
    List(Vec<Expr>),
    /// A dict or a set: it is a dict if the items have values.
    Braces(Vec<(Expr, Option<Expr>)>),
    Comprehension(Box<Comprehension>),
    Yield(Option<Box<Expr>>),
    YieldFrom(Box<Expr>),
    /// The word `await`, and the awaited expression.
    Await(Range, Box<Expr>),
    Lambda(Box<Function>),
    /// Condition, value, other value.
    Conditional(Box<[Expr; 3]>),
    /// `and`, `or`, comparisons, unary and binary operators. Only the operands matter.
    Operation(Vec<Expr>),
    Star(Box<Expr>),
    /// `target := value`.
    Named(Box<[Expr; 2]>),
    Slice(Vec<Expr>),
    /// An atom and the calls, indexes and attributes behind it.
    Postfix {
        base: Box<Expr>,
        trailers: Vec<Trailer>,
    },
}

#[derive(Clone, Debug)]
pub(crate) struct Comprehension {
    pub(crate) element: Expr,
    /// The value, in a dict.
    pub(crate) value: Option<Expr>,
    pub(crate) clauses: Vec<Clause>,
}

#[derive(Clone, Debug)]
pub(crate) enum Clause {
    For { target: Expr, iterable: Expr },
    If(Expr),
}

#[derive(Clone, Debug)]
pub(crate) enum Trailer {
    Call(Vec<Argument>),
    Index(Expr),
    Attribute,
    /// The expressions in the braces of an f-string or of a t-string.
    Format(Vec<Argument>),
}

#[derive(Clone, Debug)]
pub(crate) enum Argument {
    Positional(Expr),
    Star(Expr),
    DoubleStar(Expr),
    Keyword { name: Expr, value: Expr },
    Named { target: Expr, value: Expr },
    Generator(Expr),
}

impl Argument {
    pub(crate) fn range(&self) -> Range {
        match self {
            Self::Positional(value)
            | Self::Star(value)
            | Self::DoubleStar(value)
            | Self::Generator(value) => value.range,
            Self::Keyword { name, value } => name.range.to(value.range),
            Self::Named { target, value } => target.range.to(value.range),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ParamKind {
    Plain,
    Star,
    DoubleStar,
}

#[derive(Clone, Debug)]
pub(crate) struct Param {
    pub(crate) range: Range,
    pub(crate) kind: ParamKind,
    /// `None` for a bare `*`.
    pub(crate) name: Option<Ident>,
    pub(crate) annotation: Option<Expr>,
    pub(crate) default: Option<Expr>,
}

/// A function or a lambda.
#[derive(Clone, Debug)]
pub(crate) struct Function {
    pub(crate) is_async: bool,
    pub(crate) params: Vec<Param>,
    pub(crate) returns: Option<Expr>,
    pub(crate) body: FunctionBody,
}

#[derive(Clone, Debug)]
pub(crate) enum FunctionBody {
    Block(Block),
    Expr(Expr),
}

pub(crate) type Block = Vec<Stmt>;

#[derive(Clone, Debug)]
pub(crate) struct Stmt {
    pub(crate) range: Range,
    pub(crate) kind: StmtKind,
}

#[derive(Clone, Debug)]
pub(crate) enum StmtKind {
    /// A statement that could not be parsed, with the block under it.
    Broken(Block),
    Pass,
    /// `_NAME = const(…)`, which defines nothing outside of the text.
    PrivateConstant(Ident),
    Break,
    Continue,
    Expr(Expr),
    /// Targets, then the value.
    Assign {
        targets: Vec<Expr>,
        value: Expr,
    },
    AugAssign {
        target: Expr,
        value: Expr,
    },
    Annotated(Expr),
    Del(Vec<Expr>),
    Return(Option<Expr>),
    Raise(Vec<Expr>),
    Assert {
        condition: Expr,
        message: Option<Expr>,
    },
    Import(Vec<Import>),
    /// Names from a module; `None` stands for `*`.
    ImportFrom {
        module: Ident,
        names: Option<Vec<Import>>,
    },
    Global(Vec<Ident>),
    Nonlocal(Vec<Ident>),
    If {
        branches: Vec<(Expr, Block)>,
        otherwise: Option<Block>,
    },
    While {
        condition: Expr,
        body: Block,
        otherwise: Option<Block>,
    },
    For {
        is_async: bool,
        target: Expr,
        iterable: Expr,
        body: Block,
        otherwise: Option<Block>,
    },
    Try(Box<Try>),
    With {
        is_async: bool,
        items: Vec<(Expr, Option<Expr>)>,
        body: Block,
    },
    Function {
        name: Ident,
        decorators: Vec<Decorator>,
        function: Box<Function>,
    },
    Class {
        name: Ident,
        decorators: Vec<Decorator>,
        arguments: Vec<Argument>,
        body: Block,
    },
}

#[derive(Clone, Debug)]
pub(crate) struct Try {
    pub(crate) body: Block,
    pub(crate) handlers: Vec<Handler>,
    pub(crate) otherwise: Option<Block>,
    pub(crate) finally: Option<Block>,
}

#[derive(Clone, Debug)]
pub(crate) struct Handler {
    pub(crate) range: Range,
    pub(crate) matches: Option<Expr>,
    pub(crate) name: Option<Ident>,
    pub(crate) body: Block,
}

/// A dotted name, and the name that it is bound to.
#[derive(Clone, Debug)]
pub(crate) struct Import {
    pub(crate) name: Ident,
    pub(crate) bound: Ident,
}

#[derive(Clone, Debug)]
pub(crate) struct Decorator {
    pub(crate) name: Vec<Ident>,
    pub(crate) arguments: Option<Vec<Argument>>,
}

impl Decorator {
    /// Whether this is one of MicroPython's own decorators, or is meant to be one.
    pub(crate) fn is_builtin(&self) -> bool {
        self.name.first().is_some_and(|first| first.name == "micropython")
    }

    /// Whether it compiles the function to instructions for the RP2040's state machines.
    pub(crate) fn is_asm_pio(&self) -> bool {
        self.name.last().is_some_and(|last| last.name == "asm_pio")
    }

    /// The word after `micropython.`.
    pub(crate) fn emitter(&self) -> Option<&Ident> {
        if self.is_builtin() && self.name.len() == 2 {
            self.name.get(1)
        } else {
            None
        }
    }
}
