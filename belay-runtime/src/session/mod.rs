//! The session: one board from connecting to closing, with everything that the executors share.

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

/// The namespace that is kept for code of no trait.
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
    /// Who listens to what bodies tell.
    listening: Arc<listening::Listening>,
    /// What writes there, until the session is closed.
    writing: Mutex<Option<tokio::task::JoinHandle<()>>>,
    /// Where what the board prints goes, until the session is closed.
    output: Mutex<Option<OutputHub>>,
    context: SessionContext,
    registry: Arc<registry::Registry>,
    counters: Arc<deployments::Counters>,
    followers: Mutex<Vec<Weak<dyn Follower>>>,
    /// Taken for reading by each call, and for writing by an exclusive one.
    gate: Arc<tokio::sync::RwLock<()>>,
    /// Whether the session is being closed, or is.
    closing: watch::Sender<bool>,
    /// Held by a recovery, so that closing can wait until it has let go of the port.
    recovering: tokio::sync::Mutex<()>,
    /// What answers the board, and what it was answered.
    hosts: Arc<hosts::Hosts>,
    asked: Arc<Asked>,
    /// Who has objects kept on the board.
    keeper: Arc<Keeper>,
    runtime: tokio::runtime::Handle,
}

/// What the builder decides.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) connector: Connector,
    pub(crate) link: LinkOptions,
    pub(crate) reconnect: ReconnectPolicy,
    pub(crate) reset_for_threads: bool,
    pub(crate) thread_stop: Duration,
    pub(crate) host_action: Duration,
    /// The program that compiles modules.
    pub(crate) mpy_cross: Arc<Path>,
    /// How many bytes of events wait for a subscriber, and how many events on the board.
    pub(crate) event_backlog: usize,
    pub(crate) event_queue: usize,
    /// Where what the board prints is written.
    pub(crate) sink: Option<OutputSink>,
    pub(crate) input: Option<Input>,
}

impl Session {
    /// The device's name: the address that it was connected by, or the name that it was given.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// What the session is doing.
    pub fn state(&self) -> SessionState {
        self.inner.state.get()
    }

    /// The state, and every change of it from now on.
    pub fn states(&self) -> SessionStates {
        SessionStates::new(self.inner.state.subscribe())
    }

    /// Counts the resets of the board that this session has seen: what was on the board in another epoch is
    /// gone.
    pub fn epoch(&self) -> u64 {
        self.live_now().epoch()
    }

    /// What the board can do.
    pub fn capabilities(&self) -> Arc<Capabilities> {
        Arc::clone(&self.live_now().capabilities)
    }

    /// Values that executors and programs keep for each other.
    pub fn context(&self) -> &SessionContext {
        &self.inner.context
    }

    /// How the deployment cache has done since the device was connected.
    pub fn deployment_stats(&self) -> DeploymentStats {
        self.inner.counters.snapshot()
    }

    /// How many methods are on the board, as far as the host knows.
    pub fn deployed(&self) -> usize {
        self.live_now().deployments.len()
    }

    /// Resets, reconnections and threads that ended, from now on. They end once the device is closed.
    pub fn events(&self) -> SessionEvents {
        self.inner.events.subscribe()
    }

    /// What the board prints, from now on, across reconnections.
    pub fn output(&self) -> OutputStream {
        self.output_hub()
            .map_or_else(OutputStream::ended, |hub| hub.subscribe())
    }

    fn output_hub(&self) -> Option<OutputHub> {
        let hub = self.inner.output.lock().unwrap_or_else(PoisonError::into_inner);
        hub.clone()
    }

    /// Nothing is printed any more, but for what is on its way.
    fn end_output(&self) {
        *self.inner.output.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Whether a call would be taken now: the session is connected, or about to be so again.
    pub fn can_execute(&self) -> bool {
        matches!(
            self.state(),
            SessionState::Ready | SessionState::Busy | SessionState::Recovering
        )
    }

    /// The connection of the moment, whatever state it is in.
    pub(crate) fn live_now(&self) -> Arc<Connection> {
        Arc::clone(&self.inner.live.borrow())
    }

    /// The connection, once there is one that answers.
    ///
    /// # Errors
    ///
    /// When there is none within this time, or when none is being made.
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
        // A connection that is not there by then is one that there is not.
        let _ = tokio::time::timeout(within, self.until_settled()).await;
        self.connected()
    }

    /// Waits until no connection is being made any more.
    async fn until_settled(&self) {
        let mut state = self.inner.state.subscribe();
        let waited =
            state.wait_for(|state| !matches!(state, SessionState::Recovering | SessionState::Connecting));
        // It fails when the session is gone, which it is not as long as somebody asks.
        let _ = waited.await;
    }

    /// The connection, if there is one that answers now.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn connected(&self) -> Result<Arc<Connection>> {
        self.notice_end();
        match self.state() {
            SessionState::Ready | SessionState::Busy => Ok(self.live_now()),
            SessionState::Closed => Err(self.closed()),
            _ => Err(self.error(ErrorKind::Disconnected(self.fault()))),
        }
    }

    /// Whoever was told that the connection is at its end finds the session knowing it, even if what follows
    /// the link has not come to run yet.
    fn notice_end(&self) {
        let live = self.live_now();
        if let Some(cause) = live.link.end() {
            self.ended(live.generation(), &cause);
        }
    }

    /// Why a session that is closed answers nothing.
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

    /// Says of an error that it is of this method on this device.
    #[must_use]
    pub fn in_method(&self, error: Error, method: &MethodSpec) -> Error {
        error.in_method(method.path).on_device(&self.inner.name)
    }

    /// What a method returned, as the type that it says.
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

    /// Has a follower told of what happens to the session, for as long as it lives.
    pub fn follow(&self, follower: Weak<dyn Follower>) {
        self.living_followers().push(follower);
    }

    /// The same, before all others: they find done what this does.
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

    /// Tells those who listen to the [events](Self::events) of one.
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
