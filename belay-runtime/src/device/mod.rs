//! A device: one board, with its session and its executors.

mod attached;
mod builder;
#[cfg(feature = "mount")]
mod mounting;
mod mpy_cross;
mod printed;
mod stored;

use std::sync::Arc;

use futures_util::FutureExt as _;
use serde::de::DeserializeOwned;
use tokio::task::unconstrained;
use tracing::Instrument as _;

use self::printed::Printed;
use crate::error::{Error, ErrorKind, Phase, Result, ThreadError};
use crate::executor::{
    ExecutorExt, ExecutorFactory, SetupExecutor, TaskExecutor, TeardownExecutor, ThreadExecutor,
};
use crate::files::Files;
#[cfg(doc)]
use crate::link::Deadlines;
use crate::link::ResetPolicy;
use crate::session::{Capabilities, Clock, OutputStream, Session};

pub use attached::{Attach, Attached, Hosted, NeedsNoHost};
pub use builder::DeviceBuilder;

/// A board that this program is connected to.
///
/// Clones are the same device, and may be used from many tasks at once. When the last one is dropped without
/// [`close`](Device::close), the device is closed in the background, provided that the runtime is still running.
#[derive(Debug, Clone)]
pub struct Device {
    guard: Arc<Guard>,
}

/// Closes the device when its last clone is dropped.
#[derive(Debug)]
struct Guard {
    parts: Arc<Parts>,
}

#[derive(Debug)]
struct Parts {
    session: Session,
    tasks: Arc<dyn TaskExecutor>,
    setups: Arc<dyn SetupExecutor>,
    threads: Arc<dyn ThreadExecutor>,
    teardowns: Arc<dyn TeardownExecutor>,
    /// Whether the device is closed; held while it is being closed.
    closed: tokio::sync::Mutex<bool>,
}

impl Device {
    pub(crate) fn new(session: Session, executors: &dyn ExecutorFactory) -> Self {
        let parts = Parts {
            tasks: executors.tasks(&session),
            setups: executors.setups(&session),
            threads: executors.threads(&session),
            teardowns: executors.teardowns(&session),
            session,
            closed: tokio::sync::Mutex::new(false),
        };
        let parts = Arc::new(parts);
        Self {
            guard: Arc::new(Guard { parts }),
        }
    }

    fn parts(&self) -> &Parts {
        &self.guard.parts
    }

    /// The session.
    pub fn session(&self) -> &Session {
        &self.parts().session
    }

    /// What the board can do.
    pub fn capabilities(&self) -> Arc<Capabilities> {
        self.session().capabilities()
    }

    /// Subscribes to what the board prints, from now on.
    pub fn output(&self) -> OutputStream {
        self.session().output()
    }

    /// Awaits a call, or several, and returns its result together with what was printed meanwhile: by the call, even if
    /// it failed, and by threads that run at the same time. The output is limited in the same way as that of
    /// [`execute`](Self::execute).
    ///
    /// # Cancel safety
    ///
    /// That of the call.
    ///
    /// ```no_run
    /// # async fn example(device: belay_runtime::Device) -> belay_runtime::Result<()> {
    /// let (value, printed) = device.with_output(device.execute_as::<u32>("print('hello') or 7")).await;
    /// assert_eq!((value?, printed.trim()), (7, "hello"));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn with_output<T>(&self, call: impl Future<Output = T>) -> (T, String) {
        let mut output = self.output();
        let mut printed = Printed::new(self.session().settings().link.answer_limit);
        let mut call = std::pin::pin!(call);
        let value = loop {
            tokio::select! {
                biased;
                Some(piece) = output.next() => printed.push(&piece),
                value = &mut call => break value,
            }
        };
        // What was printed before an answer is delivered before it. Drain all of it, past tokio's cooperative budget.
        while let Some(Some(piece)) = unconstrained(output.next()).now_or_never() {
            printed.push(&piece);
        }
        (value, printed.text())
    }

    /// The board's files.
    ///
    /// Nothing is written to a board's flash unless a program asks for it here.
    pub fn files(&self) -> Files {
        Files::new(self.session())
    }

    /// The board's clock, compared with that of this machine. It costs nothing until it is used.
    pub fn clock(&self) -> Clock {
        Clock::new(self.session())
    }

    /// The executor of `#[task]` methods.
    pub fn tasks(&self) -> &dyn TaskExecutor {
        &*self.parts().tasks
    }

    /// The executor of `#[setup]` methods.
    pub fn setups(&self) -> &dyn SetupExecutor {
        &*self.parts().setups
    }

    /// The executor of `#[thread]` methods.
    pub fn threads(&self) -> &dyn ThreadExecutor {
        &*self.parts().threads
    }

    /// The executor of `#[teardown]` methods.
    pub fn teardowns(&self) -> &dyn TeardownExecutor {
        &*self.parts().teardowns
    }

    /// Runs statements on the board and returns what was printed meanwhile.
    ///
    /// # Errors
    ///
    /// As [`Executor::execute`](crate::Executor::execute).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future interrupts the board; the device stays usable.
    ///
    /// ```no_run
    /// # async fn example(device: belay_runtime::Device) -> belay_runtime::Result<()> {
    /// assert_eq!(device.execute("x = 20\nprint(x + 1)").await?.trim(), "21");
    /// assert_eq!(device.execute_as::<u32>("x + 2").await?, 22);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn execute(&self, code: &str) -> Result<String> {
        self.tasks().execute(code).await
    }

    /// Evaluates one expression on the board and returns its value, or a [`Remote`](crate::Remote) handle of it.
    ///
    /// # Errors
    ///
    /// As [`ExecutorExt::execute_as`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future interrupts the board; the device stays usable.
    pub async fn execute_as<T: DeserializeOwned>(&self, expression: &str) -> Result<T> {
        // Boxed, because the future is larger than callers should have to make room for.
        Box::pin(self.tasks().execute_as(expression)).await
    }

    /// Resets the board, connects again and repeats the setups that had run. This works after a lost connection, too.
    /// What runs on the board is interrupted first and may clean up, for half of [`Deadlines::interrupt`] at most.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unresponsive`] when the board cannot be made to reset itself; and when it does not answer after the
    /// reset, or when a setup fails.
    ///
    /// # Cancel safety
    ///
    /// Once begun, the reset is completed even if the future is dropped.
    pub async fn reset(&self) -> Result<()> {
        self.reset_with(ResetPolicy::Soft).await
    }

    /// As [`reset`](Device::reset), with this kind of reset.
    ///
    /// # Errors
    ///
    /// As [`reset`](Device::reset).
    ///
    /// # Cancel safety
    ///
    /// As [`reset`](Device::reset).
    pub async fn reset_with(&self, policy: ResetPolicy) -> Result<()> {
        self.session().reset(policy).await
    }

    /// Ends all calls and streams with [`ErrorKind::Closed`], both those that wait for their turn and those in flight,
    /// which are interrupted; then stops the threads, runs the teardowns and releases the port. Closing a device again
    /// does nothing.
    ///
    /// The longest time that this can take is the sum of: [`Deadlines::interrupt`] and [`Deadlines::resync`] for what
    /// is in flight, and the same again for each deadline that passes in what follows; the [deadline of the
    /// threads](DeviceBuilder::thread_stop), with [`Deadlines::reset`] and [`Deadlines::open`] where [the board is
    /// reset for them](DeviceBuilder::reset_for_threads); the time-out of each teardown; the [time limit of each
    /// registered action](DeviceBuilder::host_action); and twice [`Deadlines::close`].
    ///
    /// # Errors
    ///
    /// One error that contains all failures, after everything has been tried; [`ErrorKind::RuntimeGone`] when the
    /// runtime that the device was connected in has ended, which has also released the port.
    ///
    /// # Cancel safety
    ///
    /// Once begun, the device is closed completely even if the future is dropped.
    pub async fn close(&self) -> Result<()> {
        let parts = Arc::clone(&self.guard.parts);
        let closing = self.session().runtime().spawn(async move { parts.close().await });
        if let Ok(closed) = closing.await {
            return closed;
        }
        // The runtime of the device has ended. The clean-up on the host can still be done here.
        self.parts().close().await?;
        Err(self.session().error(ErrorKind::RuntimeGone))
    }
}

impl Parts {
    async fn close(&self) -> Result<()> {
        let mut closed = self.closed.lock().await;
        if *closed {
            return Ok(());
        }
        *closed = true;
        let span = tracing::info_span!("belay.close", device = self.session.name());
        self.close_now().instrument(span).await
    }

    async fn close_now(&self) -> Result<()> {
        let mut failed = Vec::new();
        self.session.end_calls();
        if self.session.state().is_connected() {
            failed.extend(failures(self.stop_threads().await));
        }
        failed.extend(failures(self.teardowns.cleanup().await));
        let unclean = !failed.is_empty();
        let released = self
            .session
            .close()
            .await
            .map_err(|error| error.in_phase(Phase::Close));
        failed.extend(failures(released));
        match (failed.len(), unclean) {
            (0, _) => Ok(()),
            // Only the port failed, none of the user's code: return that error itself, which says enough.
            (1, false) => Err(failed.remove(0).on_device(self.session.device())),
            _ => Err(self.session.error(ErrorKind::Teardown(failed))),
        }
    }
}

impl Parts {
    async fn stop_threads(&self) -> Result<()> {
        let deadlines = self.session.settings().link.deadlines;
        let stop = self.session.settings().thread_stop;
        let mut within = stop
            .saturating_add(deadlines.interrupt)
            .saturating_add(deadlines.resync);
        if self.session.settings().reset_for_threads {
            within = within
                .saturating_add(deadlines.reset)
                .saturating_add(deadlines.open);
        }
        let stopping = self.threads.stop_all(stop);
        let stopped = tokio::time::timeout(within, stopping).await;
        let names = Vec::new();
        stopped.unwrap_or_else(|_| Err(self.session.error(ThreadError::StillRunning { names, within })))
    }
}

/// The single failures in a result.
fn failures(result: Result<()>) -> Vec<Error> {
    match result {
        Ok(()) => Vec::new(),
        Err(error) if matches!(error.kind(), ErrorKind::Teardown(_)) => match error.into_kind() {
            ErrorKind::Teardown(failures) => failures,
            _ => Vec::new(),
        },
        Err(error) => vec![error],
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let parts = Arc::clone(&self.parts);
        self.parts.session.runtime().spawn(async move {
            if let Err(error) = parts.close().await {
                tracing::warn!(device = parts.session.name(), %error, "a device that was dropped could not be closed");
            }
        });
    }
}
