//! Tasks that end with their owner.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A task that is ended when this is dropped.
#[derive(Debug)]
pub(crate) struct Task(JoinHandle<()>);

impl Task {
    pub(crate) fn spawn(work: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(work))
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A task that is told to end when this is dropped, and then takes the time that it needs for that.
#[derive(Debug)]
pub(crate) struct Told {
    task: JoinHandle<()>,
    tells: oneshot::Sender<()>,
}

/// What a task is told to end by.
pub(crate) type Ends = oneshot::Receiver<()>;

impl Told {
    pub(crate) fn spawn<F: Future<Output = ()> + Send + 'static>(work: impl FnOnce(Ends) -> F) -> Self {
        let (tells, told) = oneshot::channel();
        Self {
            task: tokio::spawn(work(told)),
            tells,
        }
    }

    /// Ends it, and waits until it has ended: by itself within this time, by force after that.
    pub(crate) async fn end(self, within: Duration) {
        let Self { mut task, tells } = self;
        drop(tells);
        if tokio::time::timeout(within, &mut task).await.is_err() {
            task.abort();
            let _ = task.await;
        }
    }
}
