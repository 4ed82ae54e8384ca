//! The status of a thread, which its executor reports to those who hold a handle of it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::error::Error;
use crate::exception::DeviceException;
use crate::session::{ThreadInfo, ThreadState};

/// The status of a thread.
#[derive(Debug, Clone)]
pub(super) struct Status {
    pub(super) info: ThreadInfo,
    /// The last exception that its body raised.
    pub(super) exception: Option<Arc<DeviceException>>,
    /// Why it is lost.
    pub(super) lost: Option<Arc<Error>>,
}

/// The status of a thread, as its executor reports it. A [`ThreadExecutor`](super::ThreadExecutor) of the program's own
/// keeps one for each thread that it starts.
///
/// The thread runs until one of these methods ends it. After that the status does not change any more.
#[derive(Debug, Clone)]
pub struct ThreadReport {
    status: Arc<watch::Sender<Status>>,
}

impl ThreadReport {
    /// A report of a thread in this state.
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

    /// The latest state that was reported.
    pub fn info(&self) -> ThreadInfo {
        self.status.borrow().info.clone()
    }

    /// Reports how long the thread has been running, and how many times it was started again.
    pub fn runs(&self, run_time: Duration, restarts: u32) {
        self.change(|status| {
            status.info.run_time = run_time;
            status.info.restarts = restarts;
        });
    }

    /// Reports that the thread was asked to stop.
    pub fn stopping(&self) {
        self.change(|status| status.info.state = ThreadState::Stopping);
    }

    /// Reports that the thread has ended because it was asked to.
    pub fn stopped(&self) {
        self.change(|status| status.info.state = ThreadState::Stopped);
    }

    /// Reports that the thread's body has returned.
    pub fn finished(&self) {
        self.change(|status| status.info.state = ThreadState::Finished);
    }

    /// Reports that the thread's body has raised this exception, and is not started again.
    pub fn failed(&self, exception: DeviceException) {
        self.change(|status| {
            status.info.state = ThreadState::Failed;
            status.exception = Some(Arc::new(exception));
        });
    }

    /// Reports that the board was reset or is out of reach, for this reason.
    pub fn lost(&self, cause: Arc<Error>) {
        self.change(|status| {
            status.info.state = ThreadState::Lost;
            status.lost = Some(cause);
        });
    }

    /// Changes the status, unless the thread has ended.
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
