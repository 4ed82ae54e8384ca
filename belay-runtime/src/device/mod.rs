//! A device: one board, with its session and its executors.

mod builder;
#[cfg(feature = "mount")]
mod mounting;
mod mpy_cross;
mod printed;
mod stored;

use std::sync::Arc;

use futures_util::FutureExt as _;
use serde::de::DeserializeOwned;
use tokio::task::unconstrained;
use tracing::Instrument;

use self::printed::Printed;
use crate::boxed::{BoxFuture, BoxStream};
use crate::error::{Error, ErrorKind, Phase, Result, ThreadError};
use crate::executor::{
    ExecutorExt, ExecutorFactory, SetupExecutor, TaskExecutor, TeardownExecutor, ThreadExecutor, ThreadHandle,
};
use crate::files::Files;
use crate::host::{Host, HostedBy};
#[cfg(doc)]
use crate::link::Deadlines;
use crate::link::ResetPolicy;
use crate::python::{self, Arguments};
use crate::session::{Capabilities, Clock, OutputStream, Session};

use crate::signature::{ActionOutput, EventsOf, ItemStream, TaskOutput, ThreadOutput};
use crate::spec::{DeviceSpec, MethodSpec};

pub use builder::DeviceBuilder;

/// A board that this program is connected to.
///
/// Clones are the same device, and may be used from many tasks at once. When the last one is dropped without
/// [`close`](Device::close), the device is closed in the background, as far as the runtime still runs.
#[derive(Debug, Clone)]
pub struct Device {
    guard: Arc<Guard>,
}

/// Closes the device when nobody has it any more.
#[derive(Debug)]
struct Guard {
    parts: Arc<Parts>,
}

#[derive(Debug)]
struct Parts {
    session: Session,
    tasks: Arc<dyn TaskExecutor>,
    setups: Arc<dyn SetupExecutor>,
    threads: Arc<dyn ThreadExecutor>,
    teardowns: Arc<dyn TeardownExecutor>,
    /// Whether the device is closed; held while it is being closed.
    closed: tokio::sync::Mutex<bool>,
}

impl Device {
    pub(crate) fn new(session: Session, executors: &dyn ExecutorFactory) -> Self {
        let parts = Parts {
            tasks: executors.tasks(&session),
            setups: executors.setups(&session),
            threads: executors.threads(&session),
            teardowns: executors.teardowns(&session),
            session,
            closed: tokio::sync::Mutex::new(false),
        };
        let parts = Arc::new(parts);
        Self {
            guard: Arc::new(Guard { parts }),
        }
    }

    fn parts(&self) -> &Parts {
        &self.guard.parts
    }

    /// Puts a trait on the device: takes its namespace on the board, brings its modules there, and runs its setups.
    /// Several traits may be on one device. A trait that is on it already is not set up again.
    ///
    /// # Errors
    ///
    /// When another trait has the same namespace or brings another module of the same name, or when the board has no
    /// room for its modules or a critical setup fails; the trait's teardowns have run then.
    pub async fn attach<A: Attach + NeedsNoHost>(&self) -> Result<A> {
        self.attach_hosted(None).await
    }

    /// As [`attach`](Self::attach), for a trait that has host functions, which this implements. Where the trait is on the
    /// device already, this takes the place of what was given before.
    ///
    /// # Errors
    ///
    /// As [`attach`](Self::attach); and [`ErrorKind::Unsupported`] where the board cannot ask the host.
    pub async fn attach_with<A: Attach + HostedBy<H>, H>(&self, host: H) -> Result<A> {
        self.attach_hosted(Some(Host(A::host_functions(host)))).await
    }

    async fn attach_hosted<A: Attach>(&self, host: Option<Host>) -> Result<A> {
        let Parts {
            session,
            setups,
            teardowns,
            ..
        } = self.parts();
        session.attach(A::SPEC)?;
        teardowns.add(A::SPEC);
        let span = tracing::info_span!(
            "belay.initialize",
            device = session.name(),
            r#trait = A::SPEC.name
        );
        let initialize = async {
            match A::SPEC.modules_to {
                // Few traits have some, and their future would be part of that of every connection.
                Some(folder) => Box::pin(self.put_modules(A::SPEC, folder)).await?,
                None => Box::pin(session.bring(A::SPEC)).await?,
            }
            Box::pin(session.claim_events(A::SPEC)).await?;
            Box::pin(session.host(A::SPEC, host)).await?;
            setups.initialize(A::SPEC).await
        };
        if let Err(cause) = initialize.instrument(span).await {
            let teardown = failures(teardowns.undo(A::SPEC).await);
            setups.forget(A::SPEC);
            session.detach(A::SPEC);
            let cause = Box::new(cause);
            return Err(session.error(ErrorKind::Setup { cause, teardown }));
        }
        Ok(A::from_attached(Attached {
            device: self.clone(),
            spec: A::SPEC,
        }))
    }

    /// The session.
    pub fn session(&self) -> &Session {
        &self.parts().session
    }

    /// What the board can do.
    pub fn capabilities(&self) -> Arc<Capabilities> {
        self.session().capabilities()
    }

    /// What the board prints, from now on.
    pub fn output(&self) -> OutputStream {
        self.session().output()
    }

    /// Makes a call, or several, and gives what it gave with what was printed meanwhile: by the call, which may have failed,
    /// and by threads beside it. It is cut off as what [`execute`](Self::execute) gives is.
    ///
    /// # Cancel safety
    ///
    /// That of the call.
    ///
    /// ```no_run
    /// # async fn example(device: belay_runtime::Device) -> belay_runtime::Result<()> {
    /// let (value, printed) = device.with_output(device.execute_as::<u32>("print('hello') or 7")).await;
    /// assert_eq!((value?, printed.trim()), (7, "hello"));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn with_output<T>(&self, call: impl Future<Output = T>) -> (T, String) {
        let mut output = self.output();
        let mut printed = Printed::new(self.session().settings().link.answer_limit);
        let mut call = std::pin::pin!(call);
        let value = loop {
            tokio::select! {
                biased;
                Some(piece) = output.next() => printed.push(&piece),
                value = &mut call => break value,
            }
        };
        // What was printed before an answer is handed out before it. What is there is taken, however much that is.
        while let Some(Some(piece)) = unconstrained(output.next()).now_or_never() {
            printed.push(&piece);
        }
        (value, printed.text())
    }

    /// The board's files.
    ///
    /// Nothing is written to a board's flash unless a program asks for it here.
    pub fn files(&self) -> Files {
        Files::new(self.session())
    }

    /// The board's clock, beside that of this machine. What this costs, it costs when it is used.
    pub fn clock(&self) -> Clock {
        Clock::new(self.session())
    }

    /// The executor of `#[task]` methods.
    pub fn tasks(&self) -> &dyn TaskExecutor {
        &*self.parts().tasks
    }

    /// The executor of `#[setup]` methods.
    pub fn setups(&self) -> &dyn SetupExecutor {
        &*self.parts().setups
    }

    /// The executor of `#[thread]` methods.
    pub fn threads(&self) -> &dyn ThreadExecutor {
        &*self.parts().threads
    }

    /// The executor of `#[teardown]` methods.
    pub fn teardowns(&self) -> &dyn TeardownExecutor {
        &*self.parts().teardowns
    }

    /// Runs statements on the board and gives what was printed meanwhile.
    ///
    /// # Errors
    ///
    /// As [`Executor::execute`](crate::Executor::execute).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future interrupts the board; the device stays usable.
    ///
    /// ```no_run
    /// # async fn example(device: belay_runtime::Device) -> belay_runtime::Result<()> {
    /// assert_eq!(device.execute("x = 20\nprint(x + 1)").await?.trim(), "21");
    /// assert_eq!(device.execute_as::<u32>("x + 2").await?, 22);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn execute(&self, code: &str) -> Result<String> {
        self.tasks().execute(code).await
    }

    /// Evaluates one expression on the board and gives its value, or a [`Remote`](crate::Remote) of it.
    ///
    /// # Errors
    ///
    /// As [`ExecutorExt::execute_as`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future interrupts the board; the device stays usable.
    pub async fn execute_as<T: DeserializeOwned>(&self, expression: &str) -> Result<T> {
        // It is larger than what callers should have to make room for.
        Box::pin(self.tasks().execute_as(expression)).await
    }

    /// Resets the board, connects again and runs again the setups that had run. It works after a lost
    /// connection, too. What runs is interrupted and cleans up first, for half of [`Deadlines::interrupt`] at most.
    ///
    /// # Errors
    ///
    /// When the board cannot be brought to reset itself, which [`ErrorKind::Unresponsive`] is about; when it does not
    /// answer after it, or when a setup fails.
    ///
    /// # Cancel safety
    ///
    /// Once begun it is done to its end, whether the future is dropped or not.
    pub async fn reset(&self) -> Result<()> {
        self.reset_with(ResetPolicy::Soft).await
    }

    /// As [`reset`](Device::reset), in this way.
    ///
    /// # Errors
    ///
    /// As [`reset`](Device::reset).
    ///
    /// # Cancel safety
    ///
    /// As [`reset`](Device::reset).
    pub async fn reset_with(&self, policy: ResetPolicy) -> Result<()> {
        self.session().reset(policy).await
    }

    /// Ends all calls and streams with [`ErrorKind::Closed`], those that wait as well as what is under way, which is
    /// interrupted; then stops the threads, runs the teardowns and releases the port. Later calls do nothing.
    ///
    /// How long that takes at most: [`Deadlines::interrupt`] and [`Deadlines::resync`] for what is under way, and
    /// once more as much for each deadline that passes in what follows; the
    /// [deadline of the threads](DeviceBuilder::thread_stop), with [`Deadlines::reset`] and [`Deadlines::open`] where
    /// [the board is reset for them](DeviceBuilder::reset_for_threads); the time-out of each teardown;
    /// [that of each action](DeviceBuilder::host_action); and twice [`Deadlines::close`].
    ///
    /// # Errors
    ///
    /// One error that has all failures, when all has been tried; [`ErrorKind::RuntimeGone`] when the runtime that
    /// the device was connected in has ended, and the port was released with it.
    ///
    /// # Cancel safety
    ///
    /// Once begun it is done to its end, whether the future is dropped or not.
    pub async fn close(&self) -> Result<()> {
        let parts = Arc::clone(&self.guard.parts);
        let closing = self.session().runtime().spawn(async move { parts.close().await });
        if let Ok(closed) = closing.await {
            return closed;
        }
        // What is on the host can still be cleaned up.
        self.parts().close().await?;
        Err(self.session().error(ErrorKind::RuntimeGone))
    }
}

impl Parts {
    async fn close(&self) -> Result<()> {
        let mut closed = self.closed.lock().await;
        if *closed {
            return Ok(());
        }
        *closed = true;
        let span = tracing::info_span!("belay.close", device = self.session.name());
        self.close_now().instrument(span).await
    }

    async fn close_now(&self) -> Result<()> {
        let mut failed = Vec::new();
        self.session.end_calls();
        if self.session.state().is_connected() {
            failed.extend(failures(self.stop_threads().await));
        }
        failed.extend(failures(self.teardowns.cleanup().await));
        let unclean = !failed.is_empty();
        let released = self
            .session
            .close()
            .await
            .map_err(|error| error.in_phase(Phase::Close));
        failed.extend(failures(released));
        match (failed.len(), unclean) {
            (0, _) => Ok(()),
            // Nothing of the user's failed, and the error says by itself what did.
            (1, false) => Err(failed.remove(0).on_device(self.session.device())),
            _ => Err(self.session.error(ErrorKind::Teardown(failed))),
        }
    }
}

impl Parts {
    async fn stop_threads(&self) -> Result<()> {
        let deadlines = self.session.settings().link.deadlines;
        let stop = self.session.settings().thread_stop;
        let mut within = stop
            .saturating_add(deadlines.interrupt)
            .saturating_add(deadlines.resync);
        if self.session.settings().reset_for_threads {
            within = within
                .saturating_add(deadlines.reset)
                .saturating_add(deadlines.open);
        }
        let stopping = self.threads.stop_all(stop);
        let stopped = tokio::time::timeout(within, stopping).await;
        let names = Vec::new();
        stopped.unwrap_or_else(|_| Err(self.session.error(ThreadError::StillRunning { names, within })))
    }
}

/// What failed, one by one.
fn failures(result: Result<()>) -> Vec<Error> {
    match result {
        Ok(()) => Vec::new(),
        Err(error) if matches!(error.kind(), ErrorKind::Teardown(_)) => match error.into_kind() {
            ErrorKind::Teardown(failures) => failures,
            _ => Vec::new(),
        },
        Err(error) => vec![error],
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let parts = Arc::clone(&self.parts);
        self.parts.session.runtime().spawn(async move {
            if let Err(error) = parts.close().await {
                tracing::warn!(device = parts.session.name(), %error, "a device that was dropped could not be closed");
            }
        });
    }
}

/// A type that `#[belay::device]` generated: a trait on a device.
pub trait Attach: Sized {
    /// The trait as the macro saw it.
    const SPEC: &'static DeviceSpec;

    /// The trait on this device.
    fn from_attached(attached: Attached) -> Self;

    /// The device, seen through this trait.
    fn attached(&self) -> &Attached;
}

/// A trait that has no host functions, so that nothing has to be given to connect to it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has host functions, and there is nothing that implements them",
    label = "what implements the `#[host]` methods has to be given first",
    note = "with a builder: `{Self}::builder(address).host(my_functions).connect()`",
    note = "on a device that is connected already: `{Self}::attach(&device, my_functions)`"
)]
pub trait NeedsNoHost {}

/// What a [builder](DeviceBuilder::host) makes whose trait has been given its host functions.
#[derive(Debug)]
pub struct Hosted<A>(std::marker::PhantomData<A>);

/// A device seen through one trait: what the generated methods call.
///
/// What they return is boxed, so that its type says nothing of the bound on `R`: the compiler would report a wrong
/// signature a second time otherwise.
#[derive(Debug, Clone)]
pub struct Attached {
    device: Device,
    spec: &'static DeviceSpec,
}

impl Attached {
    /// Puts the trait on a device that is connected already.
    ///
    /// # Errors
    ///
    /// As [`Device::attach`].
    pub async fn attach<A: Attach + NeedsNoHost>(device: &Device) -> Result<A> {
        device.attach().await
    }

    /// Puts a trait that has host functions on a device that is connected already.
    ///
    /// # Errors
    ///
    /// As [`Device::attach_with`].
    pub async fn attach_with<A: Attach + HostedBy<H>, H>(device: &Device, host: H) -> Result<A> {
        device.attach_with(host).await
    }

    /// The device.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Runs statements in the trait's namespace and gives what they printed.
    ///
    /// # Errors
    ///
    /// As [`Executor::execute`](crate::Executor::execute).
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub async fn execute(&self, code: &str) -> Result<String> {
        self.device.tasks().execute_in(self.spec.namespace, code).await
    }

    /// Evaluates one expression in the trait's namespace and gives its value, or a [`Remote`](crate::Remote) of it.
    ///
    /// # Errors
    ///
    /// As [`ExecutorExt::execute_as`].
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub async fn execute_as<T: DeserializeOwned>(&self, expression: &str) -> Result<T> {
        let namespace = self.spec.namespace;
        if python::has_handles::<T>() {
            let session = self.device.session();
            return Box::pin(session.evaluate_as(namespace, expression)).await;
        }
        let tasks = self.device.tasks();
        tasks.evaluate_in(namespace, expression).await?.to()
    }

    /// Closes the device, with all traits that are on it.
    ///
    /// # Errors
    ///
    /// As [`Device::close`].
    ///
    /// # Cancel safety
    ///
    /// As [`Device::close`].
    pub async fn close(self) -> Result<()> {
        self.device.close().await
    }

    /// Calls a task. `R` is what the signature says it returns.
    ///
    /// # Errors
    ///
    /// As [`TaskExecutor::call`].
    pub fn task<R: TaskOutput + 'static>(
        &self,
        method: &'static MethodSpec,
        arguments: Arguments,
    ) -> BoxFuture<'static, R> {
        let device = self.device.clone();
        Box::pin(async move { R::from_result(device.tasks().invoke(method, arguments).await) })
    }

    /// Calls a task that is a generator. `R` is what the signature says it yields.
    ///
    /// # Errors
    ///
    /// As [`TaskExecutor::call`].
    pub fn stream<R: TaskOutput + 'static>(
        &self,
        method: &'static MethodSpec,
        arguments: Arguments,
    ) -> BoxStream<R> {
        Box::pin(ItemStream::new(self.device.tasks().stream(method, arguments)))
    }

    /// Listens to an event from now on. `R` is what the signature says of each.
    pub fn event<R: TaskOutput + 'static>(&self, method: &'static MethodSpec) -> BoxStream<R> {
        Box::pin(EventsOf::new(self.device.session().listen(method)))
    }

    /// Starts a thread.
    ///
    /// # Errors
    ///
    /// As [`ThreadExecutor::start`].
    pub fn thread<R: ThreadOutput<ThreadHandle> + 'static>(
        &self,
        method: &'static MethodSpec,
        arguments: Arguments,
    ) -> BoxFuture<'static, R> {
        let device = self.device.clone();
        Box::pin(async move { R::from_result(device.threads().start(method, arguments).await) })
    }

    /// Runs a setup.
    ///
    /// # Errors
    ///
    /// As [`SetupExecutor::run`].
    pub fn setup<R: ActionOutput + 'static>(
        &self,
        method: &'static MethodSpec,
        arguments: Arguments,
    ) -> BoxFuture<'static, R> {
        let Self { device, spec } = self.clone();
        Box::pin(async move { R::from_result(device.setups().run(spec, method, arguments).await) })
    }

    /// Runs a teardown.
    ///
    /// # Errors
    ///
    /// As [`TeardownExecutor::run`].
    pub fn teardown<R: ActionOutput + 'static>(
        &self,
        method: &'static MethodSpec,
        arguments: Arguments,
    ) -> BoxFuture<'static, R> {
        let Self { device, spec } = self.clone();
        Box::pin(async move { R::from_result(device.teardowns().run(spec, method, arguments).await) })
    }
}
