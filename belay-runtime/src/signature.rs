//! The types that the signature of a device's method may have. Generated code carries these bounds, so that a wrong
//! signature is reported at the place where it is written, even behind a type alias.

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::executor::TaskStream;
use crate::session::EventStream;

/// The result of a task, and the item of a stream: a `Result` of a value that can be read from Python.
#[diagnostic::on_unimplemented(
    message = "a task cannot give `{Self}`",
    label = "this has to be a `Result<T>`, because every call can fail",
    note = "write `async fn …(&self) -> Result<T>` for one value, or `fn …(&self) -> impl Stream<Item = Result<T>>` for many",
    note = "`T` is anything that implements `serde::de::DeserializeOwned`; any error with `From<belay::Error>` will do"
)]
pub trait TaskOutput: Sized {
    /// The value that is read from Python.
    type Value: DeserializeOwned;

    /// Converts the outcome of a call to the type in the signature.
    fn from_result(result: Result<Self::Value>) -> Self;
}

/// The result of a setup or a teardown: a `Result` without a value.
#[diagnostic::on_unimplemented(
    message = "a setup or teardown cannot give `{Self}`",
    label = "this has to be `Result<()>`",
    note = "its body runs at global level, where Python has no `return`: use a `#[task]` to get a value"
)]
pub trait ActionOutput: Sized {
    /// Converts the outcome to the type in the signature.
    fn from_result(result: Result<()>) -> Self;
}

/// The result of a thread: a `Result` of the handle by which it is stopped.
#[diagnostic::on_unimplemented(
    message = "a thread cannot give `{Self}`",
    label = "this has to be `Result<ThreadHandle>`",
    note = "the call returns as soon as the thread runs; the handle tells when it ends and asks it to stop"
)]
pub trait ThreadOutput<Handle>: Sized {
    /// Converts the outcome of the start to the type in the signature.
    fn from_result(result: Result<Handle>) -> Self;
}

/// A task's result as which `None` can be read, since that is what a body without `return` returns.
#[diagnostic::on_unimplemented(
    message = "the body of this task never returns a value, but its signature promises one: `{Self}`",
    label = "Python's `None` is no such value",
    note = "`return` a value, or declare the task as `Result<()>`; a body that gives `None` on purpose says `return None`"
)]
pub trait NoneOutput {}

/// The type of a parameter that has a default, which is used for `None`.
#[diagnostic::on_unimplemented(
    message = "a parameter with a default cannot be `{Self}`",
    label = "this has to be an `Option`",
    note = "the default is what `None` stands for: `#[default = 500] period_ms: Option<u32>`"
)]
pub trait WithDefault<T> {
    /// The value, if there is one.
    fn value(self) -> Option<T>;
}

impl<T> WithDefault<T> for Option<T> {
    fn value(self) -> Option<T> {
        self
    }
}

/// The value of a parameter, or its default where there is none.
pub fn or_default<T>(value: impl WithDefault<T>, default: T) -> T {
    value.value().unwrap_or(default)
}

/// Compiles only if `None` can be read as this result.
pub const fn gives_none<R: NoneOutput>() {}

/// The error type of a method's result: any type that can be made from an [`Error`].
#[diagnostic::on_unimplemented(
    message = "the result of a method for the board cannot have the error `{Self}`",
    label = "`belay::Error` does not convert into `{Self}`",
    note = "with `use belay::prelude::*` write `Result<T>`, whose error is `belay::Error`",
    note = "an error of your own will do that implements `From<belay::Error>`, and so do `anyhow::Error` and `Box<dyn std::error::Error + Send + Sync>`"
)]
pub trait CallError {
    /// Converts the error to the type in the signature.
    fn from_error(error: Error) -> Self;
}

#[diagnostic::do_not_recommend]
impl<E: From<Error>> CallError for E {
    fn from_error(error: Error) -> Self {
        Self::from(error)
    }
}

impl<T: DeserializeOwned, E: CallError> TaskOutput for Result<T, E> {
    type Value = T;

    fn from_result(result: Result<T>) -> Self {
        result.map_err(E::from_error)
    }
}

impl<E: CallError> ActionOutput for Result<(), E> {
    fn from_result(result: Result<()>) -> Self {
        result.map_err(E::from_error)
    }
}

impl<H, E: CallError> ThreadOutput<H> for Result<H, E> {
    fn from_result(result: Result<H>) -> Self {
        result.map_err(E::from_error)
    }
}

#[diagnostic::do_not_recommend]
impl<E> NoneOutput for Result<(), E> {}
#[diagnostic::do_not_recommend]
impl<T, E> NoneOutput for Result<Option<T>, E> {}

/// A stream of the results that a generator on the board yields, as the types in the method's signature.
///
/// Dropping it closes the generator on the board.
#[must_use = "a stream does nothing until it is polled"]
pub(crate) struct ItemStream<R: TaskOutput>(TaskStream<R::Value>);

impl<R: TaskOutput> ItemStream<R> {
    pub(crate) fn new(items: TaskStream<R::Value>) -> Self {
        Self(items)
    }
}

impl<R: TaskOutput> Stream for ItemStream<R> {
    type Item = R;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<R>> {
        Pin::new(&mut self.0)
            .poll_next(cx)
            .map(|item| item.map(R::from_result))
    }
}

impl<R: TaskOutput> fmt::Debug for ItemStream<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A stream of the events that a board sends, as the types in the method's signature. Dropping it ends the
/// subscription.
#[must_use = "a stream does nothing until it is polled"]
pub(crate) struct EventsOf<R> {
    events: EventStream,
    as_signed: PhantomData<fn() -> R>,
}

impl<R> EventsOf<R> {
    pub(crate) fn new(events: EventStream) -> Self {
        Self {
            events,
            as_signed: PhantomData,
        }
    }
}

impl<R: TaskOutput> Stream for EventsOf<R> {
    type Item = R;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<R>> {
        let event = Pin::new(&mut self.events).poll_next(cx);
        event.map(|event| event.map(|event| R::from_result(event.and_then(|value| self.events.read(&value)))))
    }
}
