//! Teardowns: run when the device is closed.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use belay::python::Arguments;
use belay::spec::{DeviceSpec, MethodKind, MethodSpec};
use belay::{BoxFuture, Error, ErrorKind, Executor, HostAction, Result, Session, TeardownExecutor};

use crate::Log;

/// Runs teardowns.
pub struct OwnTeardowns {
    session: Session,
    log: Log,
    devices: Mutex<Vec<&'static DeviceSpec>>,
    actions: Mutex<Vec<HostAction>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl OwnTeardowns {
    /// An executor that works on this session.
    pub fn new(session: &Session, log: &Log) -> Self {
        Self {
            session: session.clone(),
            log: log.clone(),
            devices: Mutex::default(),
            actions: Mutex::default(),
        }
    }

    async fn run_in_turn(
        &self,
        device: &'static DeviceSpec,
        method: &'static MethodSpec,
        arguments: &Arguments,
    ) -> Result<()> {
        let _turn = self.session.shared(self.session.deadline(method)).await?;
        let connection = self.session.connected()?;
        connection.run_method(device, method, arguments).await?;
        self.log.add(format!("tore down {}", method.path));
        Ok(())
    }

    async fn run_all(&self, devices: Vec<&'static DeviceSpec>) -> Vec<Error> {
        let mut failures = Vec::new();
        for device in devices {
            for method in device.methods.iter().copied() {
                let unasked = matches!(method.kind, MethodKind::Teardown(_)) && method.params.is_empty();
                if unasked && let Err(error) = self.run_in_turn(device, method, &Arguments::new()).await {
                    failures.push(self.session.in_method(error, method));
                }
            }
        }
        failures
    }
}

fn together(failures: Vec<Error>) -> Result<()> {
    if failures.is_empty() {
        Ok(())
    } else {
        Err(ErrorKind::Teardown(failures).into())
    }
}

impl fmt::Debug for OwnTeardowns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnTeardowns").finish_non_exhaustive()
    }
}

impl Executor for OwnTeardowns {
    fn session(&self) -> &Session {
        &self.session
    }
}

impl TeardownExecutor for OwnTeardowns {
    fn add(&self, device: &'static DeviceSpec) {
        lock(&self.devices).push(device);
    }

    fn register_action(&self, action: HostAction) {
        lock(&self.actions).push(action);
    }

    fn run(
        &self,
        device: &'static DeviceSpec,
        method: &'static MethodSpec,
        arguments: Arguments,
    ) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let running = self.run_in_turn(device, method, &arguments);
            self.session.unless_closing(running).await
        })
    }

    fn undo(&self, device: &'static DeviceSpec) -> BoxFuture<'_, Result<()>> {
        lock(&self.devices).retain(|known| known.name != device.name);
        Box::pin(async move { together(self.run_all(vec![device]).await) })
    }

    fn cleanup(&self) -> BoxFuture<'_, Result<()>> {
        let (devices, actions) = (
            std::mem::take(&mut *lock(&self.devices)),
            std::mem::take(&mut *lock(&self.actions)),
        );
        Box::pin(async move {
            let mut failures = self.run_all(devices).await;
            for action in actions.into_iter().rev() {
                failures.extend(Session::cleaning(action()).await.err());
                self.log.add("acted on the host".to_owned());
            }
            together(failures)
        })
    }
}
