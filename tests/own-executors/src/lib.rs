//! All four executors replaced, by a crate that knows nothing but belay: what an executor needs is public.

mod setups;
mod tasks;
mod teardowns;
mod threads;

use std::sync::{Arc, Mutex, PoisonError};

use belay::{ExecutorFactory, Session, SetupExecutor, TaskExecutor, TeardownExecutor, ThreadExecutor};

pub use setups::OwnSetups;
pub use tasks::OwnTasks;
pub use teardowns::OwnTeardowns;
pub use threads::OwnThreads;

/// What the executors have done, line by line.
#[derive(Debug, Clone, Default)]
pub struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn add(&self, line: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    /// The lines since this was asked last.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Makes the executors of this crate.
#[derive(Debug, Default)]
pub struct OwnExecutors {
    /// Where they say what they do.
    pub log: Log,
}

impl ExecutorFactory for OwnExecutors {
    fn tasks(&self, session: &Session) -> Arc<dyn TaskExecutor> {
        Arc::new(OwnTasks::new(session, &self.log))
    }

    fn setups(&self, session: &Session) -> Arc<dyn SetupExecutor> {
        Arc::new(OwnSetups::new(session, &self.log))
    }

    fn threads(&self, session: &Session) -> Arc<dyn ThreadExecutor> {
        Arc::new(OwnThreads::new(session, &self.log))
    }

    fn teardowns(&self, session: &Session) -> Arc<dyn TeardownExecutor> {
        Arc::new(OwnTeardowns::new(session, &self.log))
    }
}
