//! Deploying methods on the board, and freeing memory for them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::Instrument;

use super::connection::Connection;
use super::deployments::{Key, add, id_of};
use super::returned::Returned;
use crate::agent::expression;
use crate::error::{Phase, Result};
use crate::link::{Answer, Payload, Request, Statements};
use crate::python::Arguments;
use crate::spec::{Body, DeviceSpec, MethodSpec};

/// A function on the board, identified by the name that it has there until the board is reset.
#[derive(Debug, Clone)]
pub struct OnBoard(Arc<str>);

impl OnBoard {
    /// Adds the function itself as one more argument of a [`Connection::call_in`].
    #[must_use]
    pub fn among(&self, arguments: Arguments) -> Arguments {
        arguments.with_expression(&self.0)
    }

    pub(crate) fn name(&self) -> &str {
        &self.0
    }
}

/// A method and its body for this board.
type Needed = (&'static MethodSpec, &'static Body);

impl Connection {
    /// The body of a method for this board's implementation of Python.
    pub(super) fn body(&self, method: &'static MethodSpec) -> Result<&'static Body> {
        let found = method.body_for(&self.capabilities.implementation);
        found.ok_or_else(|| {
            self.unsupported("a method without a body for this implementation")
                .in_method(method.path)
        })
    }

    /// The function of a task or a thread on the board. It and the methods that it uses are deployed first unless they
    /// are on the board already.
    ///
    /// # Errors
    ///
    /// When its trait is not attached to the device, when the board refuses the source or lacks memory for it, or when
    /// the board cannot be reached.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, a method that was being deployed is deployed again the next time.
    pub async fn deployed(&self, method: &'static MethodSpec) -> Result<OnBoard> {
        Ok(OnBoard(self.name_of(method).await?))
    }

    /// The name by which a method is called on the board. It is deployed first if needed.
    pub(super) async fn name_of(&self, method: &'static MethodSpec) -> Result<Arc<str>> {
        let key = self.body(method)?.hash;
        if let Some(function) = self.deployments.get(key) {
            add(&self.counters.hits, 1);
            return Ok(function);
        }
        let _one_at_a_time = self.deployments.deploying.lock().await;
        if let Some(function) = self.deployments.get(key) {
            add(&self.counters.hits, 1);
            return Ok(function);
        }
        add(&self.counters.misses, 1);
        let device = self.registry.device_of(method)?;
        let needed = self.with_uses(device, method)?;
        let keys: Vec<Key> = needed.iter().map(|(_, body)| body.hash).collect();
        for (used, body) in needed.iter().filter(|(_, body)| body.hash != key) {
            if self.deployments.get(body.hash).is_none() {
                self.deploy(device, used, body, &keys).await?;
            }
        }
        self.deploy(device, method, self.body(method)?, &keys).await
    }

    /// Deploys the methods that a setup or a teardown uses. Such a method is not deployed itself.
    pub(super) async fn deploy_uses(
        &self,
        device: &'static DeviceSpec,
        method: &'static MethodSpec,
    ) -> Result<()> {
        for used in uses(device, method) {
            self.name_of(used).await?;
        }
        Ok(())
    }

    /// The method and everything that it uses, directly or not, each with its body for this board. A used method comes
    /// before the methods that use it, unless they use each other.
    fn with_uses(&self, device: &'static DeviceSpec, method: &'static MethodSpec) -> Result<Vec<Needed>> {
        let mut order = Vec::new();
        self.visit(device, method, &mut Vec::new(), &mut order)?;
        Ok(order)
    }

    fn visit(
        &self,
        device: &'static DeviceSpec,
        method: &'static MethodSpec,
        seen: &mut Vec<&'static str>,
        order: &mut Vec<Needed>,
    ) -> Result<()> {
        if seen.contains(&method.name) {
            return Ok(());
        }
        seen.push(method.name);
        for used in uses(device, method) {
            self.visit(device, used, seen, order)?;
        }
        order.push((method, self.body(method)?));
        Ok(())
    }

    /// Puts one method on the board, or adopts it if it is there. To free memory, methods that are not in `keep` may be
    /// evicted.
    async fn deploy(
        &self,
        device: &'static DeviceSpec,
        method: &'static MethodSpec,
        body: &'static Body,
        keep: &[Key],
    ) -> Result<Arc<str>> {
        let used: Vec<Key> = uses(device, method)
            .filter_map(|used| self.body(used).ok())
            .map(|body| body.hash)
            .collect();
        if let Some(function) = self.deployments.adopt(body.hash, &used) {
            add(&self.counters.adopted, 1);
            return Ok(function);
        }
        let function = self.send(device, method, body, &id_of(body.hash), keep).await?;
        self.deployments.insert(body.hash, &used, Arc::clone(&function));
        Ok(function)
    }

    /// Sends a method to the board under this name. If the board runs out of memory, methods are evicted and the method
    /// is sent again, for as long as there is something to evict.
    async fn send(
        &self,
        device: &'static DeviceSpec,
        method: &'static MethodSpec,
        body: &'static Body,
        id: &str,
        keep: &[Key],
    ) -> Result<Arc<str>> {
        if method.awaits {
            // Boxed, because this is rare and its future would make that of every deployment larger.
            Box::pin(self.provide_awaiting(device.namespace))
                .await
                .map_err(|error| error.in_method(method.path))?;
        }
        let span = tracing::debug_span!("belay.deploy", device = %self.name, method = method.path, bytes = body.source.len());
        let sending = async {
            let started = Instant::now();
            let mut spent = false;
            loop {
                let answer = self.define(device, method, body, id).await;
                add(
                    &self.counters.bytes,
                    u64::try_from(body.source.len()).unwrap_or(u64::MAX),
                );
                let micros = started.elapsed().as_micros();
                add(&self.counters.micros, u64::try_from(micros).unwrap_or(u64::MAX));
                match answer {
                    Ok(answer) => return Returned::from(answer).to::<String>().map(Arc::from),
                    Err(error) if error.is_memory_error() && self.may_have_room(keep, &mut spent).await? => {}
                    Err(error) => return Err(error),
                }
            }
        };
        sending.instrument(span).await.map_err(|error| {
            self.explain(self.about_syntax(error), Some(method))
                .in_phase_after_all(Phase::Deploy)
        })
    }

    /// Has the board define a method and keep it under this name. The answer is the name by which it is called.
    async fn define(
        &self,
        device: &'static DeviceSpec,
        method: &'static MethodSpec,
        body: &'static Body,
        id: &str,
    ) -> Result<Payload> {
        let statements = self.statements(device.namespace, body.source, Some(method.path))?;
        self.link
            .deploy(id, method.name, statements, self.execute_deadline)
            .await
    }

    /// Evicts what was least recently used. Returns whether there was anything to evict.
    pub(super) async fn make_room(&self, keep: &[Key]) -> Result<bool> {
        let evicted = self.deployments.evict(keep);
        if evicted.is_empty() {
            return Ok(false);
        }
        add(
            &self.counters.evictions,
            u64::try_from(evicted.len()).unwrap_or(u64::MAX),
        );
        tracing::debug!(device = %self.name, methods = evicted.len(), "evicted to make room on the board");
        for id in evicted {
            self.link.request(evict(&id), self.execute_deadline).await?;
        }
        Ok(true)
    }

    /// Runs statements. If the board lacks the memory to receive them, methods that are not in `keep` are evicted.
    pub(super) async fn run_with_room(
        &self,
        before: Option<String>,
        statements: Statements<'_>,
        deadline: Duration,
        keep: &[Key],
    ) -> Result<Answer> {
        let mut spent = false;
        loop {
            let ran = self
                .link
                .execute_after(before.clone(), statements, deadline)
                .await;
            let full = ran
                .as_ref()
                .is_err_and(|error| error.is_memory_error() && error.again().now(false));
            if !full || !self.may_have_room(keep, &mut spent).await? {
                return ran;
            }
        }
    }

    /// Whether trying again makes sense after the board ran out of memory: because something was evicted or, once,
    /// because a garbage collection may free what earlier requests left. `spent` records that the latter was done.
    async fn may_have_room(&self, keep: &[Key], spent: &mut bool) -> Result<bool> {
        // Boxed, because this is rare and its future would make that of every call larger.
        let made_room = Box::pin(self.make_room(keep)).await?;
        if made_room || std::mem::replace(spent, true) {
            return Ok(made_room);
        }
        // A board with a few kilobytes collects garbage by itself only when the next allocation finds no memory at all.
        let collect = Request::Evaluate(expression::COLLECT.to_owned());
        let _ = Box::pin(self.link.request(collect, self.execute_deadline)).await;
        Ok(true)
    }

    /// The methods that must stay on the board for a method to run.
    pub(super) fn keys_of_uses(
        &self,
        device: &'static DeviceSpec,
        method: &'static MethodSpec,
    ) -> Result<Vec<Key>> {
        let uses = self.with_uses(device, method)?;
        Ok(uses.iter().map(|(_, body)| body.hash).collect())
    }

    /// Frees memory for another attempt at a call that ran out of it: evicts the older half of the methods that the
    /// call does not need.
    pub(super) async fn make_room_for(&self, method: &'static MethodSpec) -> Result<bool> {
        let keep = self.keys_of_uses(self.registry.device_of(method)?, method)?;
        let _one_at_a_time = self.deployments.deploying.lock().await;
        let mut rounds = self.deployments.len().div_ceil(2);
        let mut any = false;
        while rounds > 0 && self.make_room(&keep).await? {
            any = true;
            rounds -= 1;
        }
        Ok(any)
    }

    /// Forgets a method that the board turned out not to have. It is deployed again the next time.
    pub(super) fn forget(&self, method: &'static MethodSpec) {
        if let Ok(body) = self.body(method) {
            self.deployments.forget(body.hash);
        }
    }

    /// Sends a method under a unique name for a single call. Returns that name and the name by which the function is
    /// called.
    pub(super) async fn send_once(&self, method: &'static MethodSpec) -> Result<(String, Arc<str>)> {
        let device = self.registry.device_of(method)?;
        let body = self.body(method)?;
        self.deploy_uses(device, method).await?;
        let id = format!("{}{}", id_of(body.hash), self.registry.next_number());
        let function = self.send(device, method, body, &id, &[]).await?;
        Ok((id, function))
    }

    /// Removes what [`send_once`](Self::send_once) sent.
    pub(super) async fn remove(&self, id: &str) -> Result<()> {
        self.link
            .request(evict(id), self.execute_deadline)
            .await
            .map(drop)
    }
}

/// Removes a deployed function. The request is a call, since a board without memory to compile an expression can still
/// execute that.
fn evict(id: &str) -> Request {
    Request::Call {
        function: expression::EVICT.to_owned(),
        arguments: Arguments::new().with("id", id),
    }
}

/// The methods of the same trait that a method's body mentions.
fn uses(
    device: &'static DeviceSpec,
    method: &'static MethodSpec,
) -> impl Iterator<Item = &'static MethodSpec> {
    let named = method.uses.iter();
    named.filter_map(move |name| device.methods.iter().find(|spec| spec.name == *name).copied())
}
