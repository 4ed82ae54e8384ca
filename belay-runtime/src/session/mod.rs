//! The session: one board from connecting to closing, with everything that the executors share.

mod capabilities;
mod context;
mod deployments;
mod events;
mod live;
mod policy;
mod recovery;
mod registry;
mod returned;
mod state;
mod thread;
mod traceback;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::sync::{broadcast, watch};
use tracing::Instrument;

use crate::boxed::BoxFuture;
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::link::{Link, LinkOptions, OutputHub};
use crate::method::{DeviceSpec, MethodSpec};
use crate::transport::Connector;

pub use crate::link::OutputSubscription as OutputStream;
pub use capabilities::{Capabilities, FloatPrecision};
pub use context::SessionContext;
pub use deployments::DeploymentStats;
pub use events::SessionEvent;
pub use policy::ReconnectPolicy;
pub use returned::Returned;
pub use state::SessionState;
pub use thread::{ThreadInfo, ThreadState};

pub(crate) use live::Live;

/// The namespace that is kept for code of no trait.
pub(crate) const SCRATCH: &str = "_main";

tokio::task_local! {
    /// Set in what cleans up on behalf of a device that is being closed: its calls are made, and no others.
    static CLEANING: ();
}

/// Lets what this calls through although the session is being closed.
pub(crate) async fn cleaning<T>(work: impl Future<Output = T>) -> T {
    CLEANING.scope((), work).await
}

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
    live: watch::Sender<Arc<Live>>,
    /// Why the session is faulted.
    fault: Mutex<Option<Arc<Error>>>,
    /// Nothing once there are no more.
    events: Mutex<Option<broadcast::Sender<SessionEvent>>>,
    /// Where what the board prints goes, until the session is closed.
    output: Mutex<Option<OutputHub>>,
    context: SessionContext,
    registry: Arc<registry::Registry>,
    counters: Arc<deployments::Counters>,
    members: Mutex<Vec<Weak<dyn Member>>>,
    /// Taken for reading by each call, and for writing by an exclusive one.
    gate: Arc<tokio::sync::RwLock<()>>,
    /// Whether the session is being closed, or is.
    closing: watch::Sender<bool>,
    /// Held by a recovery, so that closing can wait until it has let go of the port.
    recovering: tokio::sync::Mutex<()>,
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
}

/// An executor that follows what happens to the session.
pub(crate) trait Member: Send + Sync {
    /// The session is connected again, and not ready yet: what has to be done again is done on this
    /// connection. `reset` says whether the board lost what it had.
    fn reconnected<'a>(
        self: Arc<Self>,
        live: &'a Arc<Live>,
        reset: bool,
        policy: &'a ReconnectPolicy,
    ) -> BoxFuture<'a, Result<()>>;

    /// Python on the board said something of its own accord: the `repr` of a value.
    fn board_event(&self, _repr: &[u8]) {}

    /// The session is faulted or closed: what ran on the board is out of reach.
    fn out_of_reach(&self, _cause: &Arc<Error>) {}
}

impl Session {
    pub(crate) async fn connect(name: Arc<str>, settings: Settings) -> Result<Self> {
        let span = tracing::info_span!("belay.connect", device = %name);
        let connecting = async {
            let registry = Arc::default();
            let counters = Arc::default();
            let hub = OutputHub::new(&settings.link);
            let live = Live::connect(&name, &settings, hub.clone(), &registry, &counters, None).await?;
            let session = Self {
                inner: Arc::new(Inner {
                    name: Arc::clone(&name),
                    settings,
                    state: Arc::new(state::StateMachine::new()),
                    live: watch::Sender::new(Arc::new(live)),
                    fault: Mutex::default(),
                    events: Mutex::new(Some(broadcast::Sender::new(256))),
                    output: Mutex::new(Some(hub)),
                    context: SessionContext::default(),
                    registry,
                    counters,
                    members: Mutex::default(),
                    gate: Arc::default(),
                    closing: watch::Sender::new(false),
                    recovering: tokio::sync::Mutex::default(),
                    runtime: tokio::runtime::Handle::current(),
                }),
            };
            session.watch_link();
            session.inner.state.go(SessionState::Ready, |_| true);
            Ok(session)
        };
        connecting
            .instrument(span)
            .await
            .map_err(|error: Error| error.on_device(&name))
    }

    /// The device's name: the address that it was connected by, or the name that it was given.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// What the session is doing.
    pub fn state(&self) -> SessionState {
        self.inner.state.get()
    }

    /// The state, and every change of it from now on. Changes that follow quickly can be seen as one.
    pub fn watch_state(&self) -> watch::Receiver<SessionState> {
        self.inner.state.subscribe()
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
    pub fn events(&self) -> broadcast::Receiver<SessionEvent> {
        let none = || broadcast::channel(1).1;
        self.event_sender()
            .as_ref()
            .map_or_else(none, broadcast::Sender::subscribe)
    }

    fn event_sender(&self) -> MutexGuard<'_, Option<broadcast::Sender<SessionEvent>>> {
        self.inner.events.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells those who listen that there is no more to come.
    fn end_events(&self) {
        *self.event_sender() = None;
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
    pub(crate) fn live_now(&self) -> Arc<Live> {
        Arc::clone(&self.inner.live.borrow())
    }

    /// The connection, once there is one that answers.
    ///
    /// # Errors
    ///
    /// When there is none within this time, or when none is being made.
    pub(crate) async fn live(&self, within: Duration) -> Result<Arc<Live>> {
        self.notice_end();
        if self.state().is_connected() {
            return Ok(self.live_now());
        }
        // A connection that is not there by then is one that there is not.
        let _ = tokio::time::timeout(within, self.until_settled()).await;
        self.live_if_connected()
    }

    /// Waits until no connection is being made any more.
    async fn until_settled(&self) {
        let mut state = self.watch_state();
        let waited =
            state.wait_for(|state| !matches!(state, SessionState::Recovering | SessionState::Connecting));
        // It fails when the session is gone, which it is not as long as somebody asks.
        let _ = waited.await;
    }

    /// The connection, if there is one that answers now.
    pub(crate) fn live_if_connected(&self) -> Result<Arc<Live>> {
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
    pub(crate) fn in_method(&self, error: Error, method: &MethodSpec) -> Error {
        error.in_method(method.path).on_device(&self.inner.name)
    }

    /// What a method returned, as the type that it says.
    pub(crate) fn value_of<T: DeserializeOwned>(
        &self,
        method: &MethodSpec,
        returned: &Returned,
    ) -> Result<T> {
        let value = returned.to();
        value.map_err(|error| self.in_method(error.in_phase(Phase::Execute), method))
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

    /// Has an executor told of what happens to the session, for as long as it lives.
    pub(crate) fn join(&self, member: Weak<dyn Member>) {
        let mut members = self.inner.members.lock().unwrap_or_else(PoisonError::into_inner);
        members.retain(|member| member.strong_count() > 0);
        members.push(member);
    }

    fn members(&self) -> Vec<Arc<dyn Member>> {
        let members = self.inner.members.lock().unwrap_or_else(PoisonError::into_inner);
        members.iter().filter_map(Weak::upgrade).collect()
    }

    pub(crate) fn send_event(&self, event: SessionEvent) {
        // Nobody may be listening, which is no error.
        if let Some(events) = &*self.event_sender() {
            let _ = events.send(event);
        }
    }

    /// Does this for a call, which is given up when the session is closed, unless it is part of that.
    pub(crate) async fn unless_closing<T>(&self, calling: impl Future<Output = Result<T>>) -> Result<T> {
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

    /// Does this with tokio's clock at hand, which outside of any runtime is that of the session's own.
    pub(crate) async fn in_runtime<T>(&self, doing: impl Future<Output = T>) -> T {
        let mut doing = std::pin::pin!(doing);
        std::future::poll_fn(|cx| {
            let outside = tokio::runtime::Handle::try_current().is_err();
            let _entered = outside.then(|| self.inner.runtime.enter());
            doing.as_mut().poll(cx)
        })
        .await
    }

    /// Ends all calls and streams, those that wait as well as what is under way, and lets no others begin: what is
    /// done on the board from now on is part of closing it.
    pub(crate) fn end_calls(&self) {
        self.inner.closing.send_replace(true);
        self.live_now().link.end_all();
    }

    /// Whether the calls are at their end, so that nothing has to wait for one, though somebody may still hold what
    /// kept others from it.
    fn has_no_calls(&self) -> bool {
        *self.inner.closing.borrow()
    }

    /// Lets a call through, and holds back exclusive ones for as long as what is returned lives.
    pub(crate) async fn shared(&self, deadline: Duration) -> Result<Shared<'_>> {
        let call = self.inner.state.call();
        let gate = match self.inner.gate.try_read() {
            Ok(gate) => Some(gate),
            Err(_) if self.has_no_calls() => None,
            Err(_) => Some(self.in_time(deadline, self.inner.gate.read()).await?),
        };
        Ok(Shared {
            _gate: gate,
            _call: call,
        })
    }

    /// Waits until no other call runs, and holds back all of them for as long as what is returned lives.
    pub(crate) async fn exclusive(&self, deadline: Duration) -> Result<Exclusive> {
        let waiting = Arc::clone(&self.inner.gate).write_owned();
        let gate = if self.has_no_calls() {
            None
        } else {
            Some(self.in_time(deadline, waiting).await?)
        };
        Ok(Exclusive {
            _gate: gate,
            _call: self.inner.state.call(),
        })
    }

    async fn in_time<T>(&self, deadline: Duration, waiting: impl Future<Output = T>) -> Result<T> {
        let waited = tokio::time::timeout(deadline, waiting).await;
        waited.map_err(|_| self.error(ErrorKind::Busy { waited: deadline }))
    }

    /// Runs statements in a namespace and gives what they printed.
    pub(crate) async fn execute(&self, namespace: &str, code: &str) -> Result<String> {
        self.unless_closing(self.execute_in_turn(namespace, code)).await
    }

    async fn execute_in_turn(&self, namespace: &str, code: &str) -> Result<String> {
        let deadline = self.execute_deadline();
        let _call = self.shared(deadline).await?;
        let live = self.live(deadline).await?;
        let ran = live.run(namespace, code, None).await;
        let printed = ran.map_err(|error| error.in_phase(Phase::Execute))?;
        Ok(String::from_utf8_lossy(&printed).into_owned())
    }

    /// Evaluates an expression in a namespace.
    pub(crate) async fn evaluate(&self, namespace: &str, expression: &str) -> Result<Returned> {
        self.unless_closing(self.evaluate_in_turn(namespace, expression))
            .await
    }

    async fn evaluate_in_turn(&self, namespace: &str, expression: &str) -> Result<Returned> {
        let deadline = self.execute_deadline();
        let _call = self.shared(deadline).await?;
        let live = self.live(deadline).await?;
        let expression = crate::agent::expression::evaluate(namespace, expression)?;
        let answer = live.evaluate(expression, deadline).await;
        answer.map_err(|error| error.in_phase(Phase::Execute))
    }

    pub(crate) fn execute_deadline(&self) -> Duration {
        self.inner.settings.link.deadlines.execute
    }
}

/// A call that others may run beside.
pub(crate) struct Shared<'a> {
    _gate: Option<tokio::sync::RwLockReadGuard<'a, ()>>,
    _call: state::CallGuard,
}

/// A call that nothing may run beside.
pub(crate) struct Exclusive {
    _gate: Option<tokio::sync::OwnedRwLockWriteGuard<()>>,
    _call: state::CallGuard,
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

impl Live {
    /// Connects, and asks the board what it can do and what is on it.
    async fn connect(
        name: &Arc<str>,
        settings: &Settings,
        output: OutputHub,
        registry: &Arc<registry::Registry>,
        counters: &Arc<deployments::Counters>,
        before: Option<&Self>,
    ) -> Result<Self> {
        let link = Link::connect_to(output, &settings.connector, settings.link.clone()).await?;
        let execute = settings.link.deadlines.execute;
        let (capabilities, found) = Capabilities::ask(&link, execute).await?;
        let deployments = deployments::Deployments::found(found.deployed);
        // The same run of the interpreter is the same epoch, however often the port was lost.
        let same = before
            .is_some_and(|before| before.link.hello().boot == link.hello().boot && link.hello().attached);
        Ok(Self {
            name: Arc::clone(name),
            generation: before.map_or(0, |before| before.generation + 1),
            epoch: before.map_or(0, |before| before.epoch + u64::from(!same)),
            capabilities: Arc::new(capabilities),
            deployments,
            counters: Arc::clone(counters),
            registry: Arc::clone(registry),
            execute_deadline: execute,
            // One that may be there has to be asked for, which adopts it.
            thread_library: tokio::sync::Mutex::new((!found.threads).then_some(false)),
            link,
        })
    }
}
