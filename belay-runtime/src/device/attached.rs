//! A trait on a device: how it gets there, and what its generated methods call.

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

/// What a [builder](crate::DeviceBuilder::host) makes whose trait has been given its host functions.
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

impl Device {
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
}
