//! The factory that makes the executors of a device.

use std::fmt;
use std::sync::Arc;

use super::setup::{SetupExecutor, Setups};
use super::task::{TaskExecutor, Tasks};
use super::teardown::{TeardownExecutor, Teardowns};
use super::thread::ThreadExecutor;
use super::threads::Threads;
use crate::session::Session;

/// Makes the executors of a device. Each method makes the runtime's own executor by default, so that a factory
/// overrides only those that it wants to replace. What an executor needs for its work is described [with the
/// specs](crate::spec).
pub trait ExecutorFactory: fmt::Debug + Send + Sync {
    /// The executor of `#[task]` methods.
    fn tasks(&self, session: &Session) -> Arc<dyn TaskExecutor> {
        Arc::new(Tasks::new(session))
    }

    /// The executor of `#[setup]` methods.
    fn setups(&self, session: &Session) -> Arc<dyn SetupExecutor> {
        Arc::new(Setups::new(session))
    }

    /// The executor of `#[thread]` methods.
    fn threads(&self, session: &Session) -> Arc<dyn ThreadExecutor> {
        Arc::new(Threads::new(session))
    }

    /// The executor of `#[teardown]` methods.
    fn teardowns(&self, session: &Session) -> Arc<dyn TeardownExecutor> {
        Arc::new(Teardowns::new(session))
    }
}

/// Makes the runtime's own executors.
#[derive(Debug, Clone, Copy, Default)]
pub struct DefaultExecutors;

impl ExecutorFactory for DefaultExecutors {}
