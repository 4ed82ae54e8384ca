//! Teardowns: run once when a device is closed, whatever state it is in.

use super::{BoxFuture, Executor};
use crate::error::{Error, Result};
use crate::method::{DeviceSpec, MethodSpec};
use crate::python::Arguments;
use crate::session::{Session, unwritten};

/// What a program registers to be done when the device is closed.
pub type HostAction = Box<dyn FnOnce() -> BoxFuture<'static, Result<(), Error>> + Send>;

/// Cleans up.
pub trait TeardownExecutor: Executor {
    /// Adds the teardowns of this trait to those that [`cleanup`](TeardownExecutor::cleanup) runs.
    fn add(&self, device: &'static DeviceSpec);

    /// Adds something to be done on the host, even when the board is gone by then.
    fn register_action(&self, action: HostAction);

    /// Runs one teardown now. It runs again when the device is closed.
    ///
    /// # Errors
    ///
    /// When the body raises or takes longer than its time-out, or when the board cannot be reached.
    fn run(
        &self,
        device: &'static DeviceSpec,
        method: &'static MethodSpec,
        arguments: Arguments,
    ) -> BoxFuture<'_, Result<()>>;

    /// Runs the teardowns on the board in their order, and then the host's actions, the last one first. It does so
    /// once; later calls do nothing.
    ///
    /// # Errors
    ///
    /// One error that has all failures, when all has been tried.
    fn cleanup(&self) -> BoxFuture<'_, Result<()>>;
}

impl dyn TeardownExecutor + '_ {
    /// Adds something to be done on the host, even when the board is gone by then.
    pub fn register<F, A>(&self, action: F)
    where
        F: FnOnce() -> A + Send + 'static,
        A: Future<Output = Result<()>> + Send + 'static,
    {
        self.register_action(Box::new(|| Box::pin(action())));
    }
}

/// The runtime's own [`TeardownExecutor`].
#[derive(Debug, Clone)]
pub struct Teardowns {
    session: Session,
}

impl Teardowns {
    /// An executor that works on this session.
    pub fn new(session: &Session) -> Self {
        Self {
            session: session.clone(),
        }
    }
}

impl Executor for Teardowns {
    fn session(&self) -> &Session {
        &self.session
    }
}

impl TeardownExecutor for Teardowns {
    fn add(&self, _device: &'static DeviceSpec) {}

    fn register_action(&self, _action: HostAction) {}

    fn run(
        &self,
        _device: &'static DeviceSpec,
        _method: &'static MethodSpec,
        _arguments: Arguments,
    ) -> BoxFuture<'_, Result<()>> {
        Box::pin(std::future::ready(Err(unwritten())))
    }

    fn cleanup(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(std::future::ready(Ok(())))
    }
}
