//! The current connection of a session: its link, what the board can do, and what is deployed there.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_core::Stream;
use futures_util::StreamExt as _;
use serde::de::DeserializeOwned;

use super::brought::Brought;
use super::capabilities::Capabilities;
use super::deployments::{Counters, Deployments};
use super::hosts::Hosts;
use super::registry::Registry;
use super::returned::Returned;
use super::traceback;
use crate::agent::expression;
use crate::agent::files::Facts;
use crate::error::{Error, ErrorKind, Result};
use crate::exception::DeviceException;
use crate::kept::Keeper;
use crate::link::{Link, LinkStream, Request, Statements};
use crate::python::Arguments;
use crate::spec::{DeviceSpec, MethodSpec};

/// One connection of a session to its board, over which executors work. After a reconnection the session has a new one.
///
/// Its methods do not wait for other calls. Take a [turn](super::Session::shared) before calling one, except while the
/// session is being [reconnected](super::Follower::reconnected).
#[derive(Debug)]
pub struct Connection {
    pub(super) link: Link,
    pub(crate) name: Arc<str>,
    /// The runtime on which leftovers are cleaned up.
    pub(super) runtime: tokio::runtime::Handle,
    /// The number of this connection in its session.
    pub(super) generation: u64,
    /// The number of resets of the board before this connection.
    pub(super) epoch: u64,
    pub(super) capabilities: Arc<Capabilities>,
    pub(super) deployments: Deployments,
    pub(super) counters: Arc<Counters>,
    pub(super) registry: Arc<Registry>,
    /// The time limit of a deployment, and of a call without a time-out of its own.
    pub(super) execute_deadline: Duration,
    /// Whether the thread library is on the board, once that is known.
    pub(crate) thread_library: tokio::sync::Mutex<Option<bool>>,
    /// The facts that the board's file library reports, once it is installed; `None` if the board cannot run it.
    pub(crate) files: tokio::sync::OnceCell<Option<Facts>>,
    /// Locked while a file is read or the file system is changed: the board does one of these at a time.
    pub(crate) transfer: Arc<tokio::sync::Mutex<()>>,
    /// Whether any trait's events were installed over this connection; locked while they are installed.
    pub(super) events: tokio::sync::Mutex<bool>,
    /// Locked while modules are sent.
    pub(super) modules: tokio::sync::Mutex<Brought>,
    /// The names of the modules that the board keeps as objects.
    pub(super) objects: Mutex<Vec<String>>,
    /// What answers the board's questions.
    pub(super) hosts: Arc<Hosts>,
    /// The namespaces whose bodies can `await`; locked while another one is added.
    pub(super) awaiting: tokio::sync::Mutex<Vec<&'static str>>,
    /// The owner of objects on the board, and whether the library for them is set up for this connection.
    pub(super) keeper: Arc<Keeper>,
    pub(super) keeps: tokio::sync::OnceCell<()>,
    /// Whether the library for the board's questions is set up for this connection; locked meanwhile.
    pub(super) asking: tokio::sync::Mutex<bool>,
    /// The namespaces whose bodies can read streams of the host; locked while another one is added.
    pub(super) fed: tokio::sync::Mutex<Vec<&'static str>>,
}

impl Connection {
    /// The name of the device: the one that it was given, or else the address that it was connected by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the board can do.
    pub fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// The number of resets of the board that the session has seen: what was on the board in an earlier epoch is gone.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// The time limit of requests that have no time-out of their own.
    pub(crate) fn execute_deadline(&self) -> Duration {
        self.execute_deadline
    }

    /// How long a call of this method may take: its own time-out, or else the session's.
    pub fn deadline(&self, method: &MethodSpec) -> Duration {
        method.timeout.unwrap_or(self.execute_deadline)
    }

    pub(crate) fn unsupported(&self, feature: impl Into<std::borrow::Cow<'static, str>>) -> Error {
        let firmware = self.capabilities.firmware().into();
        let feature = feature.into();
        Error::from(ErrorKind::Unsupported { feature, firmware }).on_device(&self.name)
    }

    /// Has the agent evaluate one expression, in the language of the agent.
    pub(crate) async fn ask(&self, expression: String, deadline: Duration) -> Result<Returned> {
        let answer = self.link.request(Request::Evaluate(expression), deadline).await;
        answer
            .map(Returned::from)
            .map_err(|error| self.explain(error, None))
    }

    /// Sends a small board the code that reads bytes in requests. Doing so now keeps later requests with bytes in their
    /// order.
    pub(crate) async fn provide_bytes(&self) -> Result<()> {
        let provided = self.link.provide_bytes(self.execute_deadline).await;
        provided.map_err(|error| self.explain(error, None))
    }

    /// Brings the board what says what its counter of microseconds is.
    ///
    /// # Errors
    ///
    /// When the board has none, too.
    pub(super) async fn provide_clock(&self) -> Result<()> {
        let provided = self.link.provide_clock(self.execute_deadline).await;
        if provided.map_err(|error| self.explain(error, None))? {
            return Ok(());
        }
        Err(self.unsupported("a counter of microseconds that the agent can read"))
    }

    /// Has the agent evaluate an expression whose value is iterable, and returns a stream of its items; `deadline` is
    /// for each item.
    pub(crate) fn ask_for_all(
        self: &Arc<Self>,
        expression: String,
        deadline: Duration,
    ) -> impl Stream<Item = Result<Returned>> + use<> {
        let items: LinkStream = self.link.stream(Request::Evaluate(expression), deadline);
        let connection = Arc::clone(self);
        items.map(move |item| {
            item.map(Returned::from)
                .map_err(|error| connection.explain(error, None))
        })
    }

    /// Evaluates an expression in a namespace: for example that of a trait, [`DeviceSpec::namespace`].
    ///
    /// # Errors
    ///
    /// When the expression raises, when it takes longer than the session's time-out, or when the board cannot be
    /// reached.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future interrupts the board; the connection stays usable.
    pub async fn evaluate(&self, namespace: &str, expression: &str) -> Result<Returned> {
        if self.link.packs_floats() {
            let function = expression::EVALUATE.to_owned();
            let arguments = Arguments::new()
                .with("namespace", namespace)
                .with("source", expression);
            return self
                .keeping_call(function, &arguments, self.execute_deadline)
                .await;
        }
        let expression = expression::evaluate(namespace, expression)?;
        self.ask(expression, self.execute_deadline).await
    }

    /// Evaluates an expression in a namespace as [`evaluate`](Self::evaluate) does, for a result that will be read as a
    /// `T`: objects for which `T` has handles stay on the board.
    ///
    /// # Errors
    ///
    /// As [`evaluate`](Self::evaluate), and [`ErrorKind::Unsupported`] where the board cannot keep objects.
    ///
    /// # Cancel safety
    ///
    /// As [`evaluate`](Self::evaluate).
    pub async fn evaluate_as<T: DeserializeOwned>(
        &self,
        namespace: &str,
        expression: &str,
    ) -> Result<Returned> {
        let arguments = Arguments::new()
            .with("namespace", namespace)
            .with("source", expression)
            .returning::<T>();
        if !arguments.result().has_handles() {
            return self.evaluate(namespace, expression).await;
        }
        let function = expression::EVALUATE.to_owned();
        self.keeping_call(function, &arguments, self.execute_deadline)
            .await
    }

    /// Calls a function in a namespace. An argument that has no literal, such as a method that is
    /// [deployed](Self::deployed), is added by [`OnBoard::among`](super::OnBoard::among).
    ///
    /// # Errors
    ///
    /// As [`evaluate`](Self::evaluate), and when an argument cannot be expressed in Python.
    ///
    /// # Cancel safety
    ///
    /// As [`evaluate`](Self::evaluate).
    pub async fn call_in(&self, namespace: &str, function: &str, arguments: &Arguments) -> Result<Returned> {
        let function = expression::function_in(namespace, function)?;
        if self.link.packs_floats() || arguments.result().has_handles() {
            return self
                .keeping_call(function, arguments, self.execute_deadline)
                .await;
        }
        self.check_handles(arguments)?;
        let expression = expression::call(function, arguments.literals()?);
        self.ask(expression, self.execute_deadline).await
    }

    /// Runs statements at the global level of a namespace and returns what they printed.
    ///
    /// # Errors
    ///
    /// As [`evaluate`](Self::evaluate).
    ///
    /// # Cancel safety
    ///
    /// As [`evaluate`](Self::evaluate).
    pub async fn execute(&self, namespace: &str, code: &str) -> Result<String> {
        let printed = self.run(namespace, code, None).await?;
        Ok(String::from_utf8_lossy(&printed).into_owned())
    }

    /// Runs a setup or a teardown: at the global level of its trait's namespace, with these arguments assigned to its
    /// parameters.
    ///
    /// # Errors
    ///
    /// When an argument cannot be expressed in Python, when the body raises or takes longer than its time-out, or when
    /// the board cannot be reached.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future interrupts the body.
    pub async fn run_method(
        &self,
        device: &'static DeviceSpec,
        method: &'static MethodSpec,
        arguments: &Arguments,
    ) -> Result<()> {
        let body = self.body(method)?;
        self.check_handles(arguments)?;
        self.deploy_uses(device, method).await?;
        let namespace = device.namespace;
        let literals = arguments
            .literals()
            .map_err(|error| self.in_method(error, method))?;
        let deadline = self.deadline(method);
        let set = (!method.params.is_empty()).then(|| expression::assign(namespace, method.params, literals));
        let statements = self
            .statements(namespace, body.source, Some(method.path))
            .map_err(|error| self.in_method(error, method))?;
        let keep = self.keys_of_uses(device, method)?;
        let ran = self.run_with_room(set, statements, deadline, &keep).await;
        ran.map(drop)
            .map_err(|error| self.explain(self.about_syntax(error), Some(method)))
    }

    /// Runs statements at the global level of a namespace and returns what was printed meanwhile. Tracebacks name
    /// `file`.
    pub(crate) async fn run(&self, namespace: &str, source: &str, file: Option<&str>) -> Result<Vec<u8>> {
        let statements = self.statements(namespace, source, file)?;
        let ran = self
            .run_with_room(None, statements, self.execute_deadline, &[])
            .await;
        ran.map(|answer| answer.printed)
            .map_err(|error| self.explain(error, None))
    }

    /// The statements for a request. Fails if this board cannot be sent them.
    pub(super) fn statements<'a>(
        &self,
        namespace: &'a str,
        source: &'a str,
        file: Option<&'a str>,
    ) -> Result<Statements<'a>> {
        if self.link.hello().flavour.source_part().is_some() && !source.is_ascii() {
            return Err(self.unsupported("source with characters beyond ASCII"));
        }
        self.without_stars(source)?;
        Ok(Statements {
            namespace,
            source,
            file,
        })
    }

    /// Maps an exception's traceback to the Rust source.
    pub(crate) fn map_traceback(&self, exception: &mut DeviceException, method: Option<&'static MethodSpec>) {
        traceback::map(
            exception,
            &self.capabilities.implementation,
            method,
            &self.registry.methods(),
            &self.registry.modules(),
        );
    }

    fn in_method(&self, error: impl Into<Error>, method: &'static MethodSpec) -> Error {
        error.into().in_method(method.path).on_device(&self.name)
    }

    /// Adds a hint to a syntax error of a body: its syntax was checked at compile time, so the board's parser lacks
    /// something.
    pub(super) fn about_syntax(&self, error: Error) -> Error {
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

    /// Adds the device and the method to an error of the link, and maps its traceback to the Rust source.
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
