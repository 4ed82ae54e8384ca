//! A trait attached to a device: how it is attached, and what its generated methods call.

use serde::de::DeserializeOwned;
use tracing::Instrument as _;

use super::{Device, Parts, failures};
use crate::boxed::{BoxFuture, BoxStream};
use crate::error::{ErrorKind, Result};
use crate::executor::ThreadHandle;
#[cfg(doc)]
use crate::executor::{ExecutorExt, SetupExecutor, TaskExecutor, TeardownExecutor, ThreadExecutor};
use crate::host::{Host, HostedBy};
use crate::python::{self, Arguments};
use crate::signature::{ActionOutput, EventsOf, ItemStream, TaskOutput, ThreadOutput};
use crate::spec::{DeviceSpec, MethodSpec};

/// A type that `#[belay::device]` generated: a device seen through one trait.
pub trait Attach: Sized {
    /// The macro's description of the trait.
    const SPEC: &'static DeviceSpec;

    /// Wraps the device on which the trait was attached.
    fn from_attached(attached: Attached) -> Self;

    /// The device, seen through this trait.
    fn attached(&self) -> &Attached;
}

/// A trait without host functions, which can be connected without passing an implementation of them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has host functions, and there is nothing that implements them",
    label = "what implements the `#[host]` methods has to be given first",
    note = "with a builder: `{Self}::builder(address).host(my_functions).connect()`",
    note = "on a device that is connected already: `{Self}::attach(&device, my_functions)`"
)]
pub trait NeedsNoHost {}

/// The target type of a [builder](crate::DeviceBuilder::host) that has been given the trait's host functions.
#[derive(Debug)]
pub struct Hosted<A>(std::marker::PhantomData<A>);

/// A device seen through one trait: what the generated methods call.
///
/// The futures and streams that they return are boxed, so that their type does not carry the bound on `R`: otherwise
/// the compiler would report a wrong signature a second time.
#[derive(Debug, Clone)]
pub struct Attached {
    device: Device,
    spec: &'static DeviceSpec,
}

impl Attached {
    /// Attaches the trait to a device that is connected already.
    ///
    /// # Errors
    ///
    /// As [`Device::attach`].
    pub async fn attach<A: Attach + NeedsNoHost>(device: &Device) -> Result<A> {
        device.attach().await
    }

    /// Attaches a trait that has host functions to a device that is connected already.
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

    /// Runs statements in the trait's namespace and returns what they printed.
    ///
    /// # Errors
    ///
    /// As [`Executor::execute`](crate::Executor::execute).
    ///
    /// # Cancel safety
    ///
    /// As [`Executor::execute`](crate::Executor::execute).
    pub async fn execute(&self, code: &str) -> Result<String> {
        self.device.tasks().execute_in(self.spec.namespace, code).await
    }

    /// Evaluates one expression in the trait's namespace and returns its value, or a [`Remote`](crate::Remote) handle
    /// of it.
    ///
    /// # Errors
    ///
    /// As [`ExecutorExt::execute_as`].
    ///
    /// # Cancel safety
    ///
    /// As [`ExecutorExt::execute_as`].
    pub async fn execute_as<T: DeserializeOwned>(&self, expression: &str) -> Result<T> {
        let namespace = self.spec.namespace;
        if python::has_handles::<T>() {
            let session = self.device.session();
            return Box::pin(session.evaluate_as(namespace, expression)).await;
        }
        let tasks = self.device.tasks();
        tasks.evaluate_in(namespace, expression).await?.to()
    }

    /// Closes the device, with all traits that are attached to it.
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

    /// Calls a task. `R` is the method's return type.
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

    /// Calls a task that is a generator. `R` is the item type of the method's stream.
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

    /// Subscribes to an event from now on. `R` is the item type of the method's stream.
    pub fn event<R: TaskOutput + 'static>(&self, method: &'static MethodSpec) -> BoxStream<R> {
        Box::pin(EventsOf::new(
            self.device.session().listen_for::<R::Value>(method),
        ))
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

impl Device {
    /// Attaches a trait to the device: reserves its namespace on the board, installs its modules there, and runs its
    /// setups. A device can have several traits. The setups of a trait that is attached already are not run again.
    ///
    /// # Errors
    ///
    /// When another trait has the same namespace or brings a different module of the same name, when the board has no
    /// room for the trait's modules, or when a critical setup fails. The trait's teardowns have run by the time the
    /// error is returned.
    pub async fn attach<A: Attach + NeedsNoHost>(&self) -> Result<A> {
        self.attach_hosted(None).await
    }

    /// As [`attach`](Self::attach), for a trait that has host functions, which `host` implements. If the trait is
    /// attached already, `host` replaces the implementation that was given before.
    ///
    /// # Errors
    ///
    /// As [`attach`](Self::attach); and [`ErrorKind::Unsupported`] where the board cannot call the host.
    pub async fn attach_with<A: Attach + HostedBy<H>, H>(&self, host: H) -> Result<A> {
        self.attach_hosted(Some(Host(A::host_functions(host)))).await
    }

    pub(super) async fn attach_hosted<A: Attach>(&self, host: Option<Host>) -> Result<A> {
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
                // Few traits have such modules. Boxed, because this future would otherwise make that of every
                // connection larger.
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
}
