//! The kinds of what is sent: one list for each direction.

/// An enum of kinds, each with the character that stands for it on the line.
macro_rules! kinds {
    ($(#[$about:meta])* $name:ident: $($(#[$doc:meta])* $kind:ident = $byte:literal,)*) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum $name {
            $($(#[$doc])* $kind = $byte,)*
        }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$kind,)*];

            /// The kind that this character stands for.
            pub fn of(byte: u8) -> Option<Self> {
                match byte {
                    $($byte => Some(Self::$kind),)*
                    _ => None,
                }
            }

            /// The character that stands for it.
            pub fn byte(self) -> u8 {
                self as u8
            }
        }
    };
}

kinds! {
    /// What the host may ask of the agent. The fields are in [`Request`](super::Request).
    RequestKind:
    /// A call: as JSON, or, on small boards, as an expression.
    Call = b'c',
    /// A call as JSON, whose result is to be packed.
    CallFor = b'w',
    /// A call with whatever an expression gives.
    CallWith = b'a',
    /// The same, and the result is to be packed.
    CallWithFor = b'A',
    /// A call as JSON, behind which some of the arguments follow.
    CallWithAttached = b'j',
    /// An expression.
    Evaluate = b'e',
    /// A stream begins, with its first items.
    Open = b's',
    /// The same, and its items are to be packed.
    OpenFor = b'S',
    /// The next items of a stream.
    Next = b'n',
    /// A stream is closed.
    Close = b'x',
    /// The first part of source.
    Source = b'T',
    /// A further part of source.
    MoreSource = b't',
    /// What has come in parts is executed.
    Execute = b'X',
    /// Whether the agent is there, and what it expects next.
    Ping = b'p',
    /// The agent is to end.
    Quit = b'q',
    /// An answer once more.
    Again = b'R',
    /// The answer to a question of the board's.
    Answer = b'h',
    /// A request of another kind, which follows as it is too long for a line.
    Long = b'l',
}

kinds! {
    /// What the agent may say. The fields are in [`Reply`](super::Reply).
    ReplyKind:
    /// A session has begun, or goes on.
    Hello = b'h',
    /// Python on the board says something of its own accord.
    Event = b's',
    /// A body tells an event.
    Told = b'u',
    /// A body or a thread asks the host something.
    Question = b'?',
    /// A body has got the answer to its question.
    Heard = b'!',
    /// A line was damaged, or not the one that is expected.
    Refusal = b'n',
    /// The answer to a ping.
    Pong = b'o',
    /// The agent ends.
    Farewell = b'q',
    /// A piece of something long has been taken.
    Received = b'r',
    /// A value as its `repr`.
    Value = b'v',
    /// A value that was packed.
    Packed = b'C',
    /// An exception.
    Raised = b'e',
    /// A `KeyboardInterrupt`.
    Interrupted = b'i',
    /// A part of a value.
    Part = b'+',
    /// The end of the parts of a `repr`.
    WholeRepr = b'w',
    /// The end of the parts of `bytes`.
    WholeBytes = b'b',
    /// The end of the parts of a `bytearray`.
    WholeByteArray = b'a',
    /// The end of the parts of what was packed.
    WholePacked = b'W',
    /// An item of a stream as its `repr`.
    Item = b'y',
    /// An item that is `bytes`.
    BytesItem = b'z',
    /// An item that is a `bytearray`.
    ByteArrayItem = b'k',
    /// An item that was packed.
    PackedItem = b'Y',
    /// No more items for now.
    Batch = b'p',
    /// No more items.
    Exhausted = b'd',
    /// A piece of a frame that was asked for again.
    Piece = b'f',
    /// The end of what was asked for again.
    Pieces = b't',
    /// Nothing is known of what was asked for again.
    Forgotten = b'g',
}

impl ReplyKind {
    /// Whether it comes in the middle of something, which goes on behind it.
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

    /// Whether bodies and threads say it of their own accord, whatever the host is at.
    pub fn is_unasked(self) -> bool {
        matches!(self, Self::Event | Self::Told | Self::Question)
    }
}
