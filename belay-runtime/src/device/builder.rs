//! The builder that connects a device.

use std::marker::PhantomData;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::{Attach, Attached, Device, Hosted, NeedsNoHost};
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::executor::{DefaultExecutors, ExecutorFactory};
use crate::host::{Host, HostedBy, Input};
use crate::link::{CallPath, Deadlines, LinkOptions, ResetPolicy};
use crate::session::{OutputSink, ReconnectPolicy, Session, Settings};
use crate::transport::{Address, AddressError, Connector, TransportError};

impl Device {
    /// Connects to the board at this address, with the defaults of [`DeviceBuilder`].
    ///
    /// The address is a text, one of the [ports](crate::transport::ports) of this machine, or an [`Address`].
    ///
    /// # Errors
    ///
    /// When the port cannot be opened or there is no MicroPython on it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the port.
    ///
    /// ```no_run
    /// # async fn example() -> belay_runtime::Result<()> {
    /// # use belay_runtime as belay;
    /// use belay::Device;
    ///
    /// let device = Device::connect("/dev/ttyACM0").await?;
    /// println!("{}", device.capabilities());
    /// device.close().await
    /// # }
    /// ```
    pub async fn connect(address: impl TryInto<Address, Error: Into<AddressError>>) -> Result<Self> {
        Self::builder(address).connect().await
    }

    /// A builder for a device at this address.
    pub fn builder(address: impl TryInto<Address, Error: Into<AddressError>>) -> DeviceBuilder {
        DeviceBuilder::new(address)
    }
}

impl Attached {
    /// A builder for a device at this address, to which the trait is attached once it is connected.
    pub fn builder<A: Attach>(address: impl TryInto<Address, Error: Into<AddressError>>) -> DeviceBuilder<A> {
        DeviceBuilder::new(address)
    }
}

/// The settings of a device before it is connected: of a [`Device`], or of a trait on a device of its own.
///
/// ```no_run
/// # async fn example() -> belay_runtime::Result<()> {
/// use std::time::Duration;
///
/// # use belay_runtime as belay;
/// use belay::{Device, ReconnectPolicy};
///
/// let device = Device::builder("/dev/ttyACM0")
///     .name("greenhouse")
///     .timeout(Duration::from_secs(30))
///     .reconnect(ReconnectPolicy::attempts(5))
///     .connect()
///     .await?;
/// # device.close().await
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `connect` is called"]
pub struct DeviceBuilder<T = Device> {
    target: Target,
    name: Option<Arc<str>>,
    link: LinkOptions,
    reconnect: ReconnectPolicy,
    reset_for_threads: bool,
    thread_stop: Duration,
    host_action: Duration,
    mpy_cross: Arc<Path>,
    event_backlog: usize,
    event_queue: usize,
    sink: Option<OutputSink>,
    executors: Arc<dyn ExecutorFactory>,
    input: Option<Input>,
    host: Option<Host>,
    made: PhantomData<fn() -> T>,
}

#[derive(Debug, Clone)]
enum Target {
    Address(std::result::Result<Address, AddressError>),
    Connector(Connector),
}

impl DeviceBuilder {
    /// A builder for a device that is reached through the program's own transport.
    pub fn over(connector: Connector) -> Self {
        Self::with_target(Target::Connector(connector))
    }
}

impl<T> DeviceBuilder<T> {
    pub(crate) fn new(address: impl TryInto<Address, Error: Into<AddressError>>) -> Self {
        Self::with_target(Target::Address(address.try_into().map_err(Into::into)))
    }

    fn with_target(target: Target) -> Self {
        Self {
            target,
            name: None,
            link: LinkOptions::default(),
            reconnect: ReconnectPolicy::default(),
            reset_for_threads: false,
            thread_stop: Duration::from_secs(3),
            host_action: Duration::from_secs(10),
            mpy_cross: Arc::from(Path::new("mpy-cross")),
            event_backlog: 1 << 20,
            event_queue: 64,
            sink: None,
            executors: Arc::new(DefaultExecutors),
            input: None,
            host: None,
            made: PhantomData,
        }
    }

    /// Names the device in messages and logs. Unless set, the name is the address.
    pub fn name(mut self, name: impl AsRef<str>) -> Self {
        self.name = Some(Arc::from(name.as_ref()));
        self
    }

    /// Sets the time-out of calls that have no `timeout_ms` of their own: 10 s unless set.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.link.deadlines.execute = timeout;
        self
    }

    /// Sets the deadlines of all phases, including the one that [`timeout`](Self::timeout) sets.
    pub fn deadlines(mut self, deadlines: Deadlines) -> Self {
        self.link.deadlines = deadlines;
        self
    }

    /// Sets how calls reach the board: through the resident agent where the board can run it, unless set.
    pub fn call_path(mut self, call_path: CallPath) -> Self {
        self.link.call_path = call_path;
        self
    }

    /// Sets whether and how the board is reset when it is connected: not at all, unless set.
    pub fn reset_on_connect(mut self, policy: ResetPolicy) -> Self {
        self.link.reset_on_connect = policy;
        self
    }

    /// Sets how many pieces of output (of at most 4 KiB) are queued for a subscriber that does not keep up.
    pub fn output_backlog(mut self, pieces: usize) -> Self {
        self.link.output_backlog = pieces;
        self
    }

    /// Sets how long an answer may be, in bytes, and how much printed output [`Device::execute`] returns: 16 MiB unless
    /// set, and never less than 64 KiB.
    pub fn answer_limit(mut self, bytes: usize) -> Self {
        self.link.answer_limit = bytes;
        self
    }

    /// Sets what the session does when the connection is lost or the board was reset: nothing, unless set.
    pub fn reconnect(mut self, policy: ReconnectPolicy) -> Self {
        self.reconnect = policy;
        self
    }

    /// Sets whether the board is reset when a thread does not stop in time. It is not, unless set, because a reset ends
    /// everything that runs on the board.
    pub fn reset_for_threads(mut self, allowed: bool) -> Self {
        self.reset_for_threads = allowed;
        self
    }

    /// Sets how long [`Device::close`] waits for the threads to stop: 3 s unless set.
    pub fn thread_stop(mut self, deadline: Duration) -> Self {
        self.thread_stop = deadline;
        self
    }

    /// Sets the time limit of each action that was registered with
    /// [`TeardownExecutor::register`](crate::TeardownExecutor): 10 s unless set.
    pub fn host_action(mut self, deadline: Duration) -> Self {
        self.host_action = deadline;
        self
    }

    /// Sets the program that compiles the modules of a trait with `mpy = true`: unless set, the `mpy-cross` in this
    /// machine's search path.
    pub fn mpy_cross(mut self, program: impl AsRef<Path>) -> Self {
        self.mpy_cross = Arc::from(program.as_ref());
        self
    }

    /// Sets how many bytes of events are queued on the host for a subscriber that does not keep up: 1 MiB unless set.
    /// Each event counts as its `repr` plus 64 bytes. Events that do not fit are [lost](crate::ErrorKind::EventsLost)
    /// to that subscriber.
    pub fn event_backlog(mut self, bytes: usize) -> Self {
        self.event_backlog = bytes;
        self
    }

    /// Sets how many events are queued on the board while the same thread is sending something else: 64 unless set. Of
    /// the events from code that cannot allocate memory, such as a hard interrupt handler, at most 1,024 are queued.
    /// Events that do not fit are [lost](crate::ErrorKind::EventsLost).
    pub fn event_queue(mut self, events: usize) -> Self {
        self.event_queue = events;
        self
    }

    /// Writes what the board prints to this writer, such as `std::io::stdout()` or a file, from the connection to the
    /// closing of the device and across reconnections. The writer gets the bytes as they come, control characters
    /// included. If it falls behind by more than the [backlog](Self::output_backlog), it gets a note of how many bytes
    /// are missing instead. If it fails, the failure is logged and nothing more is written.
    ///
    /// ```no_run
    /// # async fn example() -> belay_runtime::Result<()> {
    /// # use belay_runtime as belay;
    /// use belay::Device;
    ///
    /// let device = Device::builder("auto").output(std::io::stdout()).connect().await?;
    /// device.execute("print('hello')").await?;
    /// # device.close().await
    /// # }
    /// ```
    pub fn output(mut self, sink: impl std::io::Write + Send + 'static) -> Self {
        self.sink = Some(OutputSink::new(sink));
        self
    }

    /// Replaces the executors by those that this factory makes.
    pub fn executors(mut self, factory: impl ExecutorFactory + 'static) -> Self {
        self.executors = Arc::new(factory);
        self
    }

    /// Sets the function that answers when a body calls `input(prompt)`, on a board that can call the host. It returns
    /// the line, without its line end, or an error: one of the kind
    /// [`UnexpectedEof`](std::io::ErrorKind::UnexpectedEof) raises an `EOFError` in the body, any other one a
    /// `HostError`. It has no time limit: the time that it takes does not count as the body's time. Without such a
    /// function, or on a board that cannot call the host, `input` raises an `EOFError`.
    ///
    /// When the call that waits for the answer is dropped, the function's future is dropped, too.
    ///
    /// ```no_run
    /// # async fn example() -> belay_runtime::Result<()> {
    /// # use belay_runtime as belay;
    /// let device = belay::Device::builder("/dev/ttyACM0")
    ///     .input(|prompt| async move { Ok(format!("the answer to {prompt}")) })
    ///     .connect()
    ///     .await?;
    /// device.execute("print(input('name? '))").await?;
    /// # device.close().await
    /// # }
    /// ```
    pub fn input<F>(mut self, answer: impl Fn(String) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = std::io::Result<String>> + Send + 'static,
    {
        self.input = Some(Input::new(answer));
        self
    }

    /// The implementation of [`DeviceBuilder::connect`].
    async fn connect_device(self) -> Result<Device> {
        let (connector, default_name) = match self.target {
            Target::Connector(connector) => {
                let name = Arc::from(connector.name());
                (connector, name)
            }
            Target::Address(Ok(address)) => {
                let name = Arc::from(address.to_string());
                (Connector::from(address), name)
            }
            Target::Address(Err(error)) => {
                let name = Arc::from(error.text());
                return Err(invalid(error, &name));
            }
        };
        in_tokio().map_err(|error| error.on_device(&default_name))?;
        let settings = Settings {
            connector,
            link: self.link,
            reconnect: self.reconnect,
            reset_for_threads: self.reset_for_threads,
            thread_stop: self.thread_stop,
            host_action: self.host_action,
            mpy_cross: self.mpy_cross,
            event_backlog: self.event_backlog,
            event_queue: self.event_queue,
            sink: self.sink,
            input: self.input,
        };
        let session = Session::connect(self.name.unwrap_or(default_name), settings).await?;
        Ok(Device::new(session, &*self.executors))
    }

    async fn connect_and_attach<A: Attach>(mut self) -> Result<A> {
        let host = self.host.take();
        let device = self.connect_device().await?;
        match device.attach_hosted(host).await {
            Ok(attached) => Ok(attached),
            Err(mut error) => {
                if let (Err(closing), Some(teardown)) = (device.close().await, error.teardown_mut()) {
                    teardown.push(closing);
                }
                Err(error)
            }
        }
    }
}

impl DeviceBuilder {
    /// Connects to the board.
    ///
    /// # Errors
    ///
    /// When the address is invalid, the port cannot be opened or there is no MicroPython on it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the port.
    pub async fn connect(self) -> Result<Device> {
        self.connect_device().await
    }

    /// Connects to the board, and attaches a trait to the device.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect), and when a critical setup fails: by then the teardowns have run and the port is
    /// released.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, the device is closed in the background.
    pub async fn attach<A: Attach + NeedsNoHost>(self) -> Result<A> {
        self.connect_and_attach().await
    }
}

impl<A: Attach> DeviceBuilder<A> {
    /// Connects to the board, and attaches the trait to the device.
    ///
    /// # Errors
    ///
    /// When the address is invalid, the port cannot be opened or there is no MicroPython on it, and when a critical
    /// setup fails: by then the teardowns have run and the port is released.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, the device is closed in the background.
    pub async fn connect(self) -> Result<A>
    where
        A: NeedsNoHost,
    {
        self.connect_and_attach().await
    }

    /// Sets the implementation of the trait's host functions. A trait that has host functions cannot be connected
    /// without it.
    pub fn host<H>(self, host: H) -> DeviceBuilder<Hosted<A>>
    where
        A: HostedBy<H>,
    {
        DeviceBuilder {
            target: self.target,
            name: self.name,
            link: self.link,
            reconnect: self.reconnect,
            reset_for_threads: self.reset_for_threads,
            thread_stop: self.thread_stop,
            host_action: self.host_action,
            mpy_cross: self.mpy_cross,
            event_backlog: self.event_backlog,
            event_queue: self.event_queue,
            sink: self.sink,
            executors: self.executors,
            input: self.input,
            host: Some(Host(A::host_functions(host))),
            made: PhantomData,
        }
    }
}

impl<A: Attach> DeviceBuilder<Hosted<A>> {
    /// Connects to the board, and attaches the trait with its host functions to the device.
    ///
    /// # Errors
    ///
    /// As for a trait without host functions; and [`ErrorKind::Unsupported`] where the board cannot call the host.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, the device is closed in the background.
    pub async fn connect(self) -> Result<A> {
        self.connect_and_attach().await
    }
}

/// Fails where there is no tokio runtime, which everything needs.
fn in_tokio() -> Result<()> {
    let runtime = tokio::runtime::Handle::try_current();
    runtime.map(drop).map_err(|_| ErrorKind::NoRuntime.into())
}

fn invalid(error: impl Into<TransportError>, name: &Arc<str>) -> Error {
    Error::from(ErrorKind::Transport(error.into()))
        .in_phase(Phase::Open)
        .on_device(name)
}
