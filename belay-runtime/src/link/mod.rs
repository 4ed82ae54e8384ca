//! The task that owns the port: it always drains it, sends requests, matches replies, interrupts and
//! resynchronises.
//!
//! # Words
//!
//! - The *agent* is the program of ours on the board that reads requests and answers them. The *resident* one stays
//!   running and reads lines; the others are called over the raw REPL, where each line is typed as a *source*.
//! - A *body* is a user's function on the board, while it runs.
//! - A request is *queued*, then *flying* (in flight) until it is answered. The one whose turn it is on the board is
//!   the *head*.
//! - A *ping* asks the agent which request it expects next; its answer is the *pong*. A ping without one is a
//!   *barrier*: nothing new is sent behind it.
//! - A *probe* asks whether the board is at a prompt instead of in the agent. It asks for the raw REPL's banner first,
//!   which any program can print, and then for a *mark*, a text that only the prompt can make.
//! - A *question* is one that a body or a thread asks the host. An *event* is told by one of these, unasked.

mod ahead;
mod aside;
mod asked;
mod calls;
mod conversation;
mod ending;
mod events;
mod incoming;
mod interrupting;
mod items;
mod keeping;
mod ladder;
mod line;
mod liveness;
mod options;
mod output;
mod own_words;
mod pieces;
mod pings;
mod port;
mod provide;
mod pump;
mod questions;
mod raw;
mod recover;
mod replies;
mod start;
mod statements;
mod streams;
mod taken;
mod timing;
mod told;
mod unread;
mod wire;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

#[doc(hidden)]
pub use self::asked::{Answerer, Asked, Said};
use self::conversation::{Command, Conversation};
use self::ending::Ending;
use self::events::{EventSender, EventSource};
#[doc(hidden)]
pub use self::keeping::{Came, ObjectStream};
use self::line::Line;
pub(crate) use self::output::OutputHub;
use self::output::{OutputSender, OutputSource};
use self::port::Port;
use self::provide::Provided;
use self::pump::Pump;
#[doc(hidden)]
pub use self::told::{EventQueue, Heard, Moment, Opened, ToldHub};
use self::wire::Wire;
use crate::agent::{self, Flavour, source::Secrets};
use crate::clock::bounded;
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::python::Arguments;
use crate::transport::{Connector, Transport};

pub use crate::agent::Payload;
pub use events::{LinkEvent, LinkEvents};
pub use items::LinkStream;
pub use options::{CallPath, Deadlines, LinkOptions, ResetPolicy};
pub use output::{Output, OutputSubscription};
pub use statements::Statements;

/// A conversation with one board, from opening its port to its end: a close, a reset or a lost port.
///
/// Cheap to clone; all clones are the same conversation. When the last one is dropped, the port is closed.
#[derive(Debug, Clone)]
pub struct Link {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    hello: Hello,
    commands: mpsc::UnboundedSender<Command>,
    events: EventSource,
    output: OutputSource,
    ending: Arc<Ending>,
    ids: AtomicU64,
    /// Libraries that the board has been sent on demand.
    provided: Provided,
    /// Held while source is sent in parts.
    parts: tokio::sync::Mutex<()>,
}

/// A request to the board.
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

/// The board's answer, and what the board printed between the previous answer and this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The answer.
    pub payload: Payload,
    /// What it printed.
    pub printed: Vec<u8>,
}

/// What the board reported about itself in the handshake.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Hello {
    /// How calls reach the board: never [`CallPath::Auto`].
    pub call_path: CallPath,
    /// Identifies the run of the interpreter: it changes when the board is reset and at no other time.
    pub boot: u64,
    /// Whether the agent was on the board already, together with whatever had been deployed.
    pub attached: bool,
    /// Which agent the board has.
    pub flavour: Flavour,
    /// `sys.implementation.name`, such as `micropython`.
    pub implementation: String,
    /// `sys.platform`, such as `rp2`.
    pub platform: String,
    /// Free memory in bytes, before the agent was loaded and after it, if the board reports that.
    pub free_memory: Option<(u64, u64)>,
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
    pub async fn connect(connector: &Connector, options: LinkOptions) -> Result<Self> {
        Self::connect_hearing(<(Arc<ToldHub>, Arc<Asked>)>::default(), connector, options).await
    }

    /// Like [`connect`](Self::connect), for a series of links to the same board. They share the hub that receives its
    /// events and the record of the questions that it has asked.
    #[doc(hidden)]
    pub async fn connect_hearing(
        heard: (Arc<ToldHub>, Arc<Asked>),
        connector: &Connector,
        options: LinkOptions,
    ) -> Result<Self> {
        let hub = OutputHub::new(&options);
        Self::connect_to(hub, heard, connector, options).await
    }

    /// Like [`connect_hearing`](Self::connect_hearing), for a caller that has had earlier links to this board. Output
    /// and events go to the hubs of the earlier links, even while the board is being connected, and questions are
    /// added to those that it has asked before.
    pub(crate) async fn connect_to(
        hub: OutputHub,
        (told, asked): (Arc<ToldHub>, Arc<Asked>),
        connector: &Connector,
        options: LinkOptions,
    ) -> Result<Self> {
        let options = options.within_reason();
        let begun = Instant::now();
        let transport = open_port(connector, begun, options.deadlines.open)
            .await
            .map_err(|error| error.in_phase(Phase::Open))?;
        let secrets = Secrets::new();
        let output = hub.source();
        let sender = OutputSender::new(hub);
        let flow_control = transport.flow_control();
        let flavour = options.call_path.into();
        let mut line = Line::new(flow_control, flavour, secrets, sender, Instant::now());
        let mut port = Port::new(transport);
        let mut wire = Wire {
            line: &mut line,
            port: &mut port,
        };
        let hello = start::start(&mut wire, secrets, &options, begun).await?;
        let (commands, receiver) = mpsc::unbounded_channel();
        let events = EventSender::new();
        let ending = Arc::new(Ending::default());
        let shared = Shared {
            hello,
            commands,
            events: events.source(),
            output,
            ending: Arc::clone(&ending),
            ids: AtomicU64::new(1),
            provided: Provided::default(),
            parts: tokio::sync::Mutex::default(),
        };
        let now = Instant::now();
        let host = (asked, shared.commands.downgrade());
        let conversation = Conversation::new(
            line,
            &shared.hello,
            secrets.seed,
            options,
            (events, told),
            ending,
            host,
            now,
        );
        tokio::spawn(Pump::new(port, receiver, conversation).run());
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Sends a request to the board and returns its answer.
    ///
    /// `deadline` starts when it is the board's turn to handle this request. No time counts while earlier requests
    /// are in flight (closing a dropped stream is one of them), nor while a long request is being transmitted. The
    /// deadline starts anew with each part of an answer that is too long for one frame. When it passes, the board is
    /// interrupted. The interrupt and the return to a known state take [`Deadlines::interrupt`] and
    /// [`Deadlines::resync`] at most; after that the board is given up until the next request.
    ///
    /// # Errors
    ///
    /// The exception that the code raised, or why there is no answer. A request that is made while the board is being
    /// interrupted waits for at least [`Deadlines::interrupt`] before it fails with [`ErrorKind::Unresponsive`]. If
    /// several requests are in flight and one begins to run at the very moment at which the one before it is
    /// interrupted, it fails with [`ErrorKind::Interrupted`], too.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the request: if the board runs it already, the board is interrupted.
    pub async fn request(&self, request: Request, deadline: Duration) -> Result<Payload> {
        let request = self.provide_for(request, deadline).await?;
        Ok(self.ask(request, false, deadline).await?.payload)
    }

    /// Like [`request`](Self::request), and also returns what was printed meanwhile, up to
    /// [`LinkOptions::answer_limit`]: by the request itself and by threads beside it.
    ///
    /// # Errors
    ///
    /// As [`request`](Self::request).
    ///
    /// # Cancel safety
    ///
    /// As [`request`](Self::request).
    pub async fn run(&self, request: Request, deadline: Duration) -> Result<Answer> {
        let request = self.provide_for(request, deadline).await?;
        self.ask(request, true, deadline).await
    }

    async fn ask(&self, request: agent::Request, printed: bool, deadline: Duration) -> Result<Answer> {
        let (id, answer) = self.put(request, printed, deadline)?;
        let mut guard = Guard {
            commands: &self.shared.commands,
            armed: Some(Command::Cancel(id)),
        };
        let result = answer.await;
        guard.armed = None;
        result.unwrap_or_else(|_| Err(self.shared.ending.error()))
    }

    /// Queues a request. Returns its id and where its answer will arrive.
    fn put(
        &self,
        request: agent::Request,
        printed: bool,
        deadline: Duration,
    ) -> Result<(u64, oneshot::Receiver<Result<Answer>>)> {
        let id = self.shared.ids.fetch_add(1, Ordering::Relaxed);
        let (reply, answer) = oneshot::channel();
        self.tell(Command::Request {
            id,
            request,
            printed,
            deadline: bounded(deadline),
            reply,
        })?;
        Ok((id, answer))
    }

    /// Has the board evaluate an expression of the agent's before any later request. Returns at once. The returned
    /// future gives the answer; dropping it does not cancel the expression.
    pub(crate) fn order(
        &self,
        expression: String,
        deadline: Duration,
    ) -> Result<impl Future<Output = Result<Answer>> + Send + use<>> {
        let (_, answer) = self.put(agent::Request::evaluate(expression)?, false, deadline)?;
        let ending = Arc::clone(&self.shared.ending);
        Ok(async move { answer.await.unwrap_or_else(|_| Err(ending.error())) })
    }

    fn tell(&self, command: Command) -> Result<()> {
        match self.shared.commands.send(command) {
            Ok(()) => Ok(()),
            Err(_) => Err(self.shared.ending.error()),
        }
    }

    /// Has the board evaluate a request whose value is iterable, and returns the items as they arrive.
    ///
    /// `deadline` applies to each item. Dropping the stream closes the generator on the board.
    pub fn stream(&self, request: Request, deadline: Duration) -> LinkStream {
        let request = agent::Request::try_from(request);
        self.stream_of(request.map(agent::Request::unprovided), deadline)
    }

    /// Like [`stream`](Self::stream), but first sends the board the libraries that the request needs.
    pub(crate) async fn open(&self, request: Request, deadline: Duration) -> Result<LinkStream> {
        let request = self.provide_for(request, deadline).await?;
        Ok(self.stream_of(Ok(request), deadline))
    }

    fn stream_of(&self, request: Result<agent::Request>, deadline: Duration) -> LinkStream {
        let stream = self.shared.ids.fetch_add(1, Ordering::Relaxed);
        let (items, receiver) = mpsc::unbounded_channel();
        let opened = request.and_then(|request| {
            self.tell(Command::Open {
                stream,
                request,
                deadline: bounded(deadline),
                items,
            })
        });
        LinkStream {
            link: self.clone(),
            stream,
            items: receiver,
            taken: 0,
            bytes: 0,
            failed: opened.err(),
            ended: false,
        }
    }

    /// Events that the board sends unasked, and the end of the link.
    pub fn events(&self) -> LinkEvents {
        self.shared.events.subscribe()
    }

    /// What the board prints from now on.
    pub fn output(&self) -> OutputSubscription {
        self.shared.output.subscribe()
    }

    /// Why the conversation is at its end, if it is and was not closed.
    pub fn end(&self) -> Option<Error> {
        self.shared.ending.cause()
    }

    /// What the board reported in the handshake.
    pub fn hello(&self) -> &Hello {
        &self.shared.hello
    }

    /// Resets the board, which ends the link.
    ///
    /// # Errors
    ///
    /// When the board does not react, or does not answer after the reset: the link has ended then, too. When the port
    /// has no modem lines for [`ResetPolicy::Lines`]: then nothing has changed.
    pub async fn reset(&self, policy: ResetPolicy) -> Result<()> {
        let (done, result) = oneshot::channel();
        self.tell(Command::Reset(policy, done))?;
        result.await.unwrap_or_else(|_| Err(self.shared.ending.error()))
    }

    /// Ends all requests and streams, queued and in flight, with [`ErrorKind::Closed`]. Those in flight are
    /// interrupted; later requests run once the board has stopped.
    pub fn end_all(&self) {
        // A link that has ended has no requests any more.
        let _ = self.tell(Command::EndAll);
    }

    /// Leaves the board at its friendly prompt and closes the port. The agent and all deployed functions stay in the
    /// board's memory. Requests in flight are interrupted.
    ///
    /// # Errors
    ///
    /// When the board did not answer; the port is closed all the same.
    pub async fn close(&self) -> Result<()> {
        let (done, result) = oneshot::channel();
        if self.tell(Command::Close(done)).is_err() {
            return Ok(());
        }
        result.await.unwrap_or(Ok(()))
    }
}

/// Opens the port, within this time from `begun`.
async fn open_port(connector: &Connector, begun: Instant, within: Duration) -> Result<Box<dyn Transport>> {
    let until = begun + within;
    match timeout_at(until, connector.open_before(until)).await {
        Ok(opened) => Ok(opened?),
        Err(_) => Err(Error::from(ErrorKind::Timeout {
            after: within,
            received: Vec::new(),
        })),
    }
}

/// Sends a command when it is dropped, unless it was disarmed: so a caller that stops waiting cancels its request.
struct Guard<'a> {
    commands: &'a mpsc::UnboundedSender<Command>,
    armed: Option<Command>,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if let Some(command) = self.armed.take() {
            // A link that has ended has nothing to cancel.
            let _ = self.commands.send(command);
        }
    }
}

impl TryFrom<Request> for agent::Request {
    type Error = Error;

    fn try_from(request: Request) -> Result<Self> {
        match request {
            Request::Call { function, arguments } => Self::call(function, &arguments),
            Request::Evaluate(expression) => Self::evaluate(expression),
        }
    }
}
