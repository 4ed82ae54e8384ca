//! Threads of no board, for tests of host code.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::thread::ThreadHandle;
use super::watching::Status;
use crate::error::Error;
use crate::exception::DeviceException;
use crate::session::{ThreadInfo, ThreadState};

/// A thread of no board: its [`handle`](ThreadDouble::handle) is what a double of a trait returns from a `#[thread]`
/// method, and the test says what becomes of the thread.
///
/// It runs until it is stopped by its handle, or ended by one of these methods.
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
    status: Arc<watch::Sender<Status>>,
}

impl ThreadDouble {
    /// A thread with this name, which runs.
    pub fn new(name: impl Into<String>) -> Self {
        Self::of(ThreadInfo::new(1, name))
    }

    /// A thread that is in this state.
    pub fn of(info: ThreadInfo) -> Self {
        let status = Status {
            info,
            exception: None,
            lost: None,
        };
        Self {
            status: Arc::new(watch::Sender::new(status)),
        }
    }

    /// A handle on it.
    pub fn handle(&self) -> ThreadHandle {
        ThreadHandle::of_double(self.clone(), self.status.subscribe())
    }

    /// What it is doing.
    pub fn state(&self) -> ThreadState {
        self.status.borrow().info.state
    }

    /// Its body comes to its end.
    pub fn finish(&self) {
        self.end(|status| status.info.state = ThreadState::Finished);
    }

    /// Its body raises this, and it is not started again.
    pub fn fail(&self, exception: DeviceException) {
        self.end(|status| {
            status.info.state = ThreadState::Failed;
            status.exception = Some(Arc::new(exception));
        });
    }

    /// The board is reset or goes out of reach, for this reason.
    pub fn lose(&self, cause: impl Into<Error>) {
        self.end(|status| {
            status.info.state = ThreadState::Lost;
            status.lost = Some(Arc::new(cause.into()));
        });
    }

    /// It ends because it was asked to.
    pub(super) fn stop(&self) {
        self.end(|status| status.info.state = ThreadState::Stopped);
    }

    /// Ends it, if it has not ended before.
    fn end(&self, how: impl FnOnce(&mut Status)) {
        self.status.send_if_modified(|status| {
            let running = status.info.state.is_running();
            if running {
                how(status);
            }
            running
        });
    }
}

impl ThreadInfo {
    /// A thread of this number and name that runs and has just been started.
    pub fn new(id: u32, name: impl Into<String>) -> Self {
        Self {
            id,
            name: name.into(),
            state: ThreadState::Running,
            run_time: Duration::ZERO,
            restarts: 0,
        }
    }
}
