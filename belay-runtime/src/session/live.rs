//! A session's connection of the moment: one link, what its board can do, and what is deployed there.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::Instrument;

use super::capabilities::Capabilities;
use super::deployments::{Counters, Deployments, Key, add, id_of};
use super::registry::Registry;
use super::{Returned, traceback};
use crate::agent::expression;
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::exception::DeviceException;
use crate::link::{Link, LinkStream, Payload, Request, Statements};
use crate::method::{Body, DeviceSpec, MethodSpec};
use crate::python::Arguments;

/// One connection. A session has another one after each reconnection.
#[derive(Debug)]
pub(crate) struct Live {
    pub(super) link: Link,
    pub(super) name: Arc<str>,
    /// Counts the connections.
    pub(super) generation: u64,
    /// Counts the resets that lie between them.
    pub(super) epoch: u64,
    pub(super) capabilities: Arc<Capabilities>,
    pub(super) deployments: Deployments,
    pub(super) counters: Arc<Counters>,
    pub(super) registry: Arc<Registry>,
    /// How long a deployment, and a call without a time-out of its own, may take.
    pub(super) execute_deadline: Duration,
    /// Whether the thread library is on the board, where that is known.
    pub(crate) thread_library: tokio::sync::Mutex<Option<bool>>,
}

impl Live {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// How long the board may take for what has no time-out of its own.
    pub(crate) fn execute_deadline(&self) -> Duration {
        self.execute_deadline
    }

    /// How long a call of this method may take.
    pub(crate) fn deadline(&self, method: &MethodSpec) -> Duration {
        method.timeout.unwrap_or(self.execute_deadline)
    }

    pub(crate) fn unsupported(&self, feature: impl Into<std::borrow::Cow<'static, str>>) -> Error {
        let firmware = self.capabilities.firmware().into();
        let feature = feature.into();
        Error::from(ErrorKind::Unsupported { feature, firmware }).on_device(&self.name)
    }

    /// Has the board evaluate one expression.
    pub(crate) async fn evaluate(&self, expression: String, deadline: Duration) -> Result<Returned> {
        self.ask(expression, deadline, None).await
    }

    async fn ask(
        &self,
        expression: String,
        deadline: Duration,
        method: Option<&'static MethodSpec>,
    ) -> Result<Returned> {
        let answer = self.link.request(Request::Evaluate(expression), deadline).await;
        answer
            .map(Returned::from)
            .map_err(|error| self.explain(error, method))
    }

    /// Has the board call what is deployed under this name.
    pub(crate) async fn call(
        &self,
        method: &'static MethodSpec,
        function: &str,
        arguments: Arguments,
        deadline: Duration,
    ) -> Result<Returned> {
        let function = function.to_owned();
        let request = Request::Call { function, arguments };
        let answer = self.link.request(request, deadline).await;
        answer
            .map(Returned::from)
            .map_err(|error| self.explain(error, Some(method)))
    }

    /// Opens a generator on the board; `deadline` is for each item.
    pub(crate) async fn stream(
        &self,
        function: &str,
        arguments: Arguments,
        deadline: Duration,
    ) -> Result<LinkStream> {
        self.link.provide_for(arguments.literals()?, deadline).await?;
        let function = function.to_owned();
        Ok(self.link.stream(Request::Call { function, arguments }, deadline))
    }

    /// Runs statements at the global level of a namespace, with these values for these names.
    pub(crate) async fn run_global(
        &self,
        device: &'static DeviceSpec,
        method: &'static MethodSpec,
        arguments: &Arguments,
    ) -> Result<()> {
        let body = self.body(method)?;
        for used in uses(device, method) {
            self.deployed(used).await?;
        }
        let namespace = device.namespace;
        let literals = arguments
            .literals()
            .map_err(|error| self.in_method(error, method))?;
        let deadline = self.deadline(method);
        let set = (!method.params.is_empty()).then(|| expression::assign(namespace, method.params, literals));
        let statements = self
            .statements(namespace, body.source, Some(method.path))
            .map_err(|error| self.in_method(error, method))?;
        let ran = self.link.execute_after(set, statements, deadline).await;
        ran.map(drop)
            .map_err(|error| self.explain(self.about_syntax(error), Some(method)))
    }

    /// Runs statements at the global level of a namespace, as `file`, and gives what was printed meanwhile.
    pub(crate) async fn run(&self, namespace: &str, source: &str, file: Option<&str>) -> Result<Vec<u8>> {
        let statements = self.statements(namespace, source, file)?;
        let ran = self.link.execute(statements, self.execute_deadline).await;
        ran.map(|answer| answer.printed)
            .map_err(|error| self.explain(error, None))
    }

    /// Statements, if the board can be sent them.
    fn statements<'a>(
        &self,
        namespace: &'a str,
        source: &'a str,
        file: Option<&'a str>,
    ) -> Result<Statements<'a>> {
        if self.link.hello().flavour.source_part().is_some() && !source.is_ascii() {
            return Err(self.unsupported("source with characters beyond ASCII"));
        }
        Ok(Statements {
            namespace,
            source,
            file,
        })
    }

    /// The body of a method that is for this board.
    pub(crate) fn body(&self, method: &'static MethodSpec) -> Result<&'static Body> {
        let found = method.body_for(&self.capabilities.implementation);
        found.ok_or_else(|| {
            self.unsupported("a method without a body for this implementation")
                .in_method(method.path)
        })
    }

    /// The name by which a method is called on the board. It is deployed first where it has to be, after what
    /// it uses.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, what was being deployed is deployed again the next time.
    pub(crate) async fn deployed(&self, method: &'static MethodSpec) -> Result<Arc<str>> {
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

    /// The method and everything that it uses, directly or not, each with its body for this board. What is
    /// used comes before what uses it, unless they use each other.
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

    /// Puts one method on the board, or finds it there. What is not in `keep` may be evicted to make room.
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

    /// Sends a method to the board under this name, as often as there is something to evict when there is no
    /// room.
    async fn send(
        &self,
        device: &'static DeviceSpec,
        method: &'static MethodSpec,
        body: &'static Body,
        id: &str,
        keep: &[Key],
    ) -> Result<Arc<str>> {
        let span = tracing::debug_span!("belay.deploy", device = %self.name, method = method.path, bytes = body.source.len());
        let sending = async {
            let started = Instant::now();
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
                    Err(error) if error.is_memory_error() && self.make_room(keep).await? => {}
                    Err(error) => return Err(error),
                }
            }
        };
        sending.instrument(span).await.map_err(|error| {
            self.explain(self.about_syntax(error), Some(method))
                .in_phase_after_all(Phase::Deploy)
        })
    }

    /// Has the board define a method and keep it under this name; it answers what it calls it by.
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

    /// Evicts what was not used for the longest time, and says whether there was something.
    async fn make_room(&self, keep: &[Key]) -> Result<bool> {
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
            self.link
                .request(Request::Evaluate(expression::evict(&id)), self.execute_deadline)
                .await?;
        }
        Ok(true)
    }

    /// Makes room for another attempt at a call that ran out of memory: the older half of what it does not
    /// need goes.
    pub(crate) async fn make_room_for(&self, method: &'static MethodSpec) -> Result<bool> {
        let device = self.registry.device_of(method)?;
        let keep: Vec<Key> = self
            .with_uses(device, method)?
            .iter()
            .map(|(_, body)| body.hash)
            .collect();
        let _one_at_a_time = self.deployments.deploying.lock().await;
        let mut rounds = self.deployments.len().div_ceil(2);
        let mut any = false;
        while rounds > 0 && self.make_room(&keep).await? {
            any = true;
            rounds -= 1;
        }
        Ok(any)
    }

    /// The board says that it has not got this method: it is deployed again the next time.
    pub(crate) fn forget(&self, method: &'static MethodSpec) {
        if let Ok(body) = self.body(method) {
            self.deployments.forget(body.hash);
        }
    }

    /// Sends a method under a name of its own for a single call.
    /// Gives that name and what it is called by.
    pub(crate) async fn send_once(&self, method: &'static MethodSpec) -> Result<(String, Arc<str>)> {
        let device = self.registry.device_of(method)?;
        let body = self.body(method)?;
        for used in uses(device, method) {
            self.deployed(used).await?;
        }
        let id = format!("{}{}", id_of(body.hash), self.registry.next_number());
        let function = self.send(device, method, body, &id, &[]).await?;
        Ok((id, function))
    }

    /// Removes what [`send_once`](Self::send_once) sent.
    pub(crate) async fn remove(&self, id: &str) -> Result<()> {
        let request = Request::Evaluate(expression::evict(id));
        self.link.request(request, self.execute_deadline).await.map(drop)
    }

    /// Leads an exception's traceback back to the Rust source.
    pub(crate) fn map_traceback(&self, exception: &mut DeviceException, method: Option<&'static MethodSpec>) {
        traceback::map(
            exception,
            &self.capabilities.implementation,
            method,
            &self.registry.methods(),
        );
    }

    fn in_method(&self, error: impl Into<Error>, method: &'static MethodSpec) -> Error {
        error.into().in_method(method.path).on_device(&self.name)
    }

    /// Says of a body whose syntax the board refuses what that means: it was checked when the program was compiled.
    fn about_syntax(&self, error: Error) -> Error {
        let refused = error
            .exception()
            .is_some_and(|exception| exception.is("SyntaxError"));
        if !refused {
            return error;
        }
        let hint = format!(
            "{} does not know all of MicroPython's syntax: f-strings came with 1.17, `:=` with 1.13, and small builds \
             leave some out. Write it without, or update the firmware",
            self.capabilities.firmware()
        );
        error.with_hint(hint)
    }

    /// Says of an error from the link where it happened, with its traceback led back to the Rust source.
    pub(crate) fn explain(&self, mut error: Error, method: Option<&'static MethodSpec>) -> Error {
        if let Some(exception) = error.exception_mut() {
            self.map_traceback(exception, method);
        }
        let error = match method {
            Some(method) => error.in_method(method.path),
            None => error,
        };
        error.on_device(&self.name)
    }
}

/// A method and its body for this board.
type Needed = (&'static MethodSpec, &'static Body);

/// The methods of the same trait that a method's body mentions.
fn uses(
    device: &'static DeviceSpec,
    method: &'static MethodSpec,
) -> impl Iterator<Item = &'static MethodSpec> {
    let named = method.uses.iter();
    named.filter_map(move |name| device.methods.iter().find(|spec| spec.name == *name).copied())
}
