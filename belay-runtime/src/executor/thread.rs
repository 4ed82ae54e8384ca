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
    /// When the future is dropped, the thread may have been started: [`active`](Self::active) tells.
    fn start(&self, method: &'static MethodSpec, arguments: Arguments)
    -> BoxFuture<'_, Result<ThreadHandle>>;

    /// The threads that run on the board now, those that an earlier program left running included.
    ///
    /// # Errors
    ///
    /// When the board cannot be reached.
    fn active(&self) -> BoxFuture<'_, Result<Vec<ThreadInfo>>>;

    /// Asks a thread to stop, and waits until it has ended. One that does not run is stopped already. Its clean-up
    /// has three quarters of `deadline`, as [`ThreadHandle::stop`] says.
    ///
    /// # Errors
    ///
    /// When it has not ended after `deadline`, or when the board cannot be reached.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, the thread may have been asked already.
    fn stop(&self, id: u32, deadline: Duration) -> BoxFuture<'_, Result<()>>;

    /// Stops all threads.
    ///
    /// # Errors
    ///
    /// When some have not ended after `deadline`, or when the board cannot be reached.
    fn stop_all(&self, deadline: Duration) -> BoxFuture<'_, Result<()>>;

    /// Waits until a thread ends by itself. How one ended is remembered for as long as there is a handle of it, and of
    /// the others for the last 64; those before are only known to have ended.
    ///
    /// # Errors
    ///
    /// The exception that its body raised, or a reset or loss of the board.
    fn join(&self, id: u32) -> BoxFuture<'_, Result<()>>;
}

/// A thread on the board. Dropping the handle leaves the thread running; closing the device stops it.
#[derive(Clone)]
pub struct ThreadHandle {
    owner: Owner,
    status: watch::Receiver<Status>,
}

/// Who stops it.
#[derive(Clone)]
enum Owner {
    Executor(Arc<dyn ThreadExecutor>),
    /// A thread of no board ends when it is asked to.
    Nobody(ThreadReport),
}

impl ThreadReport {
    /// A handle on the thread, which `executor` stops.
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

    /// What it is doing, as far as the host has heard. That it ended is heard within moments.
    pub fn state(&self) -> ThreadState {
        self.status.borrow().info.state
    }

    /// All that the host has heard of it.
    pub fn info(&self) -> ThreadInfo {
        self.status.borrow().info.clone()
    }

    /// Whether it has not ended yet, as far as the host has heard.
    pub fn is_running(&self) -> bool {
        self.state().is_running()
    }

    /// The last exception that its body raised, with its traceback led back to the Rust source.
    pub fn last_exception(&self) -> Option<Arc<DeviceException>> {
        self.status.borrow().exception.clone()
    }

    /// Asks it to stop at its next stop point, and waits until it has ended.
    ///
    /// What cleans up, such as a `finally`, runs to its end, loops included, for three quarters of `deadline`. A body
    /// that has not ended by then is stopped at each stop point, wherever that is.
    ///
    /// # Errors
    ///
    /// When it has not ended after `deadline`, or when the board cannot be reached.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, the thread may have been asked already.
    pub async fn stop(&self, deadline: Duration) -> Result<()> {
        match &self.owner {
            Owner::Executor(executor) => executor.stop(self.id(), deadline).await,
            Owner::Nobody(report) => {
                report.stopped();
                Ok(())
            }
        }
    }

    /// Waits until it ends by itself, or because it was asked to.
    ///
    /// # Errors
    ///
    /// The exception that its body raised, or a reset or loss of the board.
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

    /// Says of an error whose it is.
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
