//! Tasks: deployed once, called many times.

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::de::DeserializeOwned;
use tracing::Instrument;

use super::execute::Executor;
use super::pause::Pause;
use crate::boxed::{BoxFuture, BoxStream};
use crate::error::Result;
use crate::python::Arguments;
use crate::session::{Connection, ExclusiveTurn, Items, Returned, Session};
use crate::spec::{MethodKind, MethodSpec, TaskOptions};

/// Calls methods on the board.
pub trait TaskExecutor: Executor {
    /// Calls the method and returns its result. It is deployed first unless it is on the board already.
    ///
    /// # Errors
    ///
    /// When an argument cannot be expressed in Python, when the method raises or takes longer than its
    /// time-out, when the board lacks memory for it, or when the board cannot be reached.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future interrupts the board; the session stays usable. Whether the call ran is not known
    /// then.
    fn call(&self, method: &'static MethodSpec, arguments: Arguments) -> BoxFuture<'_, Result<Returned>>;

    /// Calls a method that is a generator and returns a stream of the items that it yields. Dropping the stream closes
    /// the generator on the board, which runs its `finally` blocks.
    fn call_stream(&self, method: &'static MethodSpec, arguments: Arguments) -> BoxStream<Result<Returned>>;
}

impl dyn TaskExecutor + '_ {
    /// Calls the method and returns its result as a `T`.
    ///
    /// # Errors
    ///
    /// As [`TaskExecutor::call`], and when the result is not a `T`.
    ///
    /// # Cancel safety
    ///
    /// As [`TaskExecutor::call`].
    pub async fn invoke<T: DeserializeOwned>(
        &self,
        method: &'static MethodSpec,
        arguments: Arguments,
    ) -> Result<T> {
        let returned = self.call(method, arguments.returning::<T>()).await?;
        self.session().value_of(method, &returned)
    }

    /// Calls a method that is a generator and returns a stream of the items that it yields, as `T`s.
    pub fn stream<T: DeserializeOwned>(
        &self,
        method: &'static MethodSpec,
        arguments: Arguments,
    ) -> TaskStream<T> {
        TaskStream {
            items: self.call_stream(method, arguments.returning::<T>()),
            session: self.session().clone(),
            method,
            item: PhantomData,
        }
    }
}

/// The values that a generator on the board yields.
///
/// Dropping it closes the generator on the board.
#[must_use = "a stream does nothing until it is polled"]
pub struct TaskStream<T> {
    items: BoxStream<Result<Returned>>,
    session: Session,
    method: &'static MethodSpec,
    item: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Stream for TaskStream<T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = self.items.as_mut().poll_next(cx);
        item.map(|item| item.map(|item| self.session.value_of(self.method, &item?)))
    }
}

impl<T> fmt::Debug for TaskStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskStream")
            .field("method", &self.method.path)
            .finish_non_exhaustive()
    }
}

/// The runtime's own [`TaskExecutor`].
#[derive(Debug, Clone)]
pub struct Tasks {
    session: Session,
}

fn options(method: &MethodSpec) -> TaskOptions {
    match method.kind {
        MethodKind::Task(options) => options,
        _ => TaskOptions::new(),
    }
}

impl Tasks {
    /// An executor that works on this session.
    pub fn new(session: &Session) -> Self {
        Self {
            session: session.clone(),
        }
    }

    async fn call_in_turn(&self, method: &'static MethodSpec, arguments: Arguments) -> Result<Returned> {
        let deadline = self.session.deadline(method);
        if options(method).exclusive {
            let _alone = self.session.exclusive(deadline).await?;
            let connection = self.session.connection(deadline).await?;
            let pause = Pause::begin(&self.session, &connection, deadline).await?;
            let answer = self.call_again_if_allowed(method, arguments, deadline).await;
            pause.end().await;
            answer
        } else {
            let _beside_others = self.session.shared(deadline).await?;
            self.call_again_if_allowed(method, arguments, deadline).await
        }
    }

    /// Calls the method. If the connection ended before the call was sent, or the task is `idempotent`, the call is
    /// repeated over the next connection.
    async fn call_again_if_allowed(
        &self,
        method: &'static MethodSpec,
        arguments: Arguments,
        deadline: Duration,
    ) -> Result<Returned> {
        const ATTEMPTS: usize = 3;
        let mut attempt = 1;
        loop {
            let connection = self.session.connection(deadline).await?;
            let error = match connection.call(method, &arguments, deadline).await {
                // Whether to repeat a call after an exception was decided in `Connection::call` already.
                Err(error) if error.exception().is_none() => error,
                answer => return answer,
            };
            self.session.report(&connection, &error);
            let again = error.again().now(options(method).idempotent) && attempt < ATTEMPTS;
            if !again || self.session.connection(deadline).await.is_err() {
                return Err(error);
            }
            tracing::info!(device = self.session.name(), method = method.path, %error, "calling again");
            attempt += 1;
        }
    }

    async fn open_stream(self, method: &'static MethodSpec, arguments: Arguments) -> Result<OpenStream> {
        let deadline = self.session.deadline(method);
        let exclusive = options(method).exclusive;
        let alone = if exclusive {
            Some(self.session.exclusive(deadline).await?)
        } else {
            None
        };
        let connection = self.session.connection(deadline).await?;
        let pause = if exclusive {
            Some(Pause::begin(&self.session, &connection, deadline).await?)
        } else {
            None
        };
        Ok(OpenStream {
            items: connection.items(method, arguments, deadline).await?,
            connection,
            session: self.session,
            _pause: pause,
            _alone: alone,
        })
    }
}

/// A generator on the board, with everything that has to be undone when it is closed.
struct OpenStream {
    // The fields are dropped in this order: the generator is closed first.
    items: Items,
    connection: Arc<Connection>,
    session: Session,
    _pause: Option<Pause>,
    _alone: Option<ExclusiveTurn>,
}

impl Stream for OpenStream {
    type Item = Result<Returned>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = Pin::new(&mut self.items).poll_next(cx);
        match &item {
            Poll::Ready(Some(Err(error))) => self.session.report(&self.connection, error),
            // If a host function reads this stream while the board is waiting for that very function, neither would
            // ever get on.
            Poll::Pending => {
                if let Err(error) = self.session.unless_answering() {
                    return Poll::Ready(Some(Err(error)));
                }
            }
            Poll::Ready(_) => {}
        }
        item
    }
}

impl Executor for Tasks {
    fn session(&self) -> &Session {
        &self.session
    }
}

impl TaskExecutor for Tasks {
    fn call(&self, method: &'static MethodSpec, arguments: Arguments) -> BoxFuture<'_, Result<Returned>> {
        let span = tracing::debug_span!("belay.call", device = self.session.name(), method = method.path);
        let calling = async move {
            let calling = self.call_in_turn(method, arguments);
            let answer = self.session.unless_closing(calling).await;
            answer.map_err(|error| self.session.in_method(error, method))
        };
        Box::pin(calling.instrument(span))
    }

    fn call_stream(&self, method: &'static MethodSpec, arguments: Arguments) -> BoxStream<Result<Returned>> {
        let span = tracing::debug_span!("belay.stream", device = self.session.name(), method = method.path);
        let session = self.session.clone();
        let opening = {
            let (tasks, session) = (self.clone(), session.clone());
            async move { session.unless_closing(tasks.open_stream(method, arguments)).await }
        };
        let opening = opening.instrument(span);
        let items = stream::once(opening).try_flatten();
        items
            .map(move |item| item.map_err(|error| session.in_method(error, method)))
            .boxed()
    }
}
