//! How a device is connected.

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
    /// A builder for a device at this address that has the trait.
    pub fn builder<A: Attach>(address: impl TryInto<Address, Error: Into<AddressError>>) -> DeviceBuilder<A> {
        DeviceBuilder::new(address)
    }
}

/// Settings of a device that is to be connected: of a [`Device`], or of a trait that is on one of its own.
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
    /// A builder for a device that is reached in the user's own way.
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

    /// Gives the device a name for messages and logs. It is the address otherwise.
    pub fn name(mut self, name: impl AsRef<str>) -> Self {
        self.name = Some(Arc::from(name.as_ref()));
        self
    }

    /// Sets how long a call may take that has no `timeout_ms` of its own: 10 s unless set.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.link.deadlines.execute = timeout;
        self
    }

    /// Sets the deadlines of all phases, the one that [`timeout`](Self::timeout) sets included.
    pub fn deadlines(mut self, deadlines: Deadlines) -> Self {
        self.link.deadlines = deadlines;
        self
    }

    /// Sets the way that calls take to the board: the resident agent where the board can run it, unless set.
    pub fn call_path(mut self, call_path: CallPath) -> Self {
        self.link.call_path = call_path;
        self
    }

    /// Sets whether and how the board is reset before it is used: not at all, unless set.
    pub fn reset_on_connect(mut self, policy: ResetPolicy) -> Self {
        self.link.reset_on_connect = policy;
        self
    }

    /// Sets how many pieces of output (of at most 4 KiB) wait for a subscriber that does not keep up.
    pub fn output_backlog(mut self, pieces: usize) -> Self {
        self.link.output_backlog = pieces;
        self
    }

    /// Sets how long an answer may be, in bytes, and what [`Device::execute`] gives of what is printed: 16 MiB
    /// unless set, and never less than 64 KiB.
    pub fn answer_limit(mut self, bytes: usize) -> Self {
        self.link.answer_limit = bytes;
        self
    }

    /// Sets what is done when the connection is lost or the board was reset: nothing, unless set.
    pub fn reconnect(mut self, policy: ReconnectPolicy) -> Self {
        self.reconnect = policy;
        self
    }

    /// Sets whether the board is reset when a thread does not stop in time: not, unless set, because a reset
    /// ends all that runs on the board.
    pub fn reset_for_threads(mut self, allowed: bool) -> Self {
        self.reset_for_threads = allowed;
        self
    }

    /// Sets how long [`Device::close`] waits for the threads to stop: 3 s unless set.
    pub fn thread_stop(mut self, deadline: Duration) -> Self {
        self.thread_stop = deadline;
        self
    }

    /// Sets how long each action may take that was registered with
    /// [`TeardownExecutor::register`](crate::TeardownExecutor): 10 s unless set.
    pub fn host_action(mut self, deadline: Duration) -> Self {
        self.host_action = deadline;
        self
    }

    /// Sets the program that compiles the modules of a trait with `mpy = true`: the `mpy-cross` that this machine
    /// finds, unless set.
    pub fn mpy_cross(mut self, program: impl AsRef<Path>) -> Self {
        self.mpy_cross = Arc::from(program.as_ref());
        self
    }

    /// Sets how much room the events may take, in bytes, that wait for a subscriber which does not keep up: 1 MiB unless
    /// set, where each counts as its `repr` and 64 bytes. Those that have no room are
    /// [lost](crate::ErrorKind::EventsLost) to it.
    pub fn event_backlog(mut self, bytes: usize) -> Self {
        self.event_backlog = bytes;
        self
    }

    /// Sets how many events may wait on the board while something else is being sent from the same thread: 64 unless
    /// set; of those told where nothing can be allocated, as in a hard interrupt handler, never more than 1,024. Those
    /// that have no room are [lost](crate::ErrorKind::EventsLost).
    pub fn event_queue(mut self, events: usize) -> Self {
        self.event_queue = events;
        self
    }

    /// Writes what the board prints to this, from the connection to the closing of the device and across reconnections: to
    /// `std::io::stdout()`, say, or a file. It gets the bytes as they come, control characters included; where it does
    /// not keep up for as long as the [backlog](Self::output_backlog) lasts, a note of how many are missing. When it
    /// fails, that is logged, and nothing more is written.
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

    /// Replaces the executors.
    pub fn executors(mut self, factory: impl ExecutorFactory + 'static) -> Self {
        self.executors = Arc::new(factory);
        self
    }

    /// Has this answer bodies that call `input(prompt)`, on a board that can ask the host: with a line, without its end,
    /// or with an error, of which one of the kind [`UnexpectedEof`](std::io::ErrorKind::UnexpectedEof) raises an
    /// `EOFError` in the body, and any other one a `HostError`. It may take as long as it likes: that is not the body's
    /// time. Without one, or on a board that cannot ask, `input` raises an
    /// `EOFError`.
    ///
    /// It is dropped when the call is that waits for it.
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

    /// What [`DeviceBuilder::connect`] does.
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
    /// Connects.
    ///
    /// # Errors
    ///
    /// When the address makes no sense, the port cannot be opened or there is no MicroPython on it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the port.
    pub async fn connect(self) -> Result<Device> {
        self.connect_device().await
    }

    /// Connects, and puts a trait on the device.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect), and when a critical setup fails: the teardowns have run then and the
    /// port is released.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, the device is closed in the background.
    pub async fn attach<A: Attach + NeedsNoHost>(self) -> Result<A> {
        self.connect_and_attach().await
    }
}

impl<A: Attach> DeviceBuilder<A> {
    /// Connects, and puts the trait on the device.
    ///
    /// # Errors
    ///
    /// When the address makes no sense, the port cannot be opened or there is no MicroPython on it, and when a critical
    /// setup fails: the teardowns have run then and the port is released.
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

    /// Gives the trait what implements its host functions. It has to be given before `connect`.
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
    /// Connects, and puts the trait on the device, with its host functions.
    ///
    /// # Errors
    ///
    /// As for a trait without any; and [`ErrorKind::Unsupported`] where the board cannot ask the host.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, the device is closed in the background.
    pub async fn connect(self) -> Result<A> {
        self.connect_and_attach().await
    }
}

/// Whether there is a runtime that everything can run on.
fn in_tokio() -> Result<()> {
    let runtime = tokio::runtime::Handle::try_current();
    runtime.map(drop).map_err(|_| ErrorKind::NoRuntime.into())
}

fn invalid(error: impl Into<TransportError>, name: &Arc<str>) -> Error {
    Error::from(ErrorKind::Transport(error.into()))
        .in_phase(Phase::Open)
        .on_device(name)
}
