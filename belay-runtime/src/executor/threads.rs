//! The runtime's own executor of threads.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tracing::Instrument;

use super::execute::Executor;
use super::library;
use super::thread::{ThreadExecutor, ThreadHandle};
use super::watching::{Known, Table};
use crate::boxed::BoxFuture;
use crate::error::{ErrorKind, Result, ThreadError};
use crate::link::ResetPolicy;
use crate::python::Arguments;
use crate::session::{Session, ThreadInfo};
use crate::spec::MethodSpec;

/// The runtime's own [`ThreadExecutor`].
#[derive(Debug, Clone)]
pub struct Threads {
    session: Session,
    table: Arc<Table>,
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
        let connection = self.session.connection(deadline).await?;
        library::provide(&connection).await?;
        let known = Known { method, arguments };
        let (id, status) = self.table.add(&connection, known).await?;
        if let Err(error) = self.table.start(&connection, id).await {
            self.table.remove(id);
            // The thread may be running by now, but the caller gets no handle of it. So stop it.
            if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::Timeout { .. }) {
                let patience = self.session.settings().thread_stop;
                let _ = library::stop(&connection, &[id], patience).await;
            }
            return Err(error);
        }
        Ok(ThreadHandle::new(Arc::new(self.clone()), status))
    }

    /// Asks threads to stop, and waits until all have ended. If they do not end in time, the board is reset where the
    /// settings allow that.
    async fn stop_these(&self, ids: Vec<u32>, deadline: Duration) -> Result<()> {
        let began = Instant::now();
        let span = tracing::info_span!("belay.thread.stop", device = self.session.name(), threads = ?ids);
        let stopping = async {
            let connection = self.session.connection(deadline).await?;
            if ids.is_empty() || !library::is_there(&connection).await? {
                return Ok(true);
            }
            library::stop(&connection, &ids, deadline.saturating_sub(began.elapsed())).await?;
            self.table.until_ended(&connection, &ids).await.map(|()| true)
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
        let connection = self.session.connection(self.session.execute_deadline()).await?;
        if !library::is_there(&connection).await? {
            return Ok(Vec::new());
        }
        let infos = self.table.refresh(&connection).await?;
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
                return ThreadHandle::new(Arc::new(self.clone()), status).join().await;
            }
            // The thread is not in the table, so another program started it.
            let connection = self.session.connection(self.session.execute_deadline()).await?;
            self.table.until_ended(&connection, &[id]).await
        };
        Box::pin(self.session.in_runtime(joining))
    }
}
