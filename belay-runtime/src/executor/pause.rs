//! Holding the board's threads at their stop points while an exclusive task runs.

use std::sync::Arc;
use std::time::Duration;

use super::library;
use crate::error::{ErrorKind, Result};
use crate::session::{Live, Session};

/// Threads that are held. They go on when it is dropped.
pub(super) struct Pause {
    /// Nothing where there was no thread to be held.
    live: Option<Arc<Live>>,
    runtime: tokio::runtime::Handle,
}

impl Pause {
    /// Waits until all threads are at a stop point, and holds them there.
    pub(super) async fn begin(session: &Session, live: &Arc<Live>, deadline: Duration) -> Result<Self> {
        let runtime = session.runtime().clone();
        if !library::is_there(live).await? {
            return Ok(Self { live: None, runtime });
        }
        // From here on, dropping this lets the threads go.
        let pause = Self {
            live: Some(Arc::clone(live)),
            runtime,
        };
        let late = library::pause(live, deadline).await?;
        if late.is_empty() {
            return Ok(pause);
        }
        pause.end().await;
        let message = format!(
            "the task needs the board for itself, and the threads {late:?} reached no stop point within {deadline:?}"
        );
        Err(session.error(ErrorKind::Thread(message.into())))
    }

    /// Lets the threads go.
    pub(super) async fn end(mut self) {
        if let Some(live) = self.live.take() {
            resume(&live).await;
        }
    }
}

async fn resume(live: &Live) {
    if let Err(error) = library::resume(live).await {
        tracing::warn!(device = live.name(), %error, "the board's threads could not be told to go on");
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        if let Some(live) = self.live.take() {
            self.runtime.spawn(async move { resume(&live).await });
        }
    }
}
