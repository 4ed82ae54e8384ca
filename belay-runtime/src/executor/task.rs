//! Tasks: deployed once, called many times.

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use serde::de::DeserializeOwned;

use super::{BoxFuture, BoxStream, Executor};
use crate::error::Result;
use crate::method::MethodSpec;
use crate::python::Arguments;
use crate::session::{Returned, Session};

/// Calls methods on the board.
pub trait TaskExecutor: Executor {
    /// Calls the method and gives what it returned. It is deployed first where it has to be.
    ///
    /// # Errors
    ///
    /// When an argument cannot be expressed in Python, when the method raises or takes longer than its time-out, when
    /// the board lacks memory for it, or when the board cannot be reached.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future interrupts the board; the session stays usable. Whether the call ran is not known then.
    fn call(&self, method: &'static MethodSpec, arguments: Arguments) -> BoxFuture<'_, Result<Returned>>;

    /// Calls a method that is a generator and gives what it yields. Dropping the stream closes the generator on the
    /// board, `finally` blocks included.
    fn call_stream(&self, method: &'static MethodSpec, arguments: Arguments) -> BoxStream<Result<Returned>>;
}

impl dyn TaskExecutor + '_ {
    /// Calls the method and gives its result as a `T`.
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
        let returned = self.call(method, arguments).await?;
        returned.to_result_of(method)
    }

    /// Calls a method that is a generator and gives the values that it yields as `T`s.
    pub fn stream<T: DeserializeOwned>(
        &self,
        method: &'static MethodSpec,
        arguments: Arguments,
    ) -> TaskStream<T> {
        TaskStream {
            items: self.call_stream(method, arguments),
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
    method: &'static MethodSpec,
    item: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Stream for TaskStream<T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let method = self.method;
        self.items
            .as_mut()
            .poll_next(cx)
            .map(|item| item.map(|item| item?.to_result_of(method)))
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

impl Tasks {
    /// An executor that works on this session.
    pub fn new(session: &Session) -> Self {
        Self {
            session: session.clone(),
        }
    }
}

impl Executor for Tasks {
    fn session(&self) -> &Session {
        &self.session
    }
}

impl TaskExecutor for Tasks {
    fn call(&self, _method: &'static MethodSpec, _arguments: Arguments) -> BoxFuture<'_, Result<Returned>> {
        Box::pin(std::future::ready(Err(crate::session::unwritten())))
    }

    fn call_stream(
        &self,
        _method: &'static MethodSpec,
        _arguments: Arguments,
    ) -> BoxStream<Result<Returned>> {
        Box::pin(Failed(Some(crate::session::unwritten())))
    }
}

struct Failed(Option<crate::error::Error>);

impl Stream for Failed {
    type Item = Result<Returned>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.take().map(Err))
    }
}
