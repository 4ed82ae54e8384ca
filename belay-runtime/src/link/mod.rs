//! The task that owns the port: it always drains it, sends requests, matches replies, interrupts and
//! resynchronises.

mod options;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use tokio::sync::broadcast;

use crate::error::Result;
use crate::python::Arguments;
use crate::transport::Connector;

pub use options::{CallPath, Deadlines, LinkOptions, ResetPolicy};

/// A conversation with one board, from opening its port to its end: a close, a reset or a lost port.
///
/// Cheap to clone; all clones are the same conversation. When the last one is dropped, the port is closed.
#[derive(Debug, Clone)]
pub struct Link {
    hello: Arc<Hello>,
}

/// What is asked of the board.
#[derive(Debug, Clone)]
pub enum Request {
    /// Calls a function that was deployed.
    Call {
        /// The alias that the board gave it when it was deployed, or any name in the agent's globals.
        function: String,
        /// Its arguments.
        arguments: Arguments,
    },
    /// Evaluates one Python expression over the agent's globals: printable ASCII, one line.
    Evaluate(String),
}

/// What the board answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// The value as the board's `repr` writes it, without control characters.
    Repr(Vec<u8>),
    /// The value was a `bytes`, `bytearray` or `memoryview` large enough to be sent as what it is.
    Bytes(Vec<u8>),
}

/// What the board said of itself in the first exchange.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Hello {
    /// The way that calls take: never [`CallPath::Auto`].
    pub call_path: CallPath,
    /// Identifies the run of the interpreter: it changes when the board is reset and at no other time.
    pub boot: u64,
    /// Whether the agent was on the board already, with whatever had been deployed then.
    pub attached: bool,
    /// `sys.implementation.name`, such as `micropython`.
    pub implementation: String,
    /// `sys.platform`, such as `rp2`.
    pub platform: String,
    /// Free memory in bytes before the agent was put on the board and with it there, where the board says.
    pub free_memory: Option<(u64, u64)>,
}

/// Something that happened on the board or on the line, outside of any reply.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinkEvent {
    /// Python on the board said something of its own accord with `S(value)`: the `repr` of that value.
    Board(Arc<[u8]>),
    /// The board was reset; the link is at its end.
    Reset,
    /// The port failed or vanished; the link is at its end.
    Lost,
}

/// What a board prints, as one subscriber gets it.
#[derive(Debug)]
pub struct OutputSubscription {
    receiver: broadcast::Receiver<Arc<[u8]>>,
}

/// One piece of what a board prints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Bytes as they came.
    Bytes(Arc<[u8]>),
    /// So many bytes were thrown away because the subscriber did not keep up.
    Overflow(u64),
}

impl Link {
    /// Opens the port, enters the raw REPL and starts the agent, or finds it running.
    ///
    /// # Errors
    ///
    /// When the port cannot be opened or no MicroPython answers within the deadline.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the port.
    #[expect(clippy::unused_async, reason = "its body is on its way")]
    pub async fn connect(_connector: &Connector, _options: LinkOptions) -> Result<Self> {
        Err(crate::error::ErrorKind::Closed.into())
    }

    /// Has the board do something and gives what it answered; at most `deadline` from when it is sent.
    ///
    /// # Errors
    ///
    /// The exception that the code raised, or why there is no answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the request: the board is interrupted if it runs it already.
    #[expect(clippy::unused_async, reason = "its body is on its way")]
    pub async fn request(&self, _request: Request, _deadline: Duration) -> Result<Payload> {
        Err(crate::error::ErrorKind::Closed.into())
    }

    /// Has the board evaluate a request whose value is iterable, and gives its items as they come.
    ///
    /// `deadline` is for each item. Dropping the stream closes the generator on the board.
    pub fn stream(&self, _request: Request, _deadline: Duration) -> LinkStream {
        LinkStream {}
    }

    /// What the board tells of its own accord, and the end of the link.
    pub fn events(&self) -> broadcast::Receiver<LinkEvent> {
        broadcast::channel(1).1
    }

    /// What the board prints, from now on.
    pub fn output(&self) -> OutputSubscription {
        OutputSubscription {
            receiver: broadcast::channel(1).1,
        }
    }

    /// What the board said in the first exchange.
    pub fn hello(&self) -> &Hello {
        &self.hello
    }

    /// Resets the board, which ends the link.
    ///
    /// # Errors
    ///
    /// When the board does not answer after it.
    #[expect(clippy::unused_async, reason = "its body is on its way")]
    pub async fn reset(&self, _policy: ResetPolicy) -> Result<()> {
        Err(crate::error::ErrorKind::Closed.into())
    }

    /// Leaves the board at its friendly prompt, the agent and what is deployed still in its memory, and closes
    /// the port.
    ///
    /// # Errors
    ///
    /// When the board did not answer; the port is closed all the same.
    #[expect(clippy::unused_async, reason = "its body is on its way")]
    pub async fn close(&self) -> Result<()> {
        Ok(())
    }
}

/// The items of a generator on the board.
#[derive(Debug)]
pub struct LinkStream {}

impl Stream for LinkStream {
    type Item = Result<Payload>;

    fn poll_next(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(None)
    }
}

impl OutputSubscription {
    /// The next piece; nothing when the link is at its end.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Output> {
        self.receiver.recv().await.ok().map(Output::Bytes)
    }
}
