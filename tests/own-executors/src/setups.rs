//! Setups: run in their order, and again when the board was reset.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use belay::python::Arguments;
use belay::spec::{DeviceSpec, MethodKind, MethodSpec, SetupOptions};
use belay::{BoxFuture, Connection, Executor, Follower, ReconnectPolicy, Result, Session, SetupExecutor};

use crate::Log;

/// Runs setups.
#[derive(Debug)]
pub struct OwnSetups {
    session: Session,
    history: Arc<History>,
}

/// What has run.
#[derive(Debug)]
struct History {
    log: Log,
    runs: Mutex<Vec<Run>>,
    initialized: Mutex<Vec<&'static str>>,
}

#[derive(Debug, Clone)]
struct Run {
    device: &'static DeviceSpec,
    method: &'static MethodSpec,
    arguments: Arguments,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn options(method: &MethodSpec) -> Option<SetupOptions> {
    match method.kind {
        MethodKind::Setup(options) => Some(options),
        _ => None,
    }
}

impl OwnSetups {
    /// An executor that works on this session.
    pub fn new(session: &Session, log: &Log) -> Self {
        let history = Arc::new(History {
            log: log.clone(),
            runs: Mutex::default(),
            initialized: Mutex::default(),
        });
        let follower: Weak<dyn Follower> = Arc::downgrade(&(Arc::clone(&history) as Arc<dyn Follower>));
        session.follow(follower);
        let session = session.clone();
        Self { session, history }
    }

    async fn run_in_turn(&self, run: Run) -> Result<()> {
        let deadline = self.session.deadline(run.method);
        let _turn = self.session.shared(deadline).await?;
        let connection = self.session.connection(deadline).await?;
        connection
            .run_method(run.device, run.method, &run.arguments)
            .await?;
        self.history.log.add(format!("set up {}", run.method.path));
        lock(&self.history.runs).push(run);
        Ok(())
    }

    async fn initialize_all(&self, device: &'static DeviceSpec) -> Result<()> {
        if self.is_initialized(device) {
            return Ok(());
        }
        let all = device.methods.iter().copied();
        let mut automatic: Vec<_> = all
            .filter_map(|method| Some((options(method)?, method)))
            .filter(|(options, method)| options.auto && method.params.is_empty())
            .collect();
        automatic.sort_by_key(|(options, _)| options.order);
        for (_, method) in automatic {
            let arguments = Arguments::new();
            self.run_in_turn(Run {
                device,
                method,
                arguments,
            })
            .await?;
        }
        lock(&self.history.initialized).push(device.name);
        Ok(())
    }
}

impl Executor for OwnSetups {
    fn session(&self) -> &Session {
        &self.session
    }
}

impl SetupExecutor for OwnSetups {
    fn initialize(&self, device: &'static DeviceSpec) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.session.unless_closing(self.initialize_all(device)))
    }

    fn is_initialized(&self, device: &'static DeviceSpec) -> bool {
        lock(&self.history.initialized).contains(&device.name)
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
        Box::pin(self.session.unless_closing(self.run_in_turn(run)))
    }

    fn forget(&self, device: &'static DeviceSpec) {
        lock(&self.history.runs).retain(|run| run.device.name != device.name);
        lock(&self.history.initialized).retain(|name| *name != device.name);
    }
}

impl Follower for History {
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
                connection
                    .run_method(run.device, run.method, &run.arguments)
                    .await?;
                self.log.add(format!("set up {} again", run.method.path));
            }
            Ok(())
        })
    }
}
