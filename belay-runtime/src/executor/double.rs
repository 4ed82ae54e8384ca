//! Threads without a board, for tests of host code.

use std::sync::Arc;

use super::report::ThreadReport;
use super::thread::ThreadHandle;
use crate::error::Error;
use crate::exception::DeviceException;
use crate::session::{ThreadInfo, ThreadState};

/// A thread without a board: a test double of a trait returns its [`handle`](ThreadDouble::handle) from a `#[thread]`
/// method, and the test decides what happens to the thread.
///
/// It runs until it is stopped through its handle, or ended by one of these methods.
///
/// ```
/// # use belay_runtime as belay;
/// use std::time::Duration;
///
/// use belay::{DeviceException, ThreadDouble, ThreadState};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// let thread = ThreadDouble::new("Lamp.blink");
/// let handle = thread.handle();
/// assert!(handle.is_running());
/// handle.stop(Duration::from_secs(1)).await?;
/// assert_eq!(thread.state(), ThreadState::Stopped);
///
/// let thread = ThreadDouble::new("Lamp.blink");
/// let handle = thread.handle();
/// thread.fail(DeviceException::new("OSError", "-5"));
/// assert!(handle.join().await.unwrap_err().exception().is_some());
/// # Ok::<(), belay::Error>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct ThreadDouble {
    report: ThreadReport,
}

impl ThreadDouble {
    /// A running thread with this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self::of(ThreadInfo::new(1, name))
    }

    /// A thread in this state.
    pub fn of(info: ThreadInfo) -> Self {
        Self {
            report: ThreadReport::new(info),
        }
    }

    /// A handle of it.
    pub fn handle(&self) -> ThreadHandle {
        ThreadHandle::of_no_board(self.report.clone())
    }

    /// What it is doing.
    pub fn state(&self) -> ThreadState {
        self.report.info().state
    }

    /// Ends it as if its body had returned.
    pub fn finish(&self) {
        self.report.finished();
    }

    /// Ends it as if its body had raised this exception and were not started again.
    pub fn fail(&self, exception: DeviceException) {
        self.report.failed(exception);
    }

    /// Ends it as if the board had been reset or were out of reach, for this reason.
    pub fn lose(&self, cause: impl Into<Error>) {
        self.report.lost(Arc::new(cause.into()));
    }
}
