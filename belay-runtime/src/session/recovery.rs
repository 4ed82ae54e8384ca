//! What happens when the connection ends: the session is faulted, or reconnected as the policy says. Also resetting the
//! board and closing the session.

use std::sync::{Arc, PoisonError, Weak};

use tracing::Instrument;

use super::{Connection, Inner, ReconnectPolicy, Session, SessionEvent, SessionState};
use crate::error::{Error, ErrorKind, Result};
use crate::link::{LinkEvent, ResetPolicy};
use crate::transport::TransportError;

impl Session {
    /// Watches the current link in a task until it ends. The task holds a strong reference to the session only while it
    /// handles an event, so that the session ends when nobody uses it.
    pub(super) fn watch_link(&self) {
        let live = self.live_now();
        let mut events = live.link.events();
        let generation = live.generation();
        let told = self.inner.listening.hub();
        let watch = Unfinished::new(self);
        drop(live);
        self.inner.runtime.spawn(async move {
            loop {
                let event = tokio::select! {
                    event = events.next() => event,
                    () = told.stray() => {
                        if let Some(session) = watch.session() {
                            session.inner.listening.silence_strays(generation);
                        }
                        continue;
                    }
                };
                let Some(session) = watch.session() else {
                    return;
                };
                match event {
                    Some(LinkEvent::Board(repr)) => {
                        for follower in session.followers() {
                            follower.board_event(&repr);
                        }
                    }
                    Some(LinkEvent::Reset) => {
                        watch.finish();
                        return session.ended(generation, &ErrorKind::Reset.into());
                    }
                    Some(LinkEvent::Lost) | None => {
                        watch.finish();
                        let cause = session.live_now().link.end();
                        return session.ended(generation, &cause.unwrap_or_else(|| session.vanished()));
                    }
                    Some(LinkEvent::Missed(_)) => {}
                }
            }
        });
    }

    /// Tells the session of an error of a call over this connection. If the error means that the connection has ended,
    /// later callers wait for another connection, or are told that there is none.
    pub fn report(&self, connection: &Connection, error: &Error) {
        if error.ends_connection() {
            self.ended(connection.generation(), error);
        }
    }

    /// Handles the end of the connection of this generation. Only the first report of it counts.
    pub(crate) fn ended(&self, generation: u64, cause: &Error) {
        if self.live_now().generation() != generation {
            return;
        }
        let policy = &self.inner.settings.reconnect;
        let next = if policy.is_never() {
            SessionState::Faulted
        } else {
            SessionState::Recovering
        };
        let reset = matches!(cause.kind(), ErrorKind::Reset);
        let cause = Arc::new(if reset {
            self.error(ErrorKind::Reset)
        } else {
            let gone = transport_error(cause).map(|gone| self.error(ErrorKind::Transport(gone.again())));
            gone.unwrap_or_else(|| self.vanished())
        });
        // Set the reason first, so that whoever sees the new state finds it.
        let old = self.set_fault(Some(Arc::clone(&cause)));
        if !self.inner.state.go(next, SessionState::is_connected) {
            self.set_fault(old);
            return;
        }
        tracing::warn!(device = %self.inner.name, error = %cause, "the connection is at its end");
        self.send_event(if reset {
            SessionEvent::Reset
        } else {
            SessionEvent::Lost
        });
        if next == SessionState::Faulted {
            self.out_of_reach(&cause);
        } else {
            let session = self.clone();
            let policy = policy.clone();
            let recovery = Unfinished::new(self);
            self.inner.runtime.spawn(async move {
                session.recover(policy).await;
                recovery.finish();
            });
        }
    }

    /// Closes the session for good, because its runtime has ended, and with it all its tasks.
    fn runtime_gone(&self) {
        let cause = Arc::new(self.error(ErrorKind::RuntimeGone));
        let old = self.set_fault(Some(Arc::clone(&cause)));
        if !self.inner.state.go(SessionState::Closed, |_| true) {
            self.set_fault(old);
            return;
        }
        self.end_output();
        self.out_of_reach(&cause);
        self.send_event(SessionEvent::Faulted(cause));
        self.inner.events.end();
    }

    fn out_of_reach(&self, cause: &Arc<Error>) {
        self.inner.listening.out_of_reach(cause);
        for follower in self.followers() {
            follower.out_of_reach(cause);
        }
    }

    fn vanished(&self) -> Error {
        let port = self.inner.settings.connector.name().to_owned();
        self.error(ErrorKind::Transport(TransportError::Vanished(port.into())))
    }

    fn set_fault(&self, fault: Option<Arc<Error>>) -> Option<Arc<Error>> {
        let mut current = self.inner.fault.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *current, fault)
    }

    /// Reconnects as the policy says, and ends in [`SessionState::Ready`] or [`SessionState::Faulted`]. Returns at once
    /// when the session is closed meanwhile.
    async fn recover(&self, policy: ReconnectPolicy) {
        self.recover_with(policy, self.inner.settings.link.reset_on_connect)
            .await;
    }

    async fn recover_with(&self, policy: ReconnectPolicy, reset: ResetPolicy) {
        let _recovering = self.inner.recovering.lock().await;
        let span = tracing::info_span!("belay.reconnect", device = %self.inner.name);
        let mut state = self.inner.state.subscribe();
        tokio::select! {
            biased;
            _ = state.wait_for(|state| *state == SessionState::Closed) => {}
            () = self.attempts(policy, reset).instrument(span) => {}
        }
    }

    async fn attempts(&self, policy: ReconnectPolicy, reset: ResetPolicy) {
        for pause in policy.pauses() {
            tokio::time::sleep(pause).await;
            match self.attempt(&policy, reset).await {
                Ok(()) => return,
                Err(error) => {
                    tracing::warn!(device = %self.inner.name, %error, "an attempt to connect again failed");
                    let hopeless = is_of_the_program(error.kind());
                    self.set_fault(Some(Arc::new(error)));
                    if hopeless {
                        break;
                    }
                }
            }
        }
        self.give_up();
    }

    /// Ends a recovery that failed, for the reason that is set.
    fn give_up(&self) {
        self.inner
            .state
            .go(SessionState::Faulted, |state| state == SessionState::Recovering);
        if let Some(fault) = self.fault() {
            self.out_of_reach(&fault);
            self.send_event(SessionEvent::Faulted(fault));
        }
    }

    async fn attempt(&self, policy: &ReconnectPolicy, reset: ResetPolicy) -> Result<()> {
        let inner = &self.inner;
        let before = self.live_now();
        let mut settings = inner.settings.clone();
        settings.link.reset_on_connect = reset;
        let output = self.output_hub().ok_or(ErrorKind::Closed)?;
        let live = Connection::connect(
            &inner.name,
            &settings,
            (output, inner.listening.hub(), Arc::clone(&inner.asked)),
            (&inner.registry, &inner.counters, &inner.hosts, &inner.keeper),
            Some(&before),
        )
        .await
        .map_err(|error| error.on_device(&inner.name))?;
        let reset = live.epoch() != before.epoch();
        let devices = inner.registry.devices();
        live.bring(&devices).await?;
        live.host(&devices).await?;
        for device in devices {
            live.claim_events(device, settings.event_queue).await?;
        }
        inner.listening.connected(&live);
        let live = Arc::new(live);
        for follower in self.followers() {
            follower.reconnected(&live, reset, policy).await?;
        }
        let epoch = live.epoch();
        inner.live.send_replace(live);
        self.watch_link();
        self.set_fault(None);
        if inner
            .state
            .go(SessionState::Ready, |state| state == SessionState::Recovering)
        {
            self.send_event(SessionEvent::Reconnected { epoch });
        }
        Ok(())
    }

    /// Resets the board and connects again, as [`Device::reset`](crate::Device::reset) does.
    ///
    /// # Errors
    ///
    /// When the board cannot be made to reset itself, when it does not answer after the reset, or when a setup fails.
    ///
    /// # Cancel safety
    ///
    /// Once begun, the reset is completed even if the future is dropped.
    pub async fn reset(&self, policy: ResetPolicy) -> Result<()> {
        let epoch = self.epoch();
        let mut times = 0;
        loop {
            if self.begin_to_reset() {
                self.reset_to_the_end(policy).await?;
                times += 1;
            }
            self.until_settled().await;
            self.connected()?;
            // A reset by another caller is as good as ours. But after any other recovery, such as one from a lost port,
            // or after something that only looked like a restart, the board still has to be reset.
            if self.epoch() != epoch || policy == ResetPolicy::None || times > 1 {
                return Ok(());
            }
        }
    }

    fn begin_to_reset(&self) -> bool {
        let goes = |state: SessionState| state.is_connected() || state == SessionState::Faulted;
        self.inner.state.go(SessionState::Recovering, goes)
    }

    async fn reset_to_the_end(&self, policy: ResetPolicy) -> Result<()> {
        let session = self.clone();
        let recovery = Unfinished::new(self);
        // In a task of its own, so that the session does not stay half reset when the caller's future is dropped.
        let resetting = self.inner.runtime.spawn(async move {
            let done = session.reset_now(policy).await;
            recovery.finish();
            done
        });
        // If the task did not finish, its `Unfinished` has closed the session.
        if let Ok(Err(error)) = resetting.await {
            return Err(error.on_device(&self.inner.name));
        }
        Ok(())
    }

    /// Resets the board over the current connection, or over a new one.
    async fn reset_now(&self, policy: ResetPolicy) -> Result<()> {
        let live = self.live_now();
        let mut on_connect = self.inner.settings.link.reset_on_connect;
        match live.link.reset(policy).await {
            Ok(()) => {}
            Err(error) if matches!(error.kind(), ErrorKind::Unresponsive { .. }) => {
                // A new connection would not make the board react either.
                self.set_fault(again(&error).map(|error| Arc::new(error.on_device(&self.inner.name))));
                self.give_up();
                return Err(error);
            }
            Err(error)
                if live.link.end().is_none() && matches!(error.kind(), ErrorKind::Unsupported { .. }) =>
            {
                // The board is unchanged.
                let recovering = |state| state == SessionState::Recovering;
                self.inner.state.go(SessionState::Ready, recovering);
                return Err(error);
            }
            Err(error) => {
                tracing::warn!(device = self.name(), %error, "the board could not be reset over its old connection");
                on_connect = policy;
            }
        }
        self.send_event(SessionEvent::Reset);
        drop(live);
        let reconnect = self.inner.settings.reconnect.clone().at_least_once();
        self.recover_with(reconnect, on_connect).await;
        Ok(())
    }

    /// Closes the session: sends nothing any more, and releases the port.
    pub(crate) async fn close(&self) -> Result<()> {
        let connected = self.state().is_connected();
        self.inner.state.go(SessionState::Closed, |_| true);
        // A recovery in progress sees the state and releases the port.
        let _recovering = self.inner.recovering.lock().await;
        let closed_error = Arc::new(self.error(ErrorKind::Closed));
        self.out_of_reach(&closed_error);
        self.inner.events.end();
        self.inner.asked.clear();
        let live = self.live_now();
        if connected {
            live.silence_events(self.inner.settings.link.deadlines.close)
                .await;
            live.keep_nothing(self.inner.settings.link.deadlines.close).await;
        }
        let closed = live.link.close().await;
        self.end_output();
        self.write_output_to_its_end().await;
        if connected {
            closed.map_err(|error| error.on_device(&self.inner.name))
        } else {
            Ok(())
        }
    }
}

impl Session {
    /// Waits until the board's output is written, for a limited time.
    async fn write_output_to_its_end(&self) {
        let writing = self
            .inner
            .writing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(writing) = writing else { return };
        let within = self.inner.settings.link.deadlines.close;
        if tokio::time::timeout(within, writing).await.is_err() {
            tracing::warn!(
                device = self.name(),
                "what the board printed could not be written in time"
            );
        }
    }
}

/// Whether an attempt to reconnect failed for a reason in the program, which no further attempt changes: a setup that
/// raises will raise again.
fn is_of_the_program(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Setup { .. } | ErrorKind::NotAttached { .. } | ErrorKind::Value(_) | ErrorKind::Closed
    )
}

/// A copy of an `Unresponsive` error, for the session's fault.
fn again(error: &Error) -> Option<Error> {
    let ErrorKind::Unresponsive { stuck, .. } = error.kind() else {
        return None;
    };
    let stuck = stuck.clone();
    let again = Error::from(ErrorKind::Unresponsive { stuck, source: None });
    Some(match error.phase() {
        Some(phase) => again.in_phase(phase),
        None => again,
    })
}

/// Guards a background task of the session. If the task is dropped before it has finished, its runtime has ended, and
/// the session is closed with that reason.
struct Unfinished {
    session: Weak<Inner>,
}

impl Unfinished {
    fn new(session: &Session) -> Self {
        Self {
            session: Arc::downgrade(&session.inner),
        }
    }

    fn session(&self) -> Option<Session> {
        let inner = self.session.upgrade()?;
        Some(Session { inner })
    }

    fn finish(mut self) {
        self.session = Weak::new();
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(session) = self.session() {
            session.runtime_gone();
        }
    }
}

/// The port's failure, if that is what an error is about.
fn transport_error(error: &Error) -> Option<&TransportError> {
    match error.kind() {
        ErrorKind::Transport(error) => Some(error),
        ErrorKind::FateUnknown(Some(cause)) => transport_error(cause),
        ErrorKind::Disconnected(Some(cause)) => transport_error(cause),
        _ => None,
    }
}
