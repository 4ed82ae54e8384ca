//! The task that owns the port: it always drains it, sends requests, matches replies, interrupts and
//! resynchronises.

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
use self::line::Line;
pub(crate) use self::output::OutputHub;
use self::output::{OutputSender, OutputSource};
use self::port::Port;
use self::provide::Provided;
use self::pump::Pump;
#[doc(hidden)]
pub use self::told::{EventQueue, Heard, ToldHub};
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
    /// What the board has been sent besides.
    provided: Provided,
    /// Held while source is sent in parts.
    parts: tokio::sync::Mutex<()>,
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

/// What the board answered, with what it printed before that and since the answer before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What it answered.
    pub payload: Payload,
    /// What it printed.
    pub printed: Vec<u8>,
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
    /// Which agent the board has.
    pub flavour: Flavour,
    /// `sys.implementation.name`, such as `micropython`.
    pub implementation: String,
    /// `sys.platform`, such as `rp2`.
    pub platform: String,
    /// Free memory in bytes before the agent was put on the board and with it there, where the board says.
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

    /// The same, for one of several links to a board, one after the other, that share where its events go and what it
    /// has asked.
    #[doc(hidden)]
    pub async fn connect_hearing(
        heard: (Arc<ToldHub>, Arc<Asked>),
        connector: &Connector,
        options: LinkOptions,
    ) -> Result<Self> {
        let hub = OutputHub::new(&options);
        Self::connect_to(hub, heard, connector, options).await
    }

    /// The same, for somebody who has had earlier links to the board: what it prints and what events it sends go where
    /// those of the earlier links went, from before it is connected on, and what it asks is added to what it has asked
    /// before.
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

    /// Has the board do something and gives what it answered.
    ///
    /// `deadline` counts from when it is the board's turn to do it: so not while earlier requests are under way, the
    /// end of a stream that was dropped being one, nor while a long request is on its way and the board takes it; and
    /// anew with each part of an answer that is too long for one. When it has passed, the board is interrupted.
    /// That and coming back to a known state end after [`Deadlines::interrupt`] and [`Deadlines::resync`] at the
    /// latest, with the board given up until the next request.
    ///
    /// # Errors
    ///
    /// The exception that the code raised, or why there is no answer. A request that is made while the board is being
    /// interrupted waits for [`Deadlines::interrupt`] at least before it fails with [`ErrorKind::Unresponsive`]. Of
    /// several requests at the same time, one that begins to run in the very moment in which the one before it is
    /// interrupted fails with [`ErrorKind::Interrupted`], too.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the request: the board is interrupted if it runs it already.
    pub async fn request(&self, request: Request, deadline: Duration) -> Result<Payload> {
        let request = self.provide_for(request, deadline).await?;
        Ok(self.ask(request, false, deadline).await?.payload)
    }

    /// As [`request`](Self::request), and gives what was printed meanwhile, up to [`LinkOptions::answer_limit`]:
    /// what the request printed, and what threads did beside it.
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

    /// Puts a request behind those that were put there before.
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

    /// Has the board evaluate an expression of the agent's own before whatever it is asked from now on. That comes back
    /// at once; what is returned gives the answer, and dropping it changes nothing.
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

    /// Has the board evaluate a request whose value is iterable, and gives its items as they come.
    ///
    /// `deadline` is for each item. Dropping the stream closes the generator on the board.
    pub fn stream(&self, request: Request, deadline: Duration) -> LinkStream {
        let request = agent::Request::try_from(request);
        self.stream_of(request.map(agent::Request::unprovided), deadline)
    }

    /// The same, after the board has been sent what it needs for it.
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

    /// What the board tells of its own accord, and the end of the link.
    pub fn events(&self) -> LinkEvents {
        self.shared.events.subscribe()
    }

    /// What the board prints, from now on.
    pub fn output(&self) -> OutputSubscription {
        self.shared.output.subscribe()
    }

    /// Why the conversation is at its end, if it is and was not closed.
    pub(crate) fn end(&self) -> Option<Error> {
        self.shared.ending.cause()
    }

    /// What the board said in the first exchange.
    pub fn hello(&self) -> &Hello {
        &self.shared.hello
    }

    /// Resets the board, which ends the link.
    ///
    /// # Errors
    ///
    /// When the board does not react, or not answer after it, which ends the link as well; and when the port has no
    /// modem lines to do it with, which changes nothing.
    pub async fn reset(&self, policy: ResetPolicy) -> Result<()> {
        let (done, result) = oneshot::channel();
        self.tell(Command::Reset(policy, done))?;
        result.await.unwrap_or_else(|_| Err(self.shared.ending.error()))
    }

    /// Ends all requests and streams with [`ErrorKind::Closed`], those that wait as well as those in flight, which
    /// are interrupted. What is requested after this runs once the board has stopped what it ran.
    pub fn end_all(&self) {
        // A link that is at its end has ended them.
        let _ = self.tell(Command::EndAll);
    }

    /// Leaves the board at its friendly prompt, the agent and what is deployed still in its memory, and closes
    /// the port. What is under way is interrupted.
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

/// Opens the port, which may take so long from when that was begun.
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

/// Tells the task that nobody waits any more, unless it is disarmed.
struct Guard<'a> {
    commands: &'a mpsc::UnboundedSender<Command>,
    armed: Option<Command>,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if let Some(command) = self.armed.take() {
            // A link that is at its end has nothing to cancel.
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
