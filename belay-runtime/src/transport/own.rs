//! The ports that this program has open itself, and which of them it is about to close: whoever opens such a port
//! again waits for that.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::error::PortHolder;

/// By the path that all names of a port resolve to. Each value says whether the port is about to be closed; its
/// sender is gone once the port is closed.
type Ports = HashMap<PathBuf, watch::Receiver<bool>>;

static PORTS: LazyLock<Mutex<Ports>> = LazyLock::new(Mutex::default);

fn ports() -> MutexGuard<'static, Ports> {
    PORTS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn real(path: &str) -> PathBuf {
    let path = Path::new(path);
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// Records that this program has a port, for as long as this value lives.
#[derive(Debug)]
pub(super) struct Hold {
    path: PathBuf,
    closing: watch::Sender<bool>,
}

impl Hold {
    pub(super) fn new(path: &str) -> Self {
        let (closing, receiver) = watch::channel(false);
        let path = real(path);
        ports().insert(path.clone(), receiver);
        Self { path, closing }
    }

    /// Records that the port is about to be closed.
    pub(super) fn closes(&self) {
        self.closing.send_replace(true);
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut ports = ports();
        // If this port was unplugged, another one may have its name by now.
        if ports
            .get(&self.path)
            .is_some_and(|port| port.same_channel(&self.closing.subscribe()))
        {
            ports.remove(&self.path);
        }
    }
}

/// This program, if it has the port.
pub(super) fn holder(path: &str) -> Option<PortHolder> {
    ports().contains_key(&real(path)).then(|| PortHolder {
        pid: std::process::id(),
        name: std::env::current_exe()
            .ok()
            .and_then(|program| Some(program.file_name()?.to_string_lossy().into_owned()))
            .unwrap_or_default(),
    })
}

/// The outcome of waiting for a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waited {
    /// This program does not have it.
    NotOurs,
    Released,
    Kept,
}

/// Waits until this program has closed a port: until `until` if it is about to, and until `patience` for a sign that
/// it is.
pub(super) async fn released(path: &str, patience: Instant, until: Instant) -> Waited {
    let Some(mut closing) = ports().get(&real(path)).cloned() else {
        return Waited::NotOurs;
    };
    let told = timeout_at(patience.min(until), closing.wait_for(|closing| *closing)).await;
    match told.map(|told| told.is_ok()) {
        Err(_) => return Waited::Kept,
        Ok(false) => return Waited::Released,
        Ok(true) => {}
    }
    let released = timeout_at(until, async { while closing.changed().await.is_ok() {} }).await;
    if released.is_ok() {
        Waited::Released
    } else {
        Waited::Kept
    }
}
