//! The kinds of requests and of replies: one list for each direction.

/// An enum of kinds, each with the character that encodes it on the line.
macro_rules! kinds {
    ($(#[$about:meta])* $name:ident: $($(#[$doc:meta])* $kind:ident = $byte:literal,)*) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum $name {
            $($(#[$doc])* $kind = $byte,)*
        }

        impl $name {
            /// All kinds.
            pub const ALL: &[Self] = &[$(Self::$kind,)*];

            /// The kind that this character encodes.
            pub fn of(byte: u8) -> Option<Self> {
                match byte {
                    $($byte => Some(Self::$kind),)*
                    _ => None,
                }
            }

            /// The character that encodes this kind.
            pub fn byte(self) -> u8 {
                self as u8
            }
        }
    };
}

kinds! {
    /// What the host can ask of the agent. The fields are in [`Request`](super::Request).
    RequestKind:
    /// A call whose arguments are JSON, or, on small boards, an expression.
    Call = b'c',
    /// A call whose arguments are JSON and whose result is to be packed.
    CallFor = b'w',
    /// A call whose arguments are an expression.
    CallWith = b'a',
    /// A call whose arguments are an expression and whose result is to be packed.
    CallWithFor = b'A',
    /// A call whose arguments are JSON, with some of them attached after it.
    CallWithAttached = b'j',
    /// Evaluates an expression.
    Evaluate = b'e',
    /// Opens a stream, and asks for its first items.
    Open = b's',
    /// Opens a stream whose items are to be packed, and asks for the first ones.
    OpenFor = b'S',
    /// Asks for the next items of a stream.
    Next = b'n',
    /// Closes a stream.
    Close = b'x',
    /// The first part of source.
    Source = b'T',
    /// A further part of source.
    MoreSource = b't',
    /// Executes the source that was sent in parts.
    Execute = b'X',
    /// Asks whether the agent is there, and which request number it expects next.
    Ping = b'p',
    /// Ends the agent.
    Quit = b'q',
    /// Asks for an answer to be retransmitted.
    Again = b'R',
    /// Answers a question that the board has asked.
    Answer = b'h',
    /// A request of another kind, whose body is too long for a line and follows it.
    Long = b'l',
}

kinds! {
    /// What the agent can say. The fields are in [`Reply`](super::Reply).
    ReplyKind:
    /// A session has begun, or goes on.
    Hello = b'h',
    /// An unsolicited message from Python code on the board.
    Event = b's',
    /// An event that a body has told.
    Told = b'u',
    /// A body or a thread asks the host a question.
    Question = b'?',
    /// A body has received the answer to its question.
    Heard = b'!',
    /// A line was damaged, or has another number than the expected one.
    Refusal = b'n',
    /// The answer to a ping.
    Pong = b'o',
    /// The agent ends.
    Farewell = b'q',
    /// A piece of a long line has arrived.
    Received = b'r',
    /// A value as its `repr`.
    Value = b'v',
    /// A packed value.
    Packed = b'C',
    /// An exception.
    Raised = b'e',
    /// A `KeyboardInterrupt`.
    Interrupted = b'i',
    /// A part of a value that is sent in several frames.
    Part = b'+',
    /// The end of the parts of a `repr`.
    WholeRepr = b'w',
    /// The end of the parts of `bytes`.
    WholeBytes = b'b',
    /// The end of the parts of a `bytearray`.
    WholeByteArray = b'a',
    /// The end of the parts of a packed value.
    WholePacked = b'W',
    /// An item of a stream as its `repr`.
    Item = b'y',
    /// An item that is `bytes`.
    BytesItem = b'z',
    /// An item that is a `bytearray`.
    ByteArrayItem = b'k',
    /// A packed item.
    PackedItem = b'Y',
    /// The end of a batch; the stream has more items.
    Batch = b'p',
    /// The end of the stream.
    Exhausted = b'd',
    /// A piece of a frame that is retransmitted.
    Piece = b'f',
    /// The end of a retransmission.
    Pieces = b't',
    /// The agent no longer has the answer that was asked for again.
    Forgotten = b'g',
}

impl ReplyKind {
    /// Whether the frame interrupts an answer, which goes on after it.
    pub fn is_in_between(self) -> bool {
        match self {
            Self::Event
            | Self::Told
            | Self::Question
            | Self::Heard
            | Self::Part
            | Self::Item
            | Self::BytesItem
            | Self::ByteArrayItem
            | Self::PackedItem => true,
            Self::Hello
            | Self::Refusal
            | Self::Pong
            | Self::Farewell
            | Self::Received
            | Self::Value
            | Self::Packed
            | Self::Raised
            | Self::Interrupted
            | Self::WholeRepr
            | Self::WholeBytes
            | Self::WholeByteArray
            | Self::WholePacked
            | Self::Batch
            | Self::Exhausted
            | Self::Piece
            | Self::Pieces
            | Self::Forgotten => false,
        }
    }

    /// Whether bodies and threads send it unsolicited, whatever the host is doing.
    pub fn is_unasked(self) -> bool {
        matches!(self, Self::Event | Self::Told | Self::Question)
    }
}
