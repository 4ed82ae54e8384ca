//! Calling deployed methods, and streaming the items of generators.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_core::Stream;

use super::connection::Connection;
use super::keeping::Opened;
use super::returned::Returned;
use crate::agent::objects;
use crate::error::{Phase, Result};
use crate::exception::Fate;
use crate::link::Request;
use crate::python::{Arguments, Fed};
use crate::spec::{MethodKind, MethodSpec, TaskOptions};

impl Connection {
    /// Calls a task and returns its result. The task is deployed first unless it is on the board already; one with
    /// `cache = false` is sent for this call only. If the board did not begin the call, for lack of memory or because
    /// the function was missing, the call is repeated once, after memory was freed or the function was deployed again.
    ///
    /// # Errors
    ///
    /// When an argument cannot be expressed in Python, when the method raises or takes longer than `deadline`, when the
    /// board lacks memory for it, or when the board cannot be reached.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future interrupts the board; the connection stays usable. Whether the call ran is not known then.
    pub async fn call(
        self: &Arc<Self>,
        method: &'static MethodSpec,
        arguments: &Arguments,
        deadline: Duration,
    ) -> Result<Returned> {
        if !arguments.feeds().is_empty() {
            Box::pin(self.provide_for_feeds(method, arguments)).await?;
        }
        let options = options(method);
        if !options.cache {
            let sent = Sent::new(self, method).await?;
            let answer = self
                .call_function(method, &sent.function, arguments, deadline)
                .await;
            sent.remove().await;
            return answer;
        }
        let function = self.name_of(method).await?;
        let error = match self.call_function(method, &function, arguments, deadline).await {
            Err(error) if error.exception().is_some() => error,
            answer => return answer,
        };
        let missing = error
            .exception()
            .is_some_and(|raised| raised.fate == Fate::Missing);
        if missing {
            self.forget(method);
        }
        // Free memory even if this call cannot be repeated: the next call benefits from it.
        let made_room = error.is_memory_error() && self.make_room_for(method).await.unwrap_or(false);
        if !(made_room || missing) || !error.again().now(options.idempotent) {
            return Err(error);
        }
        let function = self.name_of(method).await?;
        self.call_function(method, &function, arguments, deadline).await
    }

    /// Calls a deployed function by its name on the board.
    async fn call_function(
        &self,
        method: &'static MethodSpec,
        function: &str,
        arguments: &Arguments,
        deadline: Duration,
    ) -> Result<Returned> {
        if arguments.result().has_handles() {
            // Boxed, because this is rare and its future would make that of every call larger.
            let keeping = Box::pin(self.keeping_call(function.to_owned(), arguments, deadline));
            return keeping.await.map_err(|error| self.explain(error, Some(method)));
        }
        self.check_handles(arguments)?;
        let request = Request::Call {
            function: function.to_owned(),
            arguments: arguments.clone(),
        };
        let asked = Instant::now();
        let answer = self.link.request(request, deadline).await;
        answer
            .map(|answer| Returned::from(answer).asked(asked, self.epoch))
            .map_err(|error| self.explain(error, Some(method)))
    }

    /// Calls a task that is a generator and returns a stream of what it yields; `deadline` is for each item. The task
    /// is deployed as for [`call`](Self::call). Dropping the items closes the generator on the board.
    ///
    /// # Errors
    ///
    /// When the generator cannot be deployed, or an argument cannot be expressed in Python. All other errors come as
    /// items.
    pub async fn items(
        self: &Arc<Self>,
        method: &'static MethodSpec,
        arguments: Arguments,
        deadline: Duration,
    ) -> Result<Items> {
        if !arguments.feeds().is_empty() {
            Box::pin(self.provide_for_feeds(method, &arguments)).await?;
        }
        let feeds = arguments.feeds().to_vec();
        let (function, sent) = if options(method).cache {
            (self.name_of(method).await?, None)
        } else {
            let sent = Sent::new(self, method).await?;
            (Arc::clone(&sent.function), Some(sent))
        };
        let function = function.as_ref().to_owned();
        Ok(Items {
            asked: Instant::now(),
            values: self.open(function, arguments, deadline).await?,
            connection: Arc::clone(self),
            method: Some(method),
            feeds,
            _sent: sent,
        })
    }
}

impl Connection {
    /// Performs an act on an object on the board, and returns a stream of what it, or its result, yields.
    pub(crate) async fn items_of(
        self: &Arc<Self>,
        arguments: Arguments,
        deadline: Duration,
    ) -> Result<Items> {
        Ok(Items {
            values: self.open(objects::ACT.to_owned(), arguments, deadline).await?,
            asked: Instant::now(),
            connection: Arc::clone(self),
            method: None,
            feeds: Vec::new(),
            _sent: None,
        })
    }
}

fn options(method: &MethodSpec) -> TaskOptions {
    match method.kind {
        MethodKind::Task(options) => options,
        _ => TaskOptions::new(),
    }
}

/// A stream of what a generator on the board yields. Dropping it closes the generator.
#[must_use = "a stream does nothing until it is polled"]
pub struct Items {
    // The fields are dropped in this order: the generator is closed first.
    values: Opened,
    connection: Arc<Connection>,
    method: Option<&'static MethodSpec>,
    asked: Instant,
    /// The host's streams that the generator reads.
    feeds: Vec<Fed>,
    _sent: Option<Sent>,
}

impl Stream for Items {
    type Item = Result<Returned>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = Pin::new(&mut self.values).poll_next(cx);
        if let Poll::Ready(None | Some(Err(_))) = item {
            self.feeds.clear();
        }
        item.map(|item| {
            item.map(|item| {
                let item = item.map(|item| item.asked(self.asked, self.connection.epoch));
                item.map_err(|error| {
                    self.connection
                        .explain(error, self.method)
                        .in_phase(Phase::Execute)
                })
            })
        })
    }
}

impl fmt::Debug for Items {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items")
            .field("method", &self.method.map(|method| method.path))
            .finish_non_exhaustive()
    }
}

/// A method that was sent to the board for one call.
struct Sent {
    connection: Arc<Connection>,
    id: Option<String>,
    function: Arc<str>,
}

impl Sent {
    async fn new(connection: &Arc<Connection>, method: &'static MethodSpec) -> Result<Self> {
        let (id, function) = connection.send_once(method).await?;
        Ok(Self {
            connection: Arc::clone(connection),
            id: Some(id),
            function,
        })
    }

    async fn remove(mut self) {
        if let Some(id) = self.id.take() {
            remove(&self.connection, &id).await;
        }
    }
}

async fn remove(connection: &Connection, id: &str) {
    if let Err(error) = connection.remove(id).await {
        tracing::debug!(device = connection.name(), %error, "a method that was sent for one call could not be removed");
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        if let Some(id) = self.id.take() {
            let connection = Arc::clone(&self.connection);
            let runtime = connection.runtime.clone();
            runtime.spawn(async move { remove(&connection, &id).await });
        }
    }
}
