//! What is told of a thread, between whoever runs it and those who have a handle of it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::error::Error;
use crate::exception::DeviceException;
use crate::session::{ThreadInfo, ThreadState};

/// What is told of a thread.
#[derive(Debug, Clone)]
pub(super) struct Status {
    pub(super) info: ThreadInfo,
    /// The last exception that its body raised.
    pub(super) exception: Option<Arc<DeviceException>>,
    /// Why it is lost.
    pub(super) lost: Option<Arc<Error>>,
}

/// A thread as its executor tells of it: what a [`ThreadExecutor`](super::ThreadExecutor) of one's own keeps for each thread that it starts.
///
/// It runs until one of these methods ends it, and after that it does not change any more.
#[derive(Debug, Clone)]
pub struct ThreadReport {
    status: Arc<watch::Sender<Status>>,
}

impl ThreadReport {
    /// A report of a thread that is in this state.
    pub fn new(info: ThreadInfo) -> Self {
        let status = Status {
            info,
            exception: None,
            lost: None,
        };
        Self {
            status: Arc::new(watch::Sender::new(status)),
        }
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// All that was told of it.
    pub fn info(&self) -> ThreadInfo {
        self.status.borrow().info.clone()
    }

    /// How long it has been running, and how many times it was started again.
    pub fn runs(&self, run_time: Duration, restarts: u32) {
        self.change(|status| {
            status.info.run_time = run_time;
            status.info.restarts = restarts;
        });
    }

    /// It was asked to stop.
    pub fn stopping(&self) {
        self.change(|status| status.info.state = ThreadState::Stopping);
    }

    /// It has ended because it was asked to.
    pub fn stopped(&self) {
        self.change(|status| status.info.state = ThreadState::Stopped);
    }

    /// Its body has come to its end.
    pub fn finished(&self) {
        self.change(|status| status.info.state = ThreadState::Finished);
    }

    /// Its body has raised this, and it is not started again.
    pub fn failed(&self, exception: DeviceException) {
        self.change(|status| {
            status.info.state = ThreadState::Failed;
            status.exception = Some(Arc::new(exception));
        });
    }

    /// The board was reset or is out of reach, for this reason.
    pub fn lost(&self, cause: Arc<Error>) {
        self.change(|status| {
            status.info.state = ThreadState::Lost;
            status.lost = Some(cause);
        });
    }

    /// Changes what is told, unless it has ended.
    fn change(&self, how: impl FnOnce(&mut Status)) {
        self.status.send_if_modified(|status| {
            let running = status.info.state.is_running();
            if running {
                how(status);
            }
            running
        });
    }
}
