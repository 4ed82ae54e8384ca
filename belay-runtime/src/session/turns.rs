//! The order of calls: shared turns, exclusive turns, and none once the session is being closed.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::Session;
use super::returned::Returned;
use super::state::CallGuard;
use crate::error::{ErrorKind, Phase, Result};

tokio::task_local! {
    /// Set in the clean-up while a device is being closed: only its calls are still made.
    static CLEANING: ();
}

impl Session {
    /// Waits for a shared turn. While the turn lives, exclusive calls have to wait, and the session is
    /// [busy](super::SessionState::Busy).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Busy`] when exclusive calls kept the device for this long.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, only the place in the queue is lost.
    pub async fn shared(&self, within: Duration) -> Result<SharedTurn<'_>> {
        self.unless_answering()?;
        let call = self.inner.state.call();
        let gate = match self.inner.gate.try_read() {
            Ok(gate) => Some(gate),
            Err(_) if self.has_no_calls() => None,
            Err(_) => Some(self.in_time(within, self.inner.gate.read()).await?),
        };
        Ok(SharedTurn {
            _gate: gate,
            _call: call,
        })
    }

    /// Waits until no other call is running. While the turn lives, all other calls have to wait.
    ///
    /// # Errors
    ///
    /// As [`shared`](Self::shared).
    ///
    /// # Cancel safety
    ///
    /// As [`shared`](Self::shared).
    pub async fn exclusive(&self, within: Duration) -> Result<ExclusiveTurn> {
        self.unless_answering()?;
        let waiting = Arc::clone(&self.inner.gate).write_owned();
        let gate = if self.has_no_calls() {
            None
        } else {
            Some(self.in_time(within, waiting).await?)
        };
        Ok(ExclusiveTurn {
            _gate: gate,
            _call: self.inner.state.call(),
        })
    }

    async fn in_time<T>(&self, within: Duration, waiting: impl Future<Output = T>) -> Result<T> {
        let waited = tokio::time::timeout(within, waiting).await;
        waited.map_err(|_| self.error(ErrorKind::Busy { waited: within }))
    }

    /// Runs a call, which ends with [`ErrorKind::Closed`] when the device is closed, unless it is [part of the
    /// clean-up](Self::cleaning). The future may be polled outside of any tokio runtime.
    ///
    /// # Errors
    ///
    /// Those of `calling`, and [`ErrorKind::Closed`].
    pub async fn unless_closing<T>(&self, calling: impl Future<Output = Result<T>>) -> Result<T> {
        if CLEANING.try_with(|()| ()).is_ok() {
            return calling.await;
        }
        let mut closing = self.inner.closing.subscribe();
        let ended = async {
            tokio::select! {
                biased;
                _ = closing.wait_for(|closing| *closing) => Err(self.closed()),
                done = calling => done,
            }
        };
        self.in_runtime(ended).await
    }

    /// Runs work as part of the clean-up of a device that is being closed, so that its calls are still made.
    pub async fn cleaning<T>(work: impl Future<Output = T>) -> T {
        CLEANING.scope((), work).await
    }

    /// Polls a future inside a tokio runtime, which timers need: the current one, or else the session's.
    pub async fn in_runtime<T>(&self, doing: impl Future<Output = T>) -> T {
        let mut doing = std::pin::pin!(doing);
        std::future::poll_fn(|cx| {
            let outside = tokio::runtime::Handle::try_current().is_err();
            let _entered = outside.then(|| self.inner.runtime.enter());
            doing.as_mut().poll(cx)
        })
        .await
    }

    /// Runs a future in the background, on the runtime that the device was connected in.
    pub fn spawn(&self, doing: impl Future<Output = ()> + Send + 'static) {
        self.inner.runtime.spawn(doing);
    }

    /// Ends all calls and streams, both those that wait for their turn and those in flight, and admits no others: from
    /// now on only the clean-up runs on the board.
    pub(crate) fn end_calls(&self) {
        self.inner.closing.send_replace(true);
        self.live_now().link.end_all();
    }

    /// Whether all calls have been ended, so that no turn has to be waited for, even if a guard of an ended call still
    /// lives.
    fn has_no_calls(&self) -> bool {
        *self.inner.closing.borrow()
    }

    /// Runs statements at the global level of a namespace, in a shared turn, and returns what they printed.
    ///
    /// # Errors
    ///
    /// When the code raises, when it takes longer than the session's time-out, or when the board cannot be reached.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future interrupts the board; the session stays usable.
    pub async fn execute(&self, namespace: &str, code: &str) -> Result<String> {
        let executing = async {
            let deadline = self.execute_deadline();
            let _call = self.shared(deadline).await?;
            let connection = self.connection(deadline).await?;
            let printed = connection.execute(namespace, code).await;
            printed.map_err(|error| error.in_phase(Phase::Execute))
        };
        self.unless_closing(executing).await
    }

    /// Evaluates an expression in a namespace, in a shared turn.
    ///
    /// # Errors
    ///
    /// As [`execute`](Self::execute).
    ///
    /// # Cancel safety
    ///
    /// As [`execute`](Self::execute).
    pub async fn evaluate(&self, namespace: &str, expression: &str) -> Result<Returned> {
        let evaluating = async {
            let deadline = self.execute_deadline();
            let _call = self.shared(deadline).await?;
            let connection = self.connection(deadline).await?;
            let value = connection.evaluate(namespace, expression).await;
            value.map_err(|error| error.in_phase(Phase::Execute))
        };
        self.unless_closing(evaluating).await
    }
}

impl Session {
    /// Evaluates an expression in a namespace, in a shared turn, and returns its value; objects for which `T` has
    /// handles stay on the board.
    ///
    /// # Errors
    ///
    /// As [`evaluate`](Self::evaluate), when the value is not a `T`, and [`ErrorKind::Unsupported`] where the board cannot
    /// keep objects.
    ///
    /// # Cancel safety
    ///
    /// As [`execute`](Self::execute).
    pub async fn evaluate_as<T: DeserializeOwned>(&self, namespace: &str, expression: &str) -> Result<T> {
        let evaluating = async {
            let deadline = self.execute_deadline();
            let _call = self.shared(deadline).await?;
            let connection = self.connection(deadline).await?;
            let value = connection.evaluate_as::<T>(namespace, expression).await;
            value
                .and_then(|value| value.to())
                .map_err(|error| error.in_phase(Phase::Execute))
        };
        self.unless_closing(evaluating).await
    }
}

/// A turn of a call that may run beside other shared ones.
pub struct SharedTurn<'a> {
    _gate: Option<tokio::sync::RwLockReadGuard<'a, ()>>,
    _call: CallGuard,
}

/// A turn of a call that runs alone.
pub struct ExclusiveTurn {
    _gate: Option<tokio::sync::OwnedRwLockWriteGuard<()>>,
    _call: CallGuard,
}

impl fmt::Debug for SharedTurn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedTurn")
    }
}

impl fmt::Debug for ExclusiveTurn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExclusiveTurn")
    }
}
