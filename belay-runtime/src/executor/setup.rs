//! Setups: run at global level, in order, once per session.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tracing::Instrument;

use super::execute::Executor;
use crate::boxed::BoxFuture;
use crate::error::{ErrorKind, Result};
use crate::python::Arguments;
use crate::session::{Connection, Follower, ReconnectPolicy, Session, SessionEvent};
use crate::spec::{DeviceSpec, MethodKind, MethodSpec, SetupOptions};

/// Runs the setups of the traits that are attached to a device.
pub trait SetupExecutor: Executor {
    /// Runs the setups of this trait that have no parameters and are not `auto = false`, in their order. If they have
    /// run in this session already, nothing is done.
    ///
    /// # Errors
    ///
    /// When a setup fails that is neither `critical = false` nor `ignore_errors`. Failures of the other setups are
    /// logged and reported as [`SessionEvent::SetupFailed`].
    fn initialize(&self, device: &'static DeviceSpec) -> BoxFuture<'_, Result<()>>;

    /// Whether the setups of this trait have run in this session.
    fn is_initialized(&self, device: &'static DeviceSpec) -> bool;

    /// Runs one setup, and records its arguments, so that it can be run again after a reset.
    ///
    /// # Errors
    ///
    /// When an argument cannot be expressed in Python, when the body raises or takes longer than its
    /// time-out, or when the board cannot be reached.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future interrupts the body; the setup is not recorded then.
    fn run(
        &self,
        device: &'static DeviceSpec,
        method: &'static MethodSpec,
        arguments: Arguments,
    ) -> BoxFuture<'_, Result<()>>;

    /// Forgets a trait whose attachment failed: its setups are not run again.
    fn forget(&self, device: &'static DeviceSpec);
}

/// The runtime's own [`SetupExecutor`].
#[derive(Debug, Clone)]
pub struct Setups {
    session: Session,
    recorded: Arc<Recorded>,
}

/// The setups that have run, in the order in which they ran for the first time.
#[derive(Debug, Default)]
struct Recorded {
    runs: Mutex<Vec<Run>>,
    initialized: Mutex<Vec<&'static DeviceSpec>>,
    /// Held while a trait is initialised, so that two callers do not both run its setups.
    initializing: tokio::sync::Mutex<()>,
}

#[derive(Debug, Clone)]
struct Run {
    device: &'static DeviceSpec,
    method: &'static MethodSpec,
    arguments: Arguments,
}

fn options(method: &MethodSpec) -> SetupOptions {
    match method.kind {
        MethodKind::Setup(options) => options,
        _ => SetupOptions::new(),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Setups {
    /// An executor that works on this session.
    pub fn new(session: &Session) -> Self {
        let recorded: Arc<Recorded> = Arc::default();
        let follower: Weak<dyn Follower> = Arc::downgrade(&(Arc::clone(&recorded) as Arc<dyn Follower>));
        session.follow(follower);
        Self {
            session: session.clone(),
            recorded,
        }
    }

    async fn run_and_record(&self, run: Run) -> Result<()> {
        let deadline = self.session.deadline(run.method);
        let _call = self.session.shared(deadline).await?;
        let connection = self.session.connection(deadline).await?;
        run.run(&connection).await?;
        self.recorded.record(run);
        Ok(())
    }

    async fn initialize_once(&self, device: &'static DeviceSpec) -> Result<()> {
        let _one_at_a_time = self.recorded.initializing.lock().await;
        if self.is_initialized(device) {
            return Ok(());
        }
        let automatic = |method: &&&MethodSpec| {
            matches!(method.kind, MethodKind::Setup(options) if options.auto) && method.params.is_empty()
        };
        let mut methods: Vec<_> = device.methods.iter().filter(automatic).copied().collect();
        methods.sort_by_key(|method| options(method).order);
        for method in methods {
            let run = Run {
                device,
                method,
                arguments: Arguments::new(),
            };
            match self.run_and_record(run).await {
                Err(error) if options(method).critical && !options(method).ignore_errors => {
                    return Err(error);
                }
                Err(error) => {
                    tracing::warn!(device = self.session.name(), method = method.path, %error, "a setup failed");
                    self.session
                        .send_event(SessionEvent::SetupFailed(Arc::new(error)));
                }
                Ok(()) => {}
            }
        }
        lock(&self.recorded.initialized).push(device);
        Ok(())
    }
}

impl Run {
    async fn run(&self, connection: &Connection) -> Result<()> {
        let span = tracing::info_span!(
            "belay.setup",
            device = connection.name(),
            method = self.method.path
        );
        connection
            .run_method(self.device, self.method, &self.arguments)
            .instrument(span)
            .await
    }
}

impl Recorded {
    /// Records a setup. If it ran before, it keeps its place, with the new arguments.
    fn record(&self, run: Run) {
        let mut runs = lock(&self.runs);
        match runs
            .iter_mut()
            .find(|known| std::ptr::eq(known.method, run.method))
        {
            Some(known) => *known = run,
            None => runs.push(run),
        }
    }
}

impl Follower for Recorded {
    fn reconnected<'a>(
        self: Arc<Self>,
        connection: &'a Arc<Connection>,
        reset: bool,
        policy: &'a ReconnectPolicy,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            if !reset || !policy.replays_setups() {
                return Ok(());
            }
            let runs = lock(&self.runs).clone();
            for run in runs {
                let Err(error) = run.run(connection).await else {
                    continue;
                };
                // If the error is not an exception, it was the connection that failed, and not the setup.
                if error.exception().is_none() {
                    return Err(error);
                }
                if options(run.method).critical && !options(run.method).ignore_errors {
                    let cause = Box::new(error);
                    let teardown = Vec::new();
                    return Err(ErrorKind::Setup { cause, teardown }.into());
                }
                tracing::warn!(device = connection.name(), method = run.method.path, %error, "a setup failed when it was run again");
            }
            Ok(())
        })
    }
}

impl Executor for Setups {
    fn session(&self) -> &Session {
        &self.session
    }
}

impl SetupExecutor for Setups {
    fn initialize(&self, device: &'static DeviceSpec) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.session.unless_closing(self.initialize_once(device)))
    }

    fn is_initialized(&self, device: &'static DeviceSpec) -> bool {
        lock(&self.recorded.initialized)
            .iter()
            .any(|known| std::ptr::eq(*known, device))
    }

    fn run(
        &self,
        device: &'static DeviceSpec,
        method: &'static MethodSpec,
        arguments: Arguments,
    ) -> BoxFuture<'_, Result<()>> {
        let run = Run {
            device,
            method,
            arguments,
        };
        Box::pin(self.session.unless_closing(self.run_and_record(run)))
    }

    fn forget(&self, device: &'static DeviceSpec) {
        lock(&self.recorded.runs).retain(|run| !std::ptr::eq(run.device, device));
        lock(&self.recorded.initialized).retain(|known| !std::ptr::eq(*known, device));
    }
}
