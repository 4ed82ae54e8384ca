//! What the host asks of the agent.

use std::borrow::Cow;

use super::expression;
use super::{Flavour, RequestKind};
use crate::error::{ErrorKind, Result};
use crate::python::Arguments;

/// How long a question for what is missing can be where lines have a length of their own.
const ROOM: usize = 20;

/// What one line asks of the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Calls what is deployed.
    Call {
        /// By which name.
        function: String,
        /// The arguments as they stand between the parentheses of a call.
        literals: String,
        /// Whether there are arguments, and all are small integers.
        small_ints: bool,
    },
    /// Evaluates an expression.
    Evaluate(String),
    /// Begins a stream of what an expression gives, with its first items.
    Open {
        /// The stream's number.
        stream: u64,
        /// How many items may come.
        credit: usize,
        /// What gives them.
        expression: String,
    },
    /// The next items of a stream.
    Next {
        /// The stream's number.
        stream: u64,
        /// How many items may come.
        credit: usize,
    },
    /// Closes a stream.
    Close {
        /// The stream's number.
        stream: u64,
    },
    /// A part of source, for an agent to which it [comes in parts](Flavour::source_part).
    Source {
        /// Whether it is the first part.
        first: bool,
        /// The part.
        part: String,
    },
    /// Executes what has come in parts.
    Execute {
        /// In which namespace.
        namespace: String,
    },
    /// Whether the agent is there, and what it expects next.
    Ping {
        /// What the answer is to have in it.
        token: u32,
    },
    /// Has the agent end.
    Quit,
    /// The answer to the request of the line's number once more, or what is missing of it.
    Again(Option<Missing>),
}

/// What of an answer is asked for again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing {
    /// From which frame on.
    pub frame: usize,
    /// From which character of that on.
    pub from: usize,
    /// To which, or 0 for all that follows.
    pub to: usize,
    /// In pieces of how many characters.
    pub size: usize,
}

impl Request {
    /// A call.
    ///
    /// # Errors
    ///
    /// When an argument cannot be expressed, or the function has no name that could stand in a line.
    pub fn call(function: String, arguments: &Arguments) -> Result<Self> {
        Ok(Self::Call {
            function: printable(function)?,
            literals: arguments.literals()?.to_owned(),
            small_ints: arguments.are_small_ints(),
        })
    }

    /// An expression.
    ///
    /// # Errors
    ///
    /// When it could not stand in a line.
    pub fn evaluate(expression: String) -> Result<Self> {
        printable(expression).map(Self::Evaluate)
    }

    /// Whether the stream that it asks for has begun before it.
    pub(crate) fn goes_on(&self) -> bool {
        matches!(self, Self::Next { .. })
    }

    /// The source or expression in it that may name [what some agents lack](Flavour::lacks_bytes).
    pub(crate) fn literals(&self) -> &str {
        match self {
            Self::Call { literals, .. } => literals,
            Self::Evaluate(expression) | Self::Open { expression, .. } => expression,
            Self::Next { .. }
            | Self::Close { .. }
            | Self::Source { .. }
            | Self::Execute { .. }
            | Self::Ping { .. }
            | Self::Quit
            | Self::Again(_) => "",
        }
    }

    /// What a line says for it to an agent of this flavour.
    pub fn encode(&self, flavour: Flavour) -> (RequestKind, Cow<'_, str>) {
        match self {
            Self::Call {
                function,
                literals,
                small_ints,
            } => call(flavour, function, literals, *small_ints),
            Self::Evaluate(expression) => (RequestKind::Evaluate, Cow::Borrowed(expression)),
            Self::Open {
                stream,
                credit,
                expression,
            } => (
                RequestKind::Open,
                format!("{stream} {credit} {expression}").into(),
            ),
            Self::Next { stream, credit } => (RequestKind::Next, format!("{stream} {credit} ").into()),
            Self::Close { stream } if flavour == Flavour::Small => {
                (RequestKind::Evaluate, expression::close(*stream).into())
            }
            Self::Close { stream } => (RequestKind::Close, stream.to_string().into()),
            Self::Source { first: true, part } => (RequestKind::Source, Cow::Borrowed(part)),
            Self::Source { first: false, part } => (RequestKind::MoreSource, Cow::Borrowed(part)),
            Self::Execute { namespace } => (RequestKind::Execute, Cow::Borrowed(namespace)),
            Self::Ping { token } => (RequestKind::Ping, token.to_string().into()),
            Self::Quit => (RequestKind::Quit, Cow::Borrowed("")),
            Self::Again(missing) => (
                RequestKind::Again,
                missing.map_or(Cow::Borrowed(""), |missing| missing.encode().into()),
            ),
        }
    }

    /// What a line asks of an agent of this flavour; nothing if it asks nothing that makes sense. A small board reads
    /// the end of a stream as the expression that it is.
    pub fn decode(kind: RequestKind, body: &str, flavour: Flavour) -> Option<Self> {
        let words = |many| body.splitn(many, ' ').collect::<Vec<_>>();
        Some(match kind {
            RequestKind::Call | RequestKind::CallWith => return called(kind, body, flavour),
            RequestKind::Evaluate => Self::Evaluate(body.to_owned()),
            RequestKind::Open => match words(3)[..] {
                [stream, credit, expression] => Self::Open {
                    stream: stream.parse().ok()?,
                    credit: credit.parse().ok()?,
                    expression: expression.to_owned(),
                },
                _ => return None,
            },
            RequestKind::Next => match words(3)[..] {
                [stream, credit, _] => Self::Next {
                    stream: stream.parse().ok()?,
                    credit: credit.parse().ok()?,
                },
                _ => return None,
            },
            RequestKind::Close => Self::Close {
                stream: body.trim().parse().ok()?,
            },
            RequestKind::Source | RequestKind::MoreSource => Self::Source {
                first: kind == RequestKind::Source,
                part: body.to_owned(),
            },
            RequestKind::Execute => Self::Execute {
                namespace: body.trim().to_owned(),
            },
            RequestKind::Ping => Self::Ping {
                token: body.trim().parse().ok()?,
            },
            RequestKind::Quit => Self::Quit,
            RequestKind::Again if body.trim().is_empty() => Self::Again(None),
            RequestKind::Again => Self::Again(Some(Missing::decode(body.trim())?)),
            // It is another request, which follows.
            RequestKind::Long => return None,
        })
    }
}

impl Missing {
    /// The same, or more of it if there is no room for the question in a line that has a length of its own.
    #[must_use]
    pub(crate) fn within_room(self) -> Self {
        let to_the_end = Self { to: 0, ..self };
        let whole = Self {
            from: 0,
            ..to_the_end
        };
        [self, to_the_end]
            .into_iter()
            .find(|missing| missing.encode().len() <= ROOM)
            .unwrap_or(whole)
    }

    fn encode(self) -> String {
        let Self {
            frame,
            from,
            to,
            size,
        } = self;
        format!("{frame} {from} {to} {size}")
    }

    fn decode(body: &str) -> Option<Self> {
        let mut numbers = body.split(' ').map(str::parse);
        let mut number = || numbers.next()?.ok();
        Some(Self {
            frame: number()?,
            from: number()?,
            to: number()?,
            size: number()?,
        })
    }
}

/// Functions of small integers, and of nothing, are called without compiling anything, except on small boards, where
/// each line is compiled. Others are called with what an expression gives, so that the board can tell whether a
/// function has begun.
fn call<'a>(
    flavour: Flavour,
    function: &'a str,
    literals: &str,
    small_ints: bool,
) -> (RequestKind, Cow<'a, str>) {
    if flavour == Flavour::Small {
        return (
            RequestKind::Call,
            expression::call_that_begins(function, literals).into(),
        );
    }
    if literals.is_empty() {
        return (RequestKind::Call, Cow::Borrowed(function));
    }
    let mut body = String::with_capacity(function.len() + literals.len() + 1);
    body.push_str(function);
    if small_ints {
        body.push(' ');
        body.extend(literals.chars().map(|c| if c == ',' { ' ' } else { c }));
        return (RequestKind::Call, body.into());
    }
    body.push(',');
    body.push_str(literals);
    (RequestKind::CallWith, body.into())
}

/// What [`call`] has made a line of.
fn called(kind: RequestKind, body: &str, flavour: Flavour) -> Option<Request> {
    let small_ints = |literals: &str| {
        let mut words = literals.split(',');
        words.all(|word| word.parse::<i32>().is_ok())
    };
    let (function, literals) = match (flavour, kind) {
        (Flavour::Small, _) => body.strip_suffix("))")?.split_once("(*G(")?,
        (_, RequestKind::Call) => {
            let (function, words) = body.split_once(' ').unwrap_or((body, ""));
            let literals = words.trim().replace(' ', ",");
            return Some(Request::Call {
                function: function.to_owned(),
                small_ints: small_ints(&literals),
                literals,
            });
        }
        _ => body.split_once(',')?,
    };
    Some(Request::Call {
        function: function.to_owned(),
        literals: literals.to_owned(),
        small_ints: small_ints(literals),
    })
}

/// This text, if it can stand in a line.
pub(crate) fn printable(text: String) -> Result<String> {
    if text.bytes().all(|byte| (b' '..0x7f).contains(&byte)) {
        Ok(text)
    } else {
        Err(ErrorKind::NotOneLine.into())
    }
}
