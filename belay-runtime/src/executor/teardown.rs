//! Teardowns: run once when a device is closed, whatever state it is in.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::JoinError;
use tracing::Instrument;

use super::execute::Executor;
use crate::boxed::BoxFuture;
use crate::error::{ActionError, Error, ErrorKind, Phase, Result};
use crate::python::Arguments;
use crate::session::Session;
use crate::spec::{DeviceSpec, MethodKind, MethodSpec, TeardownOptions};

/// An action on the host that a program registers for the closing of the device.
pub type HostAction = Box<dyn FnOnce() -> BoxFuture<'static, Result<()>> + Send>;

/// Runs the teardowns and the registered actions when a device is closed.
pub trait TeardownExecutor: Executor {
    /// Adds the teardowns of this trait to those that [`cleanup`](TeardownExecutor::cleanup) runs.
    fn add(&self, device: &'static DeviceSpec);

    /// Registers an action on the host for the closing of the device. It runs even if the board is gone by then.
    ///
    /// An action that has captured the device, or a trait on it, keeps the device open: dropping its other clones does
    /// not close it any more, only [`Device::close`] does.
    ///
    /// [`Device::close`]: crate::Device::close
    fn register_action(&self, action: HostAction);

    /// Runs one teardown now. It runs again when the device is closed.
    ///
    /// # Errors
    ///
    /// When the body raises or takes longer than its time-out, or when the board cannot be reached.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future interrupts the body.
    fn run(
        &self,
        device: &'static DeviceSpec,
        method: &'static MethodSpec,
        arguments: Arguments,
    ) -> BoxFuture<'_, Result<()>>;

    /// Runs the teardowns of one trait and forgets them, because attaching the trait failed.
    ///
    /// # Errors
    ///
    /// One error that contains all failures, after everything has been tried.
    fn undo(&self, device: &'static DeviceSpec) -> BoxFuture<'_, Result<()>>;

    /// Runs the teardowns on the board in their order, and then the host's actions, the last registered one first. Each
    /// of them runs once, however often this method is called.
    ///
    /// Teardowns that have parameters are not run, as their arguments are not known.
    ///
    /// # Errors
    ///
    /// One error that contains all failures, after everything has been tried.
    fn cleanup(&self) -> BoxFuture<'_, Result<()>>;
}

impl dyn TeardownExecutor + '_ {
    /// Registers an action on the host for the closing of the device. It runs even if the board is gone by then. If it
    /// panics, or takes longer than [`DeviceBuilder::host_action`](crate::DeviceBuilder::host_action),
    /// [`Device::close`] reports that, and goes on with the rest of the clean-up.
    ///
    /// An action that has captured the device, or a trait on it, keeps the device open: dropping its other clones does
    /// not close it any more, only [`Device::close`] does.
    ///
    /// [`Device::close`]: crate::Device::close
    ///
    /// ```no_run
    /// # async fn example(device: belay_runtime::Device) {
    /// device.teardowns().register(|| async {
    ///     println!("the device is being closed");
    ///     Ok(())
    /// });
    /// # }
    /// ```
    pub fn register<F, A>(&self, action: F)
    where
        F: FnOnce() -> A + Send + 'static,
        A: Future<Output = Result<()>> + Send + 'static,
    {
        self.register_action(Box::new(|| Box::pin(action())));
    }
}

/// The runtime's own [`TeardownExecutor`].
#[derive(Clone)]
pub struct Teardowns {
    session: Session,
    registered: Arc<Mutex<Registered>>,
}

#[derive(Default)]
struct Registered {
    devices: Vec<&'static DeviceSpec>,
    actions: Vec<HostAction>,
}

fn options(method: &MethodSpec) -> TeardownOptions {
    match method.kind {
        MethodKind::Teardown(options) => options,
        _ => TeardownOptions::new(),
    }
}

impl Teardowns {
    /// An executor that works on this session.
    pub fn new(session: &Session) -> Self {
        Self {
            session: session.clone(),
            registered: Arc::default(),
        }
    }

    fn registered(&self) -> MutexGuard<'_, Registered> {
        self.registered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn run_one(
        &self,
        device: &'static DeviceSpec,
        method: &'static MethodSpec,
        arguments: &Arguments,
    ) -> Result<()> {
        let deadline = self.session.deadline(method);
        let running = async {
            let _call = self.session.shared(deadline).await?;
            // A board that is being reconnected has nothing left to tear down, so do not wait for it.
            let connection = self.session.connected()?;
            connection.run_method(device, method, arguments).await
        };
        let span = tracing::info_span!(
            "belay.teardown",
            device = self.session.name(),
            method = method.path
        );
        running
            .instrument(span)
            .await
            .map_err(|error| self.session.in_method(error, method))
    }

    /// Runs the teardowns of these traits and returns the failures, those of critical teardowns first.
    async fn run_all(&self, devices: &[&'static DeviceSpec]) -> Vec<Error> {
        let mut teardowns: Vec<_> = devices
            .iter()
            .flat_map(|device| device.methods.iter().map(|method| (*device, *method)))
            .filter(|(_, method)| matches!(method.kind, MethodKind::Teardown(_)) && method.params.is_empty())
            .collect();
        teardowns.sort_by_key(|(_, method)| options(method).order);
        let mut failures = Vec::new();
        for (device, method) in teardowns {
            let Err(error) = self.run_one(device, method, &Arguments::new()).await else {
                continue;
            };
            tracing::warn!(device = self.session.name(), method = method.path, %error, "a teardown failed");
            if !options(method).ignore_errors {
                failures.push((!options(method).critical, error));
            }
        }
        failures.sort_by_key(|(other, _)| *other);
        failures.into_iter().map(|(_, error)| error).collect()
    }

    async fn act(&self, action: HostAction) -> Result<()> {
        let deadline = self.session.settings().host_action;
        // Each action runs in a task of its own, which also drops what the action has captured, so that a panic does
        // not keep the others from running. It is spawned on the current runtime, because the device's own may have
        // ended.
        let acting = tokio::spawn(Session::cleaning(async move { action().await }));
        let stop = acting.abort_handle();
        match tokio::time::timeout(deadline, acting).await {
            Ok(Ok(done)) => done,
            Ok(Err(error)) => Err(unfinished(error).into()),
            Err(_) => {
                stop.abort();
                Err(ActionError::TooLong(deadline).into())
            }
        }
    }

    async fn clean(&self) -> Result<()> {
        let Registered { devices, actions } = std::mem::take(&mut *self.registered());
        let mut failures = self.run_all(&devices).await;
        for action in actions.into_iter().rev() {
            if let Err(error) = self.act(action).await {
                tracing::warn!(device = self.session.name(), %error, "a registered action failed");
                failures.push(error.in_phase(Phase::Close).on_device(self.session.device()));
            }
        }
        self.together(failures)
    }

    fn together(&self, failures: Vec<Error>) -> Result<()> {
        if failures.is_empty() {
            Ok(())
        } else {
            Err(self.session.error(ErrorKind::Teardown(failures)))
        }
    }
}

/// Why an action did not finish.
fn unfinished(error: JoinError) -> ActionError {
    let Ok(panic) = error.try_into_panic() else {
        return ActionError::RuntimeGone;
    };
    let message = panic.downcast_ref::<&str>().map(|message| (*message).to_owned());
    ActionError::Panicked(message.or_else(|| panic.downcast_ref::<String>().cloned()))
}

impl fmt::Debug for Teardowns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let registered = self.registered();
        f.debug_struct("Teardowns")
            .field("session", &self.session)
            .field("traits", &registered.devices.len())
            .field("actions", &registered.actions.len())
            .finish_non_exhaustive()
    }
}

impl Executor for Teardowns {
    fn session(&self) -> &Session {
        &self.session
    }
}

impl TeardownExecutor for Teardowns {
    fn add(&self, device: &'static DeviceSpec) {
        let mut registered = self.registered();
        if !registered
            .devices
            .iter()
            .any(|known| std::ptr::eq(*known, device))
        {
            registered.devices.push(device);
        }
    }

    fn register_action(&self, action: HostAction) {
        self.registered().actions.push(action);
    }

    fn run(
        &self,
        device: &'static DeviceSpec,
        method: &'static MethodSpec,
        arguments: Arguments,
    ) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let running = self.run_one(device, method, &arguments);
            self.session.unless_closing(running).await
        })
    }

    fn undo(&self, device: &'static DeviceSpec) -> BoxFuture<'_, Result<()>> {
        self.registered()
            .devices
            .retain(|known| !std::ptr::eq(*known, device));
        Box::pin(async move { self.together(self.run_all(&[device]).await) })
    }

    fn cleanup(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.clean())
    }
}
