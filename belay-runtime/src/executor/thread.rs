//! Threads on the board.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::execute::Executor;
use super::report::{Status, ThreadReport};
use crate::boxed::BoxFuture;
use crate::error::{Error, ErrorKind, Result};
use crate::exception::DeviceException;
use crate::python::Arguments;
use crate::session::{ThreadInfo, ThreadState};
use crate::spec::MethodSpec;

/// Runs methods in the background on the board.
pub trait ThreadExecutor: Executor {
    /// Starts a thread.
    ///
    /// # Errors
    ///
    /// When the board has no threads or no slot left for one, when one of the same name is running, or as
    /// [`TaskExecutor::call`](super::TaskExecutor::call).
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, the thread may have been started: [`active`](Self::active) lists it then.
    fn start(&self, method: &'static MethodSpec, arguments: Arguments)
    -> BoxFuture<'_, Result<ThreadHandle>>;

    /// The threads that run on the board now, including those that an earlier program left running.
    ///
    /// # Errors
    ///
    /// When the board cannot be reached.
    fn active(&self) -> BoxFuture<'_, Result<Vec<ThreadInfo>>>;

    /// Asks a thread to stop, and waits until it has ended. A thread that does not run counts as stopped. Three
    /// quarters of `deadline` are for its clean-up, as [`ThreadHandle::stop`] says.
    ///
    /// # Errors
    ///
    /// When it has not ended after `deadline`, or when the board cannot be reached.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, the thread may have been asked to stop already.
    fn stop(&self, id: u32, deadline: Duration) -> BoxFuture<'_, Result<()>>;

    /// Stops all threads.
    ///
    /// # Errors
    ///
    /// When some have not ended after `deadline`, or when the board cannot be reached.
    fn stop_all(&self, deadline: Duration) -> BoxFuture<'_, Result<()>>;

    /// Waits until a thread ends by itself. How a thread ended is remembered for as long as there is a handle of it,
    /// and without a handle for the last 64 threads; of older ones it is only known that they have ended.
    ///
    /// # Errors
    ///
    /// The exception that its body raised, or a reset or the loss of the board.
    fn join(&self, id: u32) -> BoxFuture<'_, Result<()>>;
}

/// A thread on the board. Dropping the handle leaves the thread running; closing the device stops it.
#[derive(Clone)]
pub struct ThreadHandle {
    owner: Owner,
    status: watch::Receiver<Status>,
}

/// What stops the thread.
#[derive(Clone)]
enum Owner {
    Executor(Arc<dyn ThreadExecutor>),
    /// A thread without a board ends as soon as it is asked to.
    Nobody(ThreadReport),
}

impl ThreadReport {
    /// A handle of the thread. Its `stop` calls `executor`.
    pub fn handle(&self, executor: Arc<dyn ThreadExecutor>) -> ThreadHandle {
        ThreadHandle::new(executor, self.subscribe())
    }
}

impl ThreadHandle {
    pub(super) fn new(executor: Arc<dyn ThreadExecutor>, status: watch::Receiver<Status>) -> Self {
        let owner = Owner::Executor(executor);
        Self { owner, status }
    }

    pub(super) fn of_no_board(report: ThreadReport) -> Self {
        let status = report.subscribe();
        let owner = Owner::Nobody(report);
        Self { owner, status }
    }

    /// Its number, which no other thread of the session has.
    pub fn id(&self) -> u32 {
        self.status.borrow().info.id
    }

    /// Its name.
    pub fn name(&self) -> String {
        self.status.borrow().info.name.clone()
    }

    /// What the thread is doing, as far as the host knows. The host learns within moments that a thread has ended.
    pub fn state(&self) -> ThreadState {
        self.status.borrow().info.state
    }

    /// The latest report of the thread.
    pub fn info(&self) -> ThreadInfo {
        self.status.borrow().info.clone()
    }

    /// Whether the thread has not ended yet, as far as the host knows.
    pub fn is_running(&self) -> bool {
        self.state().is_running()
    }

    /// The last exception that its body raised, with its traceback mapped to the Rust source.
    pub fn last_exception(&self) -> Option<Arc<DeviceException>> {
        self.status.borrow().exception.clone()
    }

    /// Asks it to stop at its next stop point, and waits until it has ended.
    ///
    /// Code that cleans up, such as a `finally` block, may finish, loops included, for three quarters of `deadline`.
    /// After that the stop is raised again at each stop point, wherever that is.
    ///
    /// # Errors
    ///
    /// When it has not ended after `deadline`, or when the board cannot be reached.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, the thread may have been asked to stop already.
    pub async fn stop(&self, deadline: Duration) -> Result<()> {
        match &self.owner {
            Owner::Executor(executor) => executor.stop(self.id(), deadline).await,
            Owner::Nobody(report) => {
                report.stopped();
                Ok(())
            }
        }
    }

    /// Waits until the thread ends, by itself or because it was asked to.
    ///
    /// # Errors
    ///
    /// The exception that its body raised, or a reset or the loss of the board.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn join(&self) -> Result<()> {
        let mut status = self.status.clone();
        let ended = status.wait_for(|status| !status.info.state.is_running()).await;
        let ended = match ended {
            Ok(status) => status.clone(),
            Err(_) => return Err(self.error(ErrorKind::Closed.into())),
        };
        let error = match ended {
            Status {
                lost: Some(cause), ..
            } => ErrorKind::ThreadLost(cause).into(),
            Status {
                info,
                exception: Some(exception),
                ..
            } if info.state == ThreadState::Failed => Error::from(DeviceException::clone(&exception)),
            _ => return Ok(()),
        };
        Err(self.error(error))
    }

    /// Adds the thread and the device to an error.
    fn error(&self, error: Error) -> Error {
        let error = error.in_method(self.name());
        match &self.owner {
            Owner::Executor(executor) => error.on_device(executor.session().device()),
            Owner::Nobody(_) => error,
        }
    }
}

impl fmt::Debug for ThreadHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ThreadHandle").field(&self.info()).finish()
    }
}
