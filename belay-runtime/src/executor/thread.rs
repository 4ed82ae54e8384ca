//! Threads on the board.

use std::time::Duration;

use super::{BoxFuture, Executor};
use crate::error::Result;
use crate::method::MethodSpec;
use crate::python::Arguments;
use crate::session::{Session, unwritten};

/// What a thread on the board is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ThreadState {
    /// It runs.
    Running,
    /// It waits at a stop point for an exclusive task to end.
    Paused,
    /// It was asked to stop and has not reached a stop point yet.
    Stopping,
    /// It ended because it was asked to.
    Stopped,
    /// Its body came to its end.
    Finished,
    /// Its body raised, and it is not started again.
    Failed,
    /// The board was reset, or is gone, while it ran.
    Lost,
}

/// A thread on the board, as it was at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ThreadInfo {
    /// Its number, which no other thread of the session has.
    pub id: u32,
    /// Its name.
    pub name: String,
    /// What it is doing.
    pub state: ThreadState,
    /// How long it has been running.
    pub run_time: Duration,
    /// How many times it was started again after it raised.
    pub restarts: u32,
}

/// Runs methods in the background on the board.
pub trait ThreadExecutor: Executor {
    /// Starts a thread.
    ///
    /// # Errors
    ///
    /// When the board has no threads or no slot left for one, when one of the same name is running, or as
    /// [`TaskExecutor::call`](super::TaskExecutor::call).
    fn start(&self, method: &'static MethodSpec, arguments: Arguments)
    -> BoxFuture<'_, Result<ThreadHandle>>;

    /// The threads that run on the board now, those that an earlier program left running included.
    ///
    /// # Errors
    ///
    /// When the board cannot be reached.
    fn active(&self) -> BoxFuture<'_, Result<Vec<ThreadInfo>>>;

    /// Asks a thread to stop, and waits until it has ended.
    ///
    /// # Errors
    ///
    /// When it has not ended after `deadline`, or when the board cannot be reached.
    fn stop(&self, id: u32, deadline: Duration) -> BoxFuture<'_, Result<()>>;

    /// Stops all threads.
    ///
    /// # Errors
    ///
    /// When some have not ended after `deadline`, or when the board cannot be reached.
    fn stop_all(&self, deadline: Duration) -> BoxFuture<'_, Result<()>>;

    /// Waits until a thread ends by itself.
    ///
    /// # Errors
    ///
    /// The exception that its body raised, or a reset or loss of the board.
    fn join(&self, id: u32) -> BoxFuture<'_, Result<()>>;
}

/// A thread on the board. Dropping the handle leaves the thread running; closing the device stops it.
#[derive(Debug, Clone)]
pub struct ThreadHandle {
    id: u32,
    name: String,
}

impl ThreadHandle {
    /// Its number, which no other thread of the session has.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is doing, as far as the host has heard.
    pub fn state(&self) -> ThreadState {
        ThreadState::Lost
    }

    /// Whether it has not ended yet, as far as the host has heard.
    pub fn is_running(&self) -> bool {
        matches!(
            self.state(),
            ThreadState::Running | ThreadState::Paused | ThreadState::Stopping
        )
    }

    /// Asks it to stop at its next stop point, and waits until it has ended.
    ///
    /// # Errors
    ///
    /// When it has not ended after `deadline`, or when the board cannot be reached.
    #[expect(clippy::unused_async, reason = "not written yet")]
    pub async fn stop(&self, _deadline: Duration) -> Result<()> {
        Err(unwritten())
    }

    /// Waits until it ends by itself.
    ///
    /// # Errors
    ///
    /// The exception that its body raised, or a reset or loss of the board.
    #[expect(clippy::unused_async, reason = "not written yet")]
    pub async fn join(&self) -> Result<()> {
        Err(unwritten())
    }
}

/// The runtime's own [`ThreadExecutor`].
#[derive(Debug, Clone)]
pub struct Threads {
    session: Session,
}

impl Threads {
    /// An executor that works on this session.
    pub fn new(session: &Session) -> Self {
        Self {
            session: session.clone(),
        }
    }
}

impl Executor for Threads {
    fn session(&self) -> &Session {
        &self.session
    }
}

impl ThreadExecutor for Threads {
    fn start(
        &self,
        _method: &'static MethodSpec,
        _arguments: Arguments,
    ) -> BoxFuture<'_, Result<ThreadHandle>> {
        Box::pin(std::future::ready(Err(unwritten())))
    }

    fn active(&self) -> BoxFuture<'_, Result<Vec<ThreadInfo>>> {
        Box::pin(std::future::ready(Err(unwritten())))
    }

    fn stop(&self, _id: u32, _deadline: Duration) -> BoxFuture<'_, Result<()>> {
        Box::pin(std::future::ready(Err(unwritten())))
    }

    fn stop_all(&self, _deadline: Duration) -> BoxFuture<'_, Result<()>> {
        Box::pin(std::future::ready(Err(unwritten())))
    }

    fn join(&self, _id: u32) -> BoxFuture<'_, Result<()>> {
        Box::pin(std::future::ready(Err(unwritten())))
    }
}
