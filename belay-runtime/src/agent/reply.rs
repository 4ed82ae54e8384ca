//! The agent's replies.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::{Question, Raised, ReplyKind};
use crate::protocol::Frame;

/// A value in an answer, or an item of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// The value as the board's `repr` writes it, without control characters.
    Repr(Vec<u8>),
    /// A `bytes` or `memoryview` large enough to be sent as base64 instead of its `repr`.
    Bytes(Vec<u8>),
    /// A `bytearray` that was sent in the same way.
    ByteArray(Vec<u8>),
    /// A value that the agent has packed: the packing code, and the data.
    Packed(u8, Vec<u8>),
}

/// The form in which a payload is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A `repr`.
    Repr,
    /// `bytes`.
    Bytes,
    /// A `bytearray`.
    ByteArray,
    /// Packed, with this packing code.
    Packed(u8),
}

/// The answer to a ping, and what the agent has received since the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pong {
    /// The token of the ping.
    pub token: u32,
    /// The token of the ping that the agent received before, or zero.
    pub before: u32,
    /// What the agent has received and discarded since then, because it was not an intact line.
    pub odd: Vec<u8>,
}

/// An event that a body on the board has told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The token of the subscription.
    pub token: u32,
    /// How many events were told or lost under this token before.
    pub number: u64,
    /// Its value.
    pub value: Payload,
}

/// What one frame means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// A session has begun, or goes on.
    Hello(FirstWords),
    /// An unsolicited message from Python code on the board: the `repr` of the value.
    Event(Vec<u8>),
    /// An event that a body has told.
    Told(Told),
    /// A body or a thread asks the host a question.
    Question(Question),
    /// The waiting body has received the answer.
    Heard,
    /// A line was damaged, or has another number than the expected one.
    Refusal,
    /// The answer to a ping.
    Pong(Pong),
    /// The agent ends.
    Farewell,
    /// A piece of a long line has arrived.
    Received,
    /// A value as its `repr`.
    Value(Vec<u8>),
    /// A packed value: the packing code, and the data.
    Packed(u8, Vec<u8>),
    /// An exception.
    Raised(Raised),
    /// A `KeyboardInterrupt`, after so many items.
    Interrupted(usize),
    /// A part of a value that is sent in several frames.
    Part {
        /// Its place among the parts.
        index: usize,
        /// The bytes of the part.
        data: Vec<u8>,
    },
    /// The end of a value that was sent in parts.
    Whole {
        /// How many parts there were.
        parts: usize,
        /// The form of the whole value.
        form: Form,
    },
    /// An item of a stream.
    Item {
        /// Its index in its batch.
        index: usize,
        /// The item itself.
        item: Payload,
    },
    /// The end of a batch.
    Batch {
        /// How many items it had.
        items: usize,
        /// Whether the stream has ended.
        exhausted: bool,
    },
    /// A piece of a frame that is retransmitted.
    Piece(Piece),
    /// The end of a retransmission that was asked for from this byte on.
    Pieces(usize),
    /// The agent no longer has the answer that was asked for again.
    Forgotten,
}

/// The agent's greeting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstWords {
    /// How many bytes of memory are free.
    pub free: Option<u64>,
    /// Identifies this run of the interpreter.
    pub boot: u64,
    /// How many bytes of memory were free before the agent was loaded.
    pub before: Option<u64>,
    /// `sys.implementation.name`.
    pub implementation: String,
    /// `sys.platform`.
    pub platform: String,
}

/// A piece of a retransmitted frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The index of the frame in its answer.
    pub frame: usize,
    /// The piece's offset in the frame, in bytes.
    pub at: usize,
    /// The length of the frame, in bytes.
    pub total: usize,
    /// The bytes of the piece.
    pub text: Vec<u8>,
}

impl Payload {
    /// Its length in bytes.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Repr(bytes) | Self::Bytes(bytes) | Self::ByteArray(bytes) | Self::Packed(_, bytes) => {
                bytes.len()
            }
        }
    }
}

impl Form {
    /// A payload of this form.
    pub(crate) fn of(self, bytes: Vec<u8>) -> Payload {
        match self {
            Self::Repr => Payload::Repr(bytes),
            Self::Bytes => Payload::Bytes(bytes),
            Self::ByteArray => Payload::ByteArray(bytes),
            Self::Packed(code) => Payload::Packed(code, bytes),
        }
    }
}

impl Reply {
    /// Decodes a frame; `None` if it makes no sense.
    pub fn decode(frame: Frame) -> Option<Self> {
        let Frame { kind, payload, .. } = frame;
        Some(match ReplyKind::of(kind)? {
            ReplyKind::Hello => Self::Hello(FirstWords::decode(&payload)),
            ReplyKind::Event => Self::Event(payload),
            ReplyKind::Told => Self::Told(Told::decode(&payload)?),
            ReplyKind::Heard => Self::Heard,
            ReplyKind::Question => Self::Question(Question::decode(&payload)?),
            ReplyKind::Refusal => Self::Refusal,
            ReplyKind::Pong => Self::Pong(Pong::decode(&payload)?),
            ReplyKind::Farewell => Self::Farewell,
            ReplyKind::Received => Self::Received,
            ReplyKind::Value => Self::Value(payload),
            ReplyKind::Packed => {
                let (code, data) = payload.split_first()?;
                Self::Packed(*code, from_base64(data)?)
            }
            ReplyKind::Raised => Self::Raised(Raised::decode(&payload)),
            ReplyKind::Interrupted => Self::Interrupted(count(&payload)),
            ReplyKind::Part => {
                let (index, data) = part(&payload)?;
                let data = from_base64(data)?;
                Self::Part { index, data }
            }
            ReplyKind::WholeRepr => whole(&payload, Form::Repr),
            ReplyKind::WholeBytes => whole(&payload, Form::Bytes),
            ReplyKind::WholeByteArray => whole(&payload, Form::ByteArray),
            ReplyKind::WholePacked => {
                let (code, count) = payload.split_first()?;
                whole(count, Form::Packed(*code))
            }
            ReplyKind::Item => {
                let (index, data) = part(&payload)?;
                let item = Payload::Repr(data.to_vec());
                Self::Item { index, item }
            }
            ReplyKind::BytesItem => {
                let (index, data) = part(&payload)?;
                let item = Payload::Bytes(from_base64(data)?);
                Self::Item { index, item }
            }
            ReplyKind::ByteArrayItem => {
                let (index, data) = part(&payload)?;
                let item = Payload::ByteArray(from_base64(data)?);
                Self::Item { index, item }
            }
            ReplyKind::PackedItem => {
                let (index, data) = part(&payload)?;
                let (code, data) = data.split_first()?;
                let item = Payload::Packed(*code, from_base64(data)?);
                Self::Item { index, item }
            }
            ReplyKind::Batch => Self::Batch {
                items: count(&payload),
                exhausted: false,
            },
            ReplyKind::Exhausted => Self::Batch {
                items: count(&payload),
                exhausted: true,
            },
            ReplyKind::Piece => Self::Piece(Piece::decode(&payload)?),
            ReplyKind::Pieces => Self::Pieces(count(&payload)),
            ReplyKind::Forgotten => Self::Forgotten,
        })
    }

    /// The kind and payload of the frame for this reply.
    pub fn encode(&self) -> (ReplyKind, Vec<u8>) {
        let text = |kind, text: String| (kind, text.into_bytes());
        match self {
            Self::Hello(words) => text(ReplyKind::Hello, words.encode()),
            Self::Event(payload) => (ReplyKind::Event, payload.clone()),
            Self::Told(told) => (ReplyKind::Told, told.encode()),
            Self::Heard => (ReplyKind::Heard, Vec::new()),
            Self::Question(question) => (ReplyKind::Question, question.encode()),
            Self::Refusal => (ReplyKind::Refusal, Vec::new()),
            Self::Pong(pong) => text(ReplyKind::Pong, pong.encode()),
            Self::Farewell => (ReplyKind::Farewell, Vec::new()),
            Self::Received => (ReplyKind::Received, Vec::new()),
            Self::Value(payload) => (ReplyKind::Value, payload.clone()),
            Self::Packed(code, data) => (
                ReplyKind::Packed,
                [&[*code], BASE64_STANDARD.encode(data).as_bytes()].concat(),
            ),
            Self::Raised(raised) => text(ReplyKind::Raised, raised.encode()),
            Self::Interrupted(items) => text(ReplyKind::Interrupted, items.to_string()),
            Self::Part { index, data } => text(
                ReplyKind::Part,
                format!("{index}:{}", BASE64_STANDARD.encode(data)),
            ),
            Self::Whole { parts, form } => {
                let kind = match form {
                    Form::Repr => ReplyKind::WholeRepr,
                    Form::Bytes => ReplyKind::WholeBytes,
                    Form::ByteArray => ReplyKind::WholeByteArray,
                    Form::Packed(code) => {
                        let code = char::from(*code);
                        return text(ReplyKind::WholePacked, format!("{code}{parts}"));
                    }
                };
                text(kind, parts.to_string())
            }
            Self::Item { index, item } => match item {
                Payload::Repr(data) => (ReplyKind::Item, [format!("{index}:").as_bytes(), data].concat()),
                Payload::Bytes(data) => {
                    let data = BASE64_STANDARD.encode(data);
                    text(ReplyKind::BytesItem, format!("{index}:{data}"))
                }
                Payload::ByteArray(data) => {
                    let data = BASE64_STANDARD.encode(data);
                    text(ReplyKind::ByteArrayItem, format!("{index}:{data}"))
                }
                Payload::Packed(code, data) => {
                    let (code, data) = (char::from(*code), BASE64_STANDARD.encode(data));
                    text(ReplyKind::PackedItem, format!("{index}:{code}{data}"))
                }
            },
            Self::Batch { items, exhausted } => {
                let kind = if *exhausted {
                    ReplyKind::Exhausted
                } else {
                    ReplyKind::Batch
                };
                text(kind, items.to_string())
            }
            Self::Piece(piece) => text(ReplyKind::Piece, piece.encode()),
            Self::Pieces(from) => text(ReplyKind::Pieces, from.to_string()),
            Self::Forgotten => (ReplyKind::Forgotten, Vec::new()),
        }
    }
}

impl FirstWords {
    fn decode(payload: &[u8]) -> Self {
        let text = String::from_utf8_lossy(payload);
        // The platform comes last because it can contain blanks.
        let words: Vec<&str> = text.splitn(5, ' ').collect();
        let number = |at: usize| words.get(at).and_then(|word| word.parse::<i64>().ok());
        let word = |at: usize| words.get(at).copied().unwrap_or_default().to_owned();
        let memory = |at: usize| number(at).and_then(|bytes| u64::try_from(bytes).ok());
        Self {
            free: memory(0),
            boot: memory(1).unwrap_or(0),
            before: memory(2),
            implementation: word(3),
            platform: word(4),
        }
    }

    fn encode(&self) -> String {
        let memory = |bytes: Option<u64>| bytes.map_or_else(|| "-1".to_owned(), |bytes| bytes.to_string());
        format!(
            "{} {} {} {} {}",
            memory(self.free),
            self.boot,
            memory(self.before),
            self.implementation,
            self.platform
        )
    }
}

impl Pong {
    /// Decodes a payload such as `5 4 ` and the discarded characters as base64. The agent for small boards sends the
    /// token alone; then nothing is known to be missing.
    fn decode(payload: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(payload).ok()?;
        let mut words = text.split(' ');
        let token = words.next()?.parse().ok()?;
        Some(Self {
            token,
            before: words.next().and_then(|word| word.parse().ok()).unwrap_or(token),
            odd: { words.next() }
                .and_then(|word| from_base64(word.as_bytes()))
                .unwrap_or_default(),
        })
    }

    fn encode(&self) -> String {
        format!(
            "{} {} {}",
            self.token,
            self.before,
            BASE64_STANDARD.encode(&self.odd)
        )
    }
}

impl Told {
    /// Decodes a payload such as `3 17:'text'`, or `3 17#.` and a packed value as base64.
    fn decode(payload: &[u8]) -> Option<Self> {
        let end = payload.iter().position(|byte| b":#".contains(byte))?;
        let head = std::str::from_utf8(&payload[..end]).ok()?;
        let (token, number) = head.split_once(' ')?;
        let value = match &payload[end..] {
            [b'#', code, data @ ..] => Payload::Packed(*code, from_base64(data)?),
            rest => Payload::Repr(rest.get(1..)?.to_vec()),
        };
        Some(Self {
            token: token.parse().ok()?,
            number: number.parse().ok()?,
            value,
        })
    }

    fn encode(&self) -> Vec<u8> {
        let head = format!("{} {}", self.token, self.number);
        match &self.value {
            Payload::Packed(code, data) => {
                format!("{head}#{}{}", char::from(*code), BASE64_STANDARD.encode(data)).into_bytes()
            }
            Payload::Repr(repr) | Payload::Bytes(repr) | Payload::ByteArray(repr) => {
                [head.as_bytes(), b":", repr].concat()
            }
        }
    }
}

impl Piece {
    /// Decodes a payload such as `0 48 500:` and the bytes as base64.
    fn decode(payload: &[u8]) -> Option<Self> {
        let colon = payload.iter().position(|byte| *byte == b':')?;
        let head = std::str::from_utf8(&payload[..colon]).ok()?;
        let mut numbers = head.split(' ').map(str::parse);
        let mut number = || numbers.next()?.ok();
        Some(Self {
            frame: number()?,
            at: number()?,
            total: number()?,
            text: from_base64(&payload[colon + 1..])?,
        })
    }

    fn encode(&self) -> String {
        let text = BASE64_STANDARD.encode(&self.text);
        format!("{} {} {}:{text}", self.frame, self.at, self.total)
    }
}

fn whole(payload: &[u8], form: Form) -> Reply {
    Reply::Whole {
        parts: count(payload),
        form,
    }
}

fn from_base64(data: &[u8]) -> Option<Vec<u8>> {
    BASE64_STANDARD.decode(data).ok()
}

fn count(payload: &[u8]) -> usize {
    std::str::from_utf8(payload)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(0)
}

/// Splits an index from what follows it.
fn part(payload: &[u8]) -> Option<(usize, &[u8])> {
    let colon = payload.iter().position(|byte| *byte == b':')?;
    let index = std::str::from_utf8(&payload[..colon]).ok()?.parse().ok()?;
    Some((index, &payload[colon + 1..]))
}
