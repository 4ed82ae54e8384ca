//! What `#[belay::object]` generates, and what that calls.

use std::time::Duration;

use futures_util::StreamExt as _;

use super::Remote;
use crate::agent::objects::Act;
use crate::boxed::{BoxFuture, BoxStream};
use crate::error::Result;
use crate::python::Arguments;
use crate::signature::TaskOutput;

/// A type that `#[belay::object]` generated: an object on the board whose methods have types.
pub trait Object: Sized {
    /// The object behind this handle, which is taken for one of this kind.
    fn from_remote(remote: Remote) -> Self;

    /// The object.
    fn remote(&self) -> &Remote;
}

/// What the methods that `#[belay::object]` generates call.
#[doc(hidden)]
impl Remote {
    /// What a method of the object gives, as its signature says it. `path` is `Trait.method`.
    pub fn method<R: TaskOutput + 'static>(
        &self,
        path: &'static str,
        name: &'static str,
        timeout_ms: Option<u64>,
        arguments: Arguments,
    ) -> BoxFuture<'static, R> {
        self.done(Act::Call, path, name, timeout_ms, arguments)
    }

    /// What a method of the object gives one by one.
    #[expect(clippy::needless_pass_by_value, reason = "it is called as the others are")]
    pub fn method_stream<R: TaskOutput + 'static>(
        &self,
        path: &'static str,
        name: &'static str,
        timeout_ms: Option<u64>,
        arguments: Arguments,
    ) -> BoxStream<R> {
        let words = self.named(Act::Call, name);
        let items = self
            .in_time(timeout_ms)
            .items::<R::Value>(words.map(|words| words.with_all(&arguments)));
        Box::pin(
            items.map(move |item: Result<R::Value>| {
                R::from_result(item.map_err(|error| error.in_method(path)))
            }),
        )
    }

    /// An attribute.
    pub fn attribute<R: TaskOutput + 'static>(
        &self,
        path: &'static str,
        name: &'static str,
        timeout_ms: Option<u64>,
    ) -> BoxFuture<'static, R> {
        self.done(Act::Get, path, name, timeout_ms, Arguments::new())
    }

    /// Sets an attribute to what is the only argument.
    pub fn set_attribute<R: TaskOutput + 'static>(
        &self,
        path: &'static str,
        name: &'static str,
        timeout_ms: Option<u64>,
        arguments: Arguments,
    ) -> BoxFuture<'static, R> {
        self.done(Act::Set, path, name, timeout_ms, arguments)
    }

    /// What comes of an act on what the object has under a name.
    fn done<R: TaskOutput + 'static>(
        &self,
        act: Act,
        path: &'static str,
        name: &'static str,
        timeout_ms: Option<u64>,
        arguments: Arguments,
    ) -> BoxFuture<'static, R> {
        let remote = self.in_time(timeout_ms);
        Box::pin(async move {
            let done = async {
                let words = remote.named(act, name)?.with_all(&arguments);
                remote.ask(words).await
            };
            R::from_result(done.await.map_err(|error| error.in_method(path)))
        })
    }

    fn in_time(&self, timeout_ms: Option<u64>) -> Self {
        timeout_ms.map_or_else(|| self.clone(), |ms| self.within(Duration::from_millis(ms)))
    }
}
