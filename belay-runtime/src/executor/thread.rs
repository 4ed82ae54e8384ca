//! Threads on the board.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tracing::Instrument;

use super::double::ThreadDouble;
use super::watching::{Known, Status, Table};
use super::{Executor, library};
use crate::boxed::BoxFuture;
use crate::error::{Error, ErrorKind, Result, ThreadError};
use crate::exception::DeviceException;
use crate::link::ResetPolicy;
use crate::method::{MethodKind, MethodSpec, ThreadOptions};
use crate::python::Arguments;
use crate::session::{Session, ThreadInfo, ThreadState};

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

/// Whose thread it is.
#[derive(Clone)]
enum Owner {
    Board(Threads),
    Double(ThreadDouble),
}

impl ThreadHandle {
    pub(super) fn of_double(double: ThreadDouble, status: watch::Receiver<Status>) -> Self {
        let owner = Owner::Double(double);
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
            Owner::Board(threads) => {
                let stopping = threads.stop_these(vec![self.id()], deadline);
                threads.session.in_runtime(stopping).await
            }
            Owner::Double(double) => {
                double.stop();
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
            Owner::Board(threads) => error.on_device(threads.session.device()),
            Owner::Double(_) => error,
        }
    }
}

impl fmt::Debug for ThreadHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ThreadHandle").field(&self.info()).finish()
    }
}

/// The runtime's own [`ThreadExecutor`].
#[derive(Debug, Clone)]
pub struct Threads {
    pub(super) session: Session,
    table: Arc<Table>,
}

pub(super) fn options(method: &MethodSpec) -> ThreadOptions {
    match method.kind {
        MethodKind::Thread(options) => options,
        _ => ThreadOptions::new(),
    }
}

impl Threads {
    /// An executor that works on this session.
    pub fn new(session: &Session) -> Self {
        Self {
            session: session.clone(),
            table: Table::new(session),
        }
    }

    async fn start_thread(&self, method: &'static MethodSpec, arguments: Arguments) -> Result<ThreadHandle> {
        arguments.literals()?;
        let deadline = self.session.execute_deadline();
        let _call = self.session.shared(deadline).await?;
        let live = self.session.live(deadline).await?;
        library::provide(&live).await?;
        let known = Known { method, arguments };
        let (id, status) = self.table.add(&live, known).await?;
        if let Err(error) = self.table.start(&live, id).await {
            self.table.remove(id);
            return Err(error);
        }
        Ok(ThreadHandle {
            owner: Owner::Board(self.clone()),
            status,
        })
    }

    /// Asks threads to stop, and waits until all have ended. Where the settings allow it, the board is reset
    /// when they do not.
    async fn stop_these(&self, ids: Vec<u32>, deadline: Duration) -> Result<()> {
        let began = Instant::now();
        let span = tracing::info_span!("belay.thread.stop", device = self.session.name(), threads = ?ids);
        let stopping = async {
            let live = self.session.live(deadline).await?;
            if ids.is_empty() || !library::is_there(&live).await? {
                return Ok(true);
            }
            library::stop(&live, &ids, deadline.saturating_sub(began.elapsed())).await?;
            self.table.until_ended(&live, &ids).await.map(|()| true)
        };
        match tokio::time::timeout(deadline, stopping.instrument(span)).await {
            Ok(stopped) => stopped.map(drop),
            Err(_) if self.session.settings().reset_for_threads => {
                self.session.reset(ResetPolicy::Soft).await
            }
            Err(_) => {
                let names = self.table.names(&ids);
                let within = deadline;
                Err(self.session.error(ThreadError::StillRunning { names, within }))
            }
        }
    }

    async fn active_now(&self) -> Result<Vec<ThreadInfo>> {
        let live = self.session.live(self.session.execute_deadline()).await?;
        if !library::is_there(&live).await? {
            return Ok(Vec::new());
        }
        let infos = self.table.refresh(&live).await?;
        Ok(infos.into_iter().filter(|info| info.state.is_running()).collect())
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
        method: &'static MethodSpec,
        arguments: Arguments,
    ) -> BoxFuture<'_, Result<ThreadHandle>> {
        let span = tracing::info_span!(
            "belay.thread.start",
            device = self.session.name(),
            method = method.path
        );
        let starting = async move {
            let starting = self.start_thread(method, arguments);
            let started = self.session.unless_closing(starting).await;
            started.map_err(|error| self.session.in_method(error, method))
        };
        Box::pin(starting.instrument(span))
    }

    fn active(&self) -> BoxFuture<'_, Result<Vec<ThreadInfo>>> {
        Box::pin(self.session.in_runtime(self.active_now()))
    }

    fn stop(&self, id: u32, deadline: Duration) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.session.in_runtime(self.stop_these(vec![id], deadline)))
    }

    fn stop_all(&self, deadline: Duration) -> BoxFuture<'_, Result<()>> {
        let stopping = async move {
            let running = self.active_now().await?;
            let ids = running.into_iter().map(|info| info.id).collect();
            self.stop_these(ids, deadline).await
        };
        Box::pin(self.session.in_runtime(stopping))
    }

    fn join(&self, id: u32) -> BoxFuture<'_, Result<()>> {
        let joining = async move {
            if let Some(status) = self.table.status(id) {
                let owner = Owner::Board(self.clone());
                return ThreadHandle { owner, status }.join().await;
            }
            // Another program started it.
            let live = self.session.live(self.session.execute_deadline()).await?;
            self.table.until_ended(&live, &[id]).await
        };
        Box::pin(self.session.in_runtime(joining))
    }
}
