//! Setups: run at global level, in order, once per session.

use super::{BoxFuture, Executor};
use crate::error::Result;
use crate::method::{DeviceSpec, MethodSpec};
use crate::python::Arguments;
use crate::session::{Session, unwritten};

/// Runs the setups of the traits that are attached to a device.
pub trait SetupExecutor: Executor {
    /// Runs the setups of this trait that need no parameters and are not `auto = false`, in their order. Those that
    /// ran in this session already are not run again.
    ///
    /// # Errors
    ///
    /// When a setup fails that is neither `critical = false` nor `ignore_errors`.
    fn initialize(&self, device: &'static DeviceSpec) -> BoxFuture<'_, Result<()>>;

    /// Whether the setups of this trait have run in this session.
    fn is_initialized(&self, device: &'static DeviceSpec) -> bool;

    /// Runs one setup, and records its parameters so that it can be replayed in a later session.
    ///
    /// # Errors
    ///
    /// When an argument cannot be expressed in Python, when the body raises or takes longer than its time-out, or when
    /// the board cannot be reached.
    fn run(
        &self,
        device: &'static DeviceSpec,
        method: &'static MethodSpec,
        arguments: Arguments,
    ) -> BoxFuture<'_, Result<()>>;
}

/// The runtime's own [`SetupExecutor`].
#[derive(Debug, Clone)]
pub struct Setups {
    session: Session,
}

impl Setups {
    /// An executor that works on this session.
    pub fn new(session: &Session) -> Self {
        Self {
            session: session.clone(),
        }
    }
}

impl Executor for Setups {
    fn session(&self) -> &Session {
        &self.session
    }
}

impl SetupExecutor for Setups {
    fn initialize(&self, _device: &'static DeviceSpec) -> BoxFuture<'_, Result<()>> {
        Box::pin(std::future::ready(Err(unwritten())))
    }

    fn is_initialized(&self, _device: &'static DeviceSpec) -> bool {
        false
    }

    fn run(
        &self,
        _device: &'static DeviceSpec,
        _method: &'static MethodSpec,
        _arguments: Arguments,
    ) -> BoxFuture<'_, Result<()>> {
        Box::pin(std::future::ready(Err(unwritten())))
    }
}
