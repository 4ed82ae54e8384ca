//! Holding the board's threads at their stop points while an exclusive task runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::library;
use crate::error::{Result, ThreadError};
use crate::session::{Live, Session};

/// Threads that are held. They go on when it is dropped.
pub(super) struct Pause {
    /// Nothing where there was no thread to be held.
    live: Option<Arc<Live>>,
    /// What the board knows this pause by.
    name: u32,
    runtime: tokio::runtime::Handle,
}

/// Names pauses.
static NAMES: AtomicU32 = AtomicU32::new(0);

impl Pause {
    /// Waits until all threads are at a stop point, and holds them there.
    pub(super) async fn begin(session: &Session, live: &Arc<Live>, deadline: Duration) -> Result<Self> {
        let runtime = session.runtime().clone();
        let name = NAMES.fetch_add(1, Ordering::Relaxed) & 0x3fff_ffff;
        if !library::is_there(live).await? {
            let live = None;
            return Ok(Self { live, name, runtime });
        }
        // From here on, dropping this lets the threads go.
        let pause = Self {
            live: Some(Arc::clone(live)),
            name,
            runtime,
        };
        let late = library::pause(live, name, deadline).await?;
        if late.is_empty() {
            return Ok(pause);
        }
        pause.end().await;
        let (names, within) = (late, deadline);
        Err(session.error(ThreadError::NotPaused { names, within }))
    }

    /// Lets the threads go.
    pub(super) async fn end(mut self) {
        if let Some(live) = self.live.take() {
            resume(&live, self.name).await;
        }
    }
}

async fn resume(live: &Live, name: u32) {
    if let Err(error) = library::resume(live, name).await {
        tracing::warn!(device = live.name(), %error, "the board's threads could not be told to go on");
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        if let Some(live) = self.live.take() {
            let name = self.name;
            self.runtime.spawn(async move { resume(&live, name).await });
        }
    }
}
