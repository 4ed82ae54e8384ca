//! The host's requests to the agent.

use std::borrow::Cow;

use super::expression;
use super::{Flavour, RequestKind};
use crate::error::{ErrorKind, Result};
use crate::python::{self, Apart, Arguments};

/// The maximum length of a request for retransmission, where every line has a fixed length.
const ROOM: usize = 20;

/// A request, which is sent as one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Calls a deployed function.
    Call {
        /// The board's alias for the function.
        function: String,
        /// The arguments as Python literals, as they stand between the parentheses of a call.
        literals: String,
        /// The arguments as JSON, with a comma before each, if JSON can express all of them exactly.
        json: Option<String>,
        /// The arguments as JSON with large ones attached separately, where that saves something.
        apart: Option<Box<Apart>>,
        /// The packing code for the result, or empty if it is not to be packed. An agent that cannot pack ignores it.
        result: Cow<'static, str>,
    },
    /// Evaluates an expression.
    Evaluate(String),
    /// Opens a stream over the value of an expression, and asks for its first items.
    Open {
        /// The stream's number.
        stream: u64,
        /// How many items the agent may send.
        credit: usize,
        /// The expression whose value is iterated over.
        expression: String,
        /// The packing code for the items, or empty.
        result: Cow<'static, str>,
    },
    /// Asks for the next items of a stream.
    Next {
        /// The stream's number.
        stream: u64,
        /// How many items the agent may send.
        credit: usize,
    },
    /// Closes a stream.
    Close {
        /// The stream's number.
        stream: u64,
    },
    /// A part of a source, for an agent to which source is [sent in parts](Flavour::source_part).
    Source {
        /// Whether it is the first part.
        first: bool,
        /// The part.
        part: String,
    },
    /// Executes the source that was sent in parts.
    Execute {
        /// The namespace.
        namespace: String,
    },
    /// Asks whether the agent is there, and which number it expects next.
    Ping {
        /// The token that the answer is to repeat.
        token: u32,
    },
    /// Ends the agent.
    Quit,
    /// Asks for the answer to the request with the line's number to be retransmitted, whole or what is missing of it.
    Again(Option<Missing>),
    /// Answers a question that the board has asked.
    Answer(String),
}

/// The part of an answer that is to be retransmitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing {
    /// The index of the first missing frame.
    pub frame: usize,
    /// The first missing byte of that frame.
    pub from: usize,
    /// The end of the missing bytes, or 0 for everything that follows, further frames included.
    pub to: usize,
    /// The size of the pieces, in bytes.
    pub size: usize,
}

impl Request {
    /// A call.
    ///
    /// # Errors
    ///
    /// When an argument cannot be expressed, or the function's name contains a character that a line cannot.
    pub fn call(function: String, arguments: &Arguments) -> Result<Self> {
        // Only a plain name can be looked up; anything else has to be evaluated.
        let is_name = function
            .bytes()
            .all(|byte| byte == b'_' || byte.is_ascii_alphanumeric());
        let json = is_name.then(|| arguments.json()).flatten();
        let apart = is_name.then(|| arguments.apart()).flatten();
        Ok(Self::Call {
            function: printable(function)?,
            literals: arguments.literals()?.to_owned(),
            json,
            apart: apart.map(Box::new),
            result: arguments.code(),
        })
    }

    /// An expression.
    ///
    /// # Errors
    ///
    /// When it contains a character that a line cannot.
    pub fn evaluate(expression: String) -> Result<Self> {
        printable(expression).map(Self::Evaluate)
    }

    /// Deploys a function. The texts are the id, the namespace, the function, the source that defines it, and the
    /// source's file name. It is sent as a call with JSON arguments, so that a board with little memory does not have
    /// to compile the source as a string literal first.
    ///
    /// # Errors
    ///
    /// When a text cannot be expressed.
    pub(crate) fn deploy(texts: [&str; 5]) -> Result<Self> {
        let mut json = String::new();
        let mut says_all = true;
        for text in texts {
            json.push(',');
            says_all &= python::write_json_text(&mut json, text);
        }
        let literals: Vec<String> =
            { texts.into_iter().map(python::to_literal) }.collect::<std::result::Result<_, _>>()?;
        Ok(Self::Call {
            function: expression::DEPLOY.to_owned(),
            literals: literals.join(","),
            json: says_all.then_some(json),
            apart: None,
            result: "".into(),
        })
    }

    /// Turns a request for a value into one that streams its items, with `credit` for the first ones.
    pub(crate) fn opening(self, stream: u64, credit: usize) -> Self {
        let (expression, result) = match self {
            Self::Call {
                function,
                literals,
                result,
                ..
            } => (expression::call(function, &literals), result),
            Self::Evaluate(expression) => (expression, Cow::Borrowed("")),
            other => return other,
        };
        Self::Open {
            stream,
            credit,
            expression,
            result,
        }
    }

    /// The packing code for the result.
    pub(crate) fn result_mut(&mut self) -> Option<&mut Cow<'static, str>> {
        match self {
            Self::Call { result, .. } | Self::Open { result, .. } => Some(result),
            _ => None,
        }
    }

    /// Whether some arguments are attached separately.
    pub(crate) fn has_attached(&self) -> bool {
        matches!(self, Self::Call { apart: Some(_), .. })
    }

    /// Writes all arguments into the call, so that none is attached.
    pub(crate) fn write_all(&mut self) {
        if let Self::Call { apart, .. } = self {
            *apart = None;
        }
    }

    /// The same request for a board that lacks the libraries: nothing is packed or attached.
    pub(crate) fn unprovided(mut self) -> Self {
        self.write_all();
        if let Some(result) = self.result_mut() {
            *result = "".into();
        }
        self
    }

    /// Whether the request continues a stream that was opened before it.
    pub(crate) fn goes_on(&self) -> bool {
        matches!(self, Self::Next { .. })
    }

    /// The source or expression in the request that may use the functions that [some agents
    /// lack](Flavour::lacks_bytes).
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
            | Self::Again(_)
            | Self::Answer(_) => "",
        }
    }

    /// Encodes the request for an agent of this flavour: its kind, and the body of the line.
    pub fn encode(&self, flavour: Flavour) -> (RequestKind, Cow<'_, str>) {
        match self {
            Self::Call {
                function,
                literals,
                json,
                apart,
                result,
            } => match apart {
                Some(apart) if flavour.packs() => call_with_attached(function, apart, result),
                _ => call(flavour, function, literals, json.as_deref(), result),
            },
            Self::Evaluate(expression) => (RequestKind::Evaluate, Cow::Borrowed(expression)),
            Self::Open {
                stream,
                credit,
                expression,
                result,
            } => match &**result {
                "" => open(*stream, *credit, expression),
                _ if !flavour.packs() => open(*stream, *credit, expression),
                result => (
                    RequestKind::OpenFor,
                    format!("{stream} {credit} {result} {expression}").into(),
                ),
            },
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
            Self::Answer(answer) => (RequestKind::Answer, Cow::Borrowed(answer)),
        }
    }

    /// Decodes a line for an agent of this flavour; `None` if it makes no sense. On a small board closing a stream is
    /// decoded as the expression that it is sent as.
    pub fn decode(kind: RequestKind, body: &str, flavour: Flavour) -> Option<Self> {
        let words = |many| body.splitn(many, ' ').collect::<Vec<_>>();
        Some(match kind {
            RequestKind::Call | RequestKind::CallFor | RequestKind::CallWith | RequestKind::CallWithFor => {
                return called(kind, body, flavour);
            }
            RequestKind::CallWithAttached => return called_with_attached(body),
            RequestKind::Evaluate => Self::Evaluate(body.to_owned()),
            RequestKind::Open => match words(3)[..] {
                [stream, credit, expression] => Self::Open {
                    stream: stream.parse().ok()?,
                    credit: credit.parse().ok()?,
                    expression: expression.to_owned(),
                    result: "".into(),
                },
                _ => return None,
            },
            RequestKind::OpenFor => match words(4)[..] {
                [stream, credit, result, expression] => Self::Open {
                    stream: stream.parse().ok()?,
                    credit: credit.parse().ok()?,
                    expression: expression.to_owned(),
                    result: result.to_owned().into(),
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
            RequestKind::Answer => Self::Answer(body.to_owned()),
            // It only announces another request, whose body follows.
            RequestKind::Long => return None,
        })
    }
}

impl Missing {
    /// The same range, or a larger one that takes fewer characters to ask for, if the line has a fixed length without
    /// room for it.
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

fn open(stream: u64, credit: usize, expression: &str) -> (RequestKind, Cow<'_, str>) {
    (
        RequestKind::Open,
        format!("{stream} {credit} {expression}").into(),
    )
}

/// Where JSON can express all arguments, the board calls the function without compiling anything (except small boards,
/// which compile each line). Other arguments are sent as an expression that is evaluated before the call, so that the
/// board can tell whether the function has begun.
fn call<'a>(
    flavour: Flavour,
    function: &'a str,
    literals: &str,
    json: Option<&str>,
    result: &str,
) -> (RequestKind, Cow<'a, str>) {
    if flavour == Flavour::Small {
        return (
            RequestKind::Call,
            expression::call_that_begins(function, literals).into(),
        );
    }
    if let Some(json) = json {
        let mut body = String::with_capacity(function.len() + json.len() + 12);
        body.push('[');
        if !result.is_empty() {
            python::write_json_text(&mut body, result);
            body.push(',');
        }
        write_function(&mut body, function);
        body.push_str(json);
        body.push(']');
        let kind = if result.is_empty() {
            RequestKind::Call
        } else {
            RequestKind::CallFor
        };
        return (kind, body.into());
    }
    match result {
        "" => (RequestKind::CallWith, format!("{function},{literals}").into()),
        _ => (
            RequestKind::CallWithFor,
            format!("'{result}',{function},{literals}").into(),
        ),
    }
}

/// A deployed function is sent as its number: looking up a name takes the board longer than the call.
fn write_function(json: &mut String, function: &str) {
    let number = function.strip_prefix('f').unwrap_or_default();
    if number
        .parse::<u64>()
        .is_ok_and(|parsed| parsed.to_string() == number)
    {
        json.push_str(number);
    } else {
        python::write_json_text(json, function);
    }
}

/// Reads what [`write_function`] has written, and gives the rest as well.
fn read_function(json: &str) -> Option<(String, &str)> {
    if let Some(name) = json.strip_prefix('"') {
        return name.split_once('"').map(|(name, rest)| (name.to_owned(), rest));
    }
    let end = json.find(|c: char| !c.is_ascii_digit()).unwrap_or(json.len());
    let (number, rest) = json.split_at(end);
    (end > 0).then(|| (format!("f{number}"), rest))
}

/// A call with some arguments attached separately.
fn call_with_attached(function: &str, apart: &Apart, result: &str) -> (RequestKind, Cow<'static, str>) {
    (
        RequestKind::CallWithAttached,
        attached(function, apart, result).into(),
    )
}

/// The length of the JSON, the JSON itself (packing code, function, places of the attached arguments, the other
/// arguments), and the attached data.
pub(super) fn attached(function: &str, apart: &Apart, result: &str) -> String {
    let Apart { json, places, data } = apart;
    let mut head = String::with_capacity(json.len() + places.len() + 32);
    head.push('[');
    python::write_json_text(&mut head, result);
    head.push(',');
    write_function(&mut head, function);
    for part in [",[", places, "]", json, "]"] {
        head.push_str(part);
    }
    format!("{:06}{head}{data}", head.len())
}

/// Decodes what [`call_with_attached`] has encoded.
fn called_with_attached(body: &str) -> Option<Request> {
    let (length, rest) = body.split_at_checked(6)?;
    let (head, data) = rest.split_at_checked(length.parse().ok()?)?;
    let (result, rest) = head.strip_prefix("[\"")?.strip_suffix(']')?.split_once("\",")?;
    let (function, rest) = read_function(rest)?;
    let rest = rest.strip_prefix(",[")?;
    // The places contain no two consecutive brackets.
    let end = rest.find("]]").map_or(0, |at| at + 1);
    let (places, json) = rest.split_at(end);
    Some(Request::Call {
        function,
        literals: String::new(),
        json: None,
        apart: Some(Box::new(Apart {
            json: json.strip_prefix(']')?.to_owned(),
            places: places.to_owned(),
            data: data.to_owned(),
        })),
        result: result.to_owned().into(),
    })
}

/// Decodes what [`call`] has encoded.
fn called(kind: RequestKind, body: &str, flavour: Flavour) -> Option<Request> {
    let has_result = matches!(kind, RequestKind::CallFor | RequestKind::CallWithFor);
    let call = |function: &str, literals: &str, json: Option<&str>, result: &str| Request::Call {
        function: function.to_owned(),
        literals: literals.to_owned(),
        json: json.map(ToOwned::to_owned),
        apart: None,
        result: result.to_owned().into(),
    };
    if flavour == Flavour::Small {
        let (function, literals) = body.strip_suffix("))")?.split_once("(*G(")?;
        return Some(call(function, literals, None, ""));
    }
    if matches!(kind, RequestKind::CallWith | RequestKind::CallWithFor) {
        let (result, body) = if has_result {
            body.strip_prefix('\'')?.split_once("',")?
        } else {
            ("", body)
        };
        let (function, literals) = body.split_once(',')?;
        return Some(call(function, literals, None, result));
    }
    let mut words = body.trim_end().strip_prefix('[')?.strip_suffix(']')?;
    let mut result = "";
    if has_result {
        (result, words) = words.strip_prefix('"')?.split_once("\",")?;
    }
    let (function, json) = read_function(words)?;
    Some(call(&function, "", Some(json), result))
}

/// The text, if all of its characters may stand in a line.
fn printable(text: String) -> Result<String> {
    if text.bytes().all(|byte| (b' '..0x7f).contains(&byte)) {
        Ok(text)
    } else {
        Err(ErrorKind::NotOneLine.into())
    }
}
