//! Holding the board's threads at their stop points while an exclusive task runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::library;
use crate::error::{Result, ThreadError};
use crate::session::{Connection, Session};

/// Holds the board's threads at their stop points. They go on when this is dropped.
pub(super) struct Pause {
    /// Nothing if there are no threads to hold.
    connection: Option<Arc<Connection>>,
    /// The number by which the board knows this pause.
    name: u32,
    runtime: tokio::runtime::Handle,
}

/// Numbers the pauses.
static NAMES: AtomicU32 = AtomicU32::new(0);

impl Pause {
    /// Waits until all threads are at a stop point, and holds them there.
    pub(super) async fn begin(
        session: &Session,
        connection: &Arc<Connection>,
        deadline: Duration,
    ) -> Result<Self> {
        let runtime = session.runtime().clone();
        let name = NAMES.fetch_add(1, Ordering::Relaxed) & 0x3fff_ffff;
        if !library::is_there(connection).await? {
            let connection = None;
            return Ok(Self {
                connection,
                name,
                runtime,
            });
        }
        // From here on, dropping `pause` lets the threads go on.
        let pause = Self {
            connection: Some(Arc::clone(connection)),
            name,
            runtime,
        };
        let late = library::pause(connection, name, deadline).await?;
        if late.is_empty() {
            return Ok(pause);
        }
        pause.end().await;
        let (names, within) = (late, deadline);
        Err(session.error(ThreadError::NotPaused { names, within }))
    }

    /// Lets the threads go on.
    pub(super) async fn end(mut self) {
        if let Some(connection) = self.connection.take() {
            resume(&connection, self.name).await;
        }
    }
}

async fn resume(connection: &Connection, name: u32) {
    if let Err(error) = library::resume(connection, name).await {
        tracing::warn!(device = connection.name(), %error, "the board's threads could not be told to go on");
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            let name = self.name;
            self.runtime.spawn(async move { resume(&connection, name).await });
        }
    }
}
