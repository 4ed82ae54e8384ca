//! The session: the life of one board's connection from connecting to closing, with everything that the executors
//! share.

mod awaiting;
mod brought;
mod calling;
mod capabilities;
mod clock;
mod connect;
mod connection;
mod context;
mod deploying;
mod deployments;
mod events;
mod follower;
mod hearing;

mod hosting;
mod hosts;
mod keeping;
mod listening;
mod modules;
mod policy;
mod recovery;
mod registry;
mod returned;
mod sink;
mod state;
mod thread;
mod traceback;
mod turns;

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::sync::watch;

use crate::error::{Error, ErrorKind, Phase, Result};
use crate::host::Input;
use crate::kept::Keeper;
use crate::link::{Asked, LinkOptions, OutputHub};
use crate::spec::{DeviceSpec, MethodSpec};
use crate::transport::Connector;

pub use crate::link::OutputSubscription as OutputStream;
pub use calling::Items;
pub use capabilities::{Capabilities, FloatPrecision};
pub use clock::{Clock, ClockEstimate, Moment};
pub use connection::Connection;
pub use context::SessionContext;
pub use deploying::OnBoard;
pub use deployments::DeploymentStats;
pub use events::{SessionEvent, SessionEvents};
pub use follower::Follower;
pub use listening::EventStream;
pub use policy::ReconnectPolicy;
pub use returned::Returned;
pub(crate) use sink::OutputSink;
pub use state::{SessionState, SessionStates};
pub use thread::{ThreadInfo, ThreadState};
pub use turns::{ExclusiveTurn, SharedTurn};

/// The namespace for code that belongs to no trait.
pub(crate) const SCRATCH: &str = "_main";

/// A session with a board: its state, what the board can do, what is deployed there, and what executors
/// share.
///
/// Clones are the same session.
#[derive(Clone)]
pub struct Session {
    inner: Arc<Inner>,
}

struct Inner {
    name: Arc<str>,
    settings: Settings,
    state: Arc<state::StateMachine>,
    live: watch::Sender<Arc<Connection>>,
    /// Why the session is faulted.
    fault: Mutex<Option<Arc<Error>>>,
    events: events::EventHub,
    /// The subscriptions to events of bodies.
    listening: Arc<listening::Listening>,
    /// The task that writes the board's output to the user's writer, until the session is closed.
    writing: Mutex<Option<tokio::task::JoinHandle<()>>>,
    /// Distributes what the board prints, until the session is closed.
    output: Mutex<Option<OutputHub>>,
    context: SessionContext,
    registry: Arc<registry::Registry>,
    counters: Arc<deployments::Counters>,
    followers: Mutex<Vec<Weak<dyn Follower>>>,
    /// Locked for reading by each call, and for writing by an exclusive one.
    gate: Arc<tokio::sync::RwLock<()>>,
    /// Whether the session is being closed, or is closed.
    closing: watch::Sender<bool>,
    /// Locked by a recovery, so that closing can wait until the recovery has released the port.
    recovering: tokio::sync::Mutex<()>,
    /// What answers the board's questions, and the answers that were given.
    hosts: Arc<hosts::Hosts>,
    asked: Arc<Asked>,
    /// The owner of objects on the board.
    keeper: Arc<Keeper>,
    runtime: tokio::runtime::Handle,
}

/// The settings that the builder collects.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) connector: Connector,
    pub(crate) link: LinkOptions,
    pub(crate) reconnect: ReconnectPolicy,
    pub(crate) reset_for_threads: bool,
    pub(crate) thread_stop: Duration,
    pub(crate) host_action: Duration,
    /// The program that compiles modules to `.mpy` files.
    pub(crate) mpy_cross: Arc<Path>,
    /// How many bytes of events are queued for a subscriber, and how many events on the board.
    pub(crate) event_backlog: usize,
    pub(crate) event_queue: usize,
    /// The user's writer for what the board prints.
    pub(crate) sink: Option<OutputSink>,
    pub(crate) input: Option<Input>,
}

impl Session {
    /// The name of the device: the one that it was given, or else the address that it was connected by.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// The current state of the session.
    pub fn state(&self) -> SessionState {
        self.inner.state.get()
    }

    /// The current state, and every change of it from now on.
    pub fn states(&self) -> SessionStates {
        SessionStates::new(self.inner.state.subscribe())
    }

    /// The number of resets of the board that this session has seen: what was on the board in an earlier epoch is gone.
    pub fn epoch(&self) -> u64 {
        self.live_now().epoch()
    }

    /// What the board can do.
    pub fn capabilities(&self) -> Arc<Capabilities> {
        Arc::clone(&self.live_now().capabilities)
    }

    /// Values that executors and programs share.
    pub fn context(&self) -> &SessionContext {
        &self.inner.context
    }

    /// Statistics of the deployment cache since the device was connected.
    pub fn deployment_stats(&self) -> DeploymentStats {
        self.inner.counters.snapshot()
    }

    /// How many methods are on the board, as far as the host knows.
    pub fn deployed(&self) -> usize {
        self.live_now().deployments.len()
    }

    /// Subscribes to resets, reconnections and threads that end, from now on. The stream ends once the device is
    /// closed.
    pub fn events(&self) -> SessionEvents {
        self.inner.events.subscribe()
    }

    /// Subscribes to what the board prints, from now on and across reconnections.
    pub fn output(&self) -> OutputStream {
        self.output_hub()
            .map_or_else(OutputStream::ended, |hub| hub.subscribe())
    }

    fn output_hub(&self) -> Option<OutputHub> {
        let hub = self.inner.output.lock().unwrap_or_else(PoisonError::into_inner);
        hub.clone()
    }

    /// Ends the output, once what is queued has been delivered.
    fn end_output(&self) {
        *self.inner.output.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Whether a call would be accepted now: the session is connected, or about to be so again.
    pub fn can_execute(&self) -> bool {
        matches!(
            self.state(),
            SessionState::Ready | SessionState::Busy | SessionState::Recovering
        )
    }

    /// The current connection, whatever state it is in.
    pub(crate) fn live_now(&self) -> Arc<Connection> {
        Arc::clone(&self.inner.live.borrow())
    }

    /// The current connection. Waits while one is being made.
    ///
    /// # Errors
    ///
    /// When there is none within this time, or when the session is not trying to connect.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn connection(&self, within: Duration) -> Result<Arc<Connection>> {
        self.unless_answering()?;
        self.notice_end();
        if self.state().is_connected() {
            return Ok(self.live_now());
        }
        // After a time-out, `connected` returns the error.
        let _ = tokio::time::timeout(within, self.until_settled()).await;
        self.connected()
    }

    /// Waits while a connection is being made.
    async fn until_settled(&self) {
        let mut state = self.inner.state.subscribe();
        let waited =
            state.wait_for(|state| !matches!(state, SessionState::Recovering | SessionState::Connecting));
        // Waiting fails only when the session is gone, which cannot happen while it is borrowed.
        let _ = waited.await;
    }

    /// The current connection, without waiting for one.
    ///
    /// # Errors
    ///
    /// When the session is not connected.
    pub fn connected(&self) -> Result<Arc<Connection>> {
        self.notice_end();
        match self.state() {
            SessionState::Ready | SessionState::Busy => Ok(self.live_now()),
            SessionState::Closed => Err(self.closed()),
            _ => Err(self.error(ErrorKind::Disconnected(self.fault()))),
        }
    }

    /// Updates the session's state if the link has ended. A caller that was told that the connection has ended must not
    /// find the session still connected, even if the task that watches the link has not run yet.
    fn notice_end(&self) {
        let live = self.live_now();
        if let Some(cause) = live.link.end() {
            self.ended(live.generation(), &cause);
        }
    }

    /// The error of calls of a closed session.
    fn closed(&self) -> Error {
        let gone = |fault: Arc<Error>| matches!(fault.kind(), ErrorKind::RuntimeGone);
        self.error(if self.fault().is_some_and(gone) {
            ErrorKind::RuntimeGone
        } else {
            ErrorKind::Closed
        })
    }

    fn fault(&self) -> Option<Arc<Error>> {
        self.inner
            .fault
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn error(&self, kind: impl Into<ErrorKind>) -> Error {
        Error::from(kind.into()).on_device(&self.inner.name)
    }

    /// Adds this method and this device to an error.
    #[must_use]
    pub fn in_method(&self, error: Error, method: &MethodSpec) -> Error {
        error.in_method(method.path).on_device(&self.inner.name)
    }

    /// Reads a method's result as the type in its signature.
    pub(crate) fn value_of<T: DeserializeOwned>(
        &self,
        method: &MethodSpec,
        returned: &Returned,
    ) -> Result<T> {
        let value = match self.with_moment(returned) {
            Some(returned) => returned.to(),
            None => returned.to(),
        };
        value.map_err(|error| self.in_method(error.in_phase(Phase::Execute), method))
    }

    /// How long a call of this method may take: its own time-out, or else the session's.
    pub fn deadline(&self, method: &MethodSpec) -> Duration {
        method.timeout.unwrap_or(self.execute_deadline())
    }

    pub(crate) fn execute_deadline(&self) -> Duration {
        self.inner.settings.link.deadlines.execute
    }

    pub(crate) fn device(&self) -> &Arc<str> {
        &self.inner.name
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    pub(crate) fn runtime(&self) -> &tokio::runtime::Handle {
        &self.inner.runtime
    }

    pub(crate) fn attach(&self, device: &'static DeviceSpec) -> Result<()> {
        let attached = self.inner.registry.attach(device);
        attached.map_err(|error| error.on_device(&self.inner.name))
    }

    pub(crate) fn detach(&self, device: &'static DeviceSpec) {
        self.inner.registry.detach(device);
    }

    /// Notifies a follower of what happens to the session, for as long as the follower lives.
    pub fn follow(&self, follower: Weak<dyn Follower>) {
        self.living_followers().push(follower);
    }

    /// The same, ahead of the followers that are there already, because these depend on what this one restores.
    #[cfg(feature = "mount")]
    pub(crate) fn follow_first(&self, follower: Weak<dyn Follower>) {
        self.living_followers().insert(0, follower);
    }

    fn living_followers(&self) -> MutexGuard<'_, Vec<Weak<dyn Follower>>> {
        let followers = self.inner.followers.lock();
        let mut followers = followers.unwrap_or_else(PoisonError::into_inner);
        followers.retain(|follower| follower.strong_count() > 0);
        followers
    }

    fn followers(&self) -> Vec<Arc<dyn Follower>> {
        self.living_followers().iter().filter_map(Weak::upgrade).collect()
    }

    /// Sends an event to the subscribers of [`events`](Self::events).
    pub fn send_event(&self, event: SessionEvent) {
        self.inner.events.send(event);
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("name", &self.inner.name)
            .field("state", &self.state())
            .field("epoch", &self.epoch())
            .finish_non_exhaustive()
    }
}
