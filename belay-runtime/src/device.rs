//! A device: one board, with its session and its executors.

use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::builder::DeviceBuilder;
use crate::error::Result;
use crate::executor::{
    ExecutorExt, SetupExecutor, TaskExecutor, TeardownExecutor, ThreadExecutor, ThreadHandle,
};
use crate::method::{DeviceSpec, MethodSpec};
use crate::python::Arguments;
use crate::session::Session;
use crate::signature::{ActionOutput, OutputStream, TaskOutput, ThreadOutput};

/// A board that this program is connected to. Clones are the same device.
#[derive(Debug, Clone)]
pub struct Device {
    inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) session: Session,
    pub(crate) tasks: Arc<dyn TaskExecutor>,
    pub(crate) setups: Arc<dyn SetupExecutor>,
    pub(crate) threads: Arc<dyn ThreadExecutor>,
    pub(crate) teardowns: Arc<dyn TeardownExecutor>,
}

impl Device {
    pub(crate) fn from_inner(inner: Inner) -> Self {
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Connects to the board at this address, with the defaults of [`DeviceBuilder`].
    ///
    /// # Errors
    ///
    /// When the port cannot be opened or there is no MicroPython on it.
    pub async fn connect(address: impl AsRef<str>) -> Result<Self> {
        Self::builder(address).connect().await
    }

    /// A builder for a device at this address.
    pub fn builder(address: impl AsRef<str>) -> DeviceBuilder {
        DeviceBuilder::new(address.as_ref())
    }

    /// The session.
    pub fn session(&self) -> &Session {
        &self.inner.session
    }

    /// The executor of `#[task]` methods.
    pub fn tasks(&self) -> &dyn TaskExecutor {
        &*self.inner.tasks
    }

    /// The executor of `#[setup]` methods.
    pub fn setups(&self) -> &dyn SetupExecutor {
        &*self.inner.setups
    }

    /// The executor of `#[thread]` methods.
    pub fn threads(&self) -> &dyn ThreadExecutor {
        &*self.inner.threads
    }

    /// The executor of `#[teardown]` methods.
    pub fn teardowns(&self) -> &dyn TeardownExecutor {
        &*self.inner.teardowns
    }

    /// Runs statements on the board and gives what they printed.
    ///
    /// # Errors
    ///
    /// As [`Executor::execute`](crate::Executor::execute).
    pub async fn execute(&self, code: &str) -> Result<String> {
        self.tasks().execute(code).await
    }

    /// Evaluates one expression on the board and gives its value.
    ///
    /// # Errors
    ///
    /// As [`ExecutorExt::execute_as`].
    pub async fn execute_as<T: DeserializeOwned>(&self, expression: &str) -> Result<T> {
        self.tasks().execute_as(expression).await
    }

    /// Stops the threads, runs the teardowns and releases the port, all of it within deadlines.
    ///
    /// # Errors
    ///
    /// One error that has all failures, when all has been tried.
    pub async fn close(&self) -> Result<()> {
        self.teardowns().cleanup().await
    }
}

/// A type that `#[belay::device]` generated: a trait on a device.
pub trait Attach: Sized {
    /// The trait as the macro saw it.
    const SPEC: &'static DeviceSpec;

    /// The trait on this device.
    fn from_attached(attached: Attached) -> Self;

    /// The device that it is on.
    fn attached(&self) -> &Attached;
}

/// A device seen through one trait: what the generated methods call.
#[derive(Debug, Clone)]
pub struct Attached {
    device: Device,
    spec: &'static DeviceSpec,
}

impl Attached {
    /// Attaches the trait to the device: makes its namespace on the board, and runs its setups.
    ///
    /// # Errors
    ///
    /// When the trait's name is taken by another one, or when a critical setup fails.
    pub async fn attach<A: Attach>(device: &Device) -> Result<A> {
        device.teardowns().add(A::SPEC);
        device.setups().initialize(A::SPEC).await?;
        Ok(A::from_attached(Self {
            device: device.clone(),
            spec: A::SPEC,
        }))
    }

    /// The device.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Calls a task. `R` is what the signature says it returns.
    ///
    /// # Errors
    ///
    /// As [`TaskExecutor::call`].
    pub async fn task<R: TaskOutput>(&self, method: &'static MethodSpec, arguments: Arguments) -> R {
        R::from_result(self.device.tasks().invoke(method, arguments).await)
    }

    /// Calls a task that is a generator. `R` is what the signature says it yields.
    pub fn stream<R: TaskOutput>(
        &self,
        method: &'static MethodSpec,
        arguments: Arguments,
    ) -> OutputStream<R> {
        OutputStream::new(self.device.tasks().stream(method, arguments))
    }

    /// Starts a thread.
    ///
    /// # Errors
    ///
    /// As [`ThreadExecutor::start`].
    pub async fn thread<R: ThreadOutput<ThreadHandle>>(
        &self,
        method: &'static MethodSpec,
        arguments: Arguments,
    ) -> R {
        R::from_result(self.device.threads().start(method, arguments).await)
    }

    /// Runs a setup.
    ///
    /// # Errors
    ///
    /// As [`SetupExecutor::run`].
    pub async fn setup<R: ActionOutput>(&self, method: &'static MethodSpec, arguments: Arguments) -> R {
        R::from_result(self.device.setups().run(self.spec, method, arguments).await)
    }

    /// Runs a teardown.
    ///
    /// # Errors
    ///
    /// As [`TeardownExecutor::run`].
    pub async fn teardown<R: ActionOutput>(&self, method: &'static MethodSpec, arguments: Arguments) -> R {
        R::from_result(self.device.teardowns().run(self.spec, method, arguments).await)
    }
}
