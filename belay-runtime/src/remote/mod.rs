//! Handles of objects that stay on the board.

mod arguments;
mod object;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::de::{self, DeserializeOwned, Visitor};
use serde::ser::{self, Serialize, Serializer};
use serde::{Deserialize, Deserializer};

use crate::agent::objects::{ACT, Act};
use crate::boxed::BoxStream;
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::kept::{self, Handle};
use crate::python::{Arguments, tag};
use crate::session::{Returned, Session};

pub use arguments::RemoteArguments;
pub use object::Object;

/// A handle of an object that stays on the board, such as a driver, a socket or a list.
///
/// A task that returns a `Remote`, a stream of them, and [`execute_as`](crate::Device::execute_as) leave the object on
/// the board and return a handle. Passed as an argument, also inside lists, tuples and fields, the handle becomes the
/// object again on the board. A result can contain several handles: in lists, tuples, fields and the values of a map.
/// `None` is not an object; use an `Option` where it may be returned.
///
/// Clones are the same handle. When the last one is dropped, the host tells the board so, together with others, and the
/// object is garbage-collected there unless something else refers to it. A reset of the board invalidates all handles:
/// [`ErrorKind::ObjectGone`]. They survive a lost connection if the board kept running meanwhile.
///
/// A trait with `#[belay::object]` is a `Remote` whose methods have types.
///
/// ```no_run
/// # async fn example(device: belay_runtime::Device) -> belay_runtime::Result<()> {
/// # use belay_runtime as belay;
/// use belay::Remote;
///
/// let list: Remote = device.execute_as("[3, 1, 2]").await?;
/// list.call::<()>("sort", ()).await?;
/// assert_eq!(list.item::<u8>(&0).await?, 1);
/// assert_eq!(list.len().await?, 3);
/// assert_eq!(list.value::<Vec<u8>>().await?, [1, 2, 3]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// Every operation on an object fails as a call does: with the exception that it raised, when it takes longer than the
/// device's time-out or that of [`within`](Self::within), when an argument cannot be expressed in Python or the result
/// has another type, and when the board cannot be reached. It also fails with [`ErrorKind::ObjectGone`] after a reset,
/// and with [`ErrorKind::NoSuchName`], before anything is sent, if an attribute's name is not a valid name.
///
/// # Cancel safety
///
/// Dropping the future of an operation interrupts it on the board. The handle stays valid.
#[derive(Clone)]
pub struct Remote {
    handle: Arc<Handle>,
    within: Option<Duration>,
}

impl Remote {
    /// The same object, with this time-out for each call instead of the device's.
    #[must_use]
    pub fn within(&self, timeout: Duration) -> Self {
        Self {
            handle: Arc::clone(&self.handle),
            within: Some(timeout),
        }
    }

    /// Calls a method of the object. The arguments are a tuple.
    ///
    /// # Errors
    ///
    /// See [above](Self#errors).
    ///
    /// ```no_run
    /// # async fn example(sensor: belay_runtime::Remote) -> belay_runtime::Result<()> {
    /// let reading: f64 = sensor.call("read", (1, 2)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn call<T: DeserializeOwned>(
        &self,
        method: &str,
        arguments: impl RemoteArguments,
    ) -> Result<T> {
        let words = self.named(Act::Call, method)?.with_all(&arguments.arguments());
        self.ask(words).await
    }

    /// Calls a method of the object that is a generator, or returns some other iterable, and returns a stream of the
    /// items.
    pub fn stream<T: DeserializeOwned + 'static>(
        &self,
        method: &str,
        arguments: impl RemoteArguments,
    ) -> BoxStream<Result<T>> {
        let words = self.named(Act::Call, method);
        self.items(words.map(|words| words.with_all(&arguments.arguments())))
    }

    /// Calls the object itself.
    ///
    /// # Errors
    ///
    /// See [above](Self#errors).
    pub async fn invoke<T: DeserializeOwned>(&self, arguments: impl RemoteArguments) -> Result<T> {
        self.ask(self.words(Act::Invoke).with_all(&arguments.arguments()))
            .await
    }

    /// Reads an attribute.
    ///
    /// # Errors
    ///
    /// See [above](Self#errors).
    pub async fn get<T: DeserializeOwned>(&self, attribute: &str) -> Result<T> {
        self.ask(self.named(Act::Get, attribute)?).await
    }

    /// Sets an attribute.
    ///
    /// # Errors
    ///
    /// See [above](Self#errors).
    pub async fn set<V: Serialize + ?Sized>(&self, attribute: &str, value: &V) -> Result<()> {
        let words = self.named(Act::Set, attribute)?;
        self.ask(words.with("value", value)).await
    }

    /// Reads an item of the object: by index, or by a key of a dict.
    ///
    /// # Errors
    ///
    /// See [above](Self#errors).
    pub async fn item<T: DeserializeOwned>(&self, key: &(impl Serialize + ?Sized)) -> Result<T> {
        self.ask(self.words(Act::Item).with("key", key)).await
    }

    /// Sets an item of the object, by index or key.
    ///
    /// # Errors
    ///
    /// See [above](Self#errors).
    pub async fn set_item<V: Serialize + ?Sized>(
        &self,
        key: &(impl Serialize + ?Sized),
        value: &V,
    ) -> Result<()> {
        let words = self.words(Act::Put).with("key", key).with("value", value);
        self.ask(words).await
    }

    /// Removes an item of the object, by index or key.
    ///
    /// # Errors
    ///
    /// See [above](Self#errors).
    pub async fn remove_item(&self, key: &(impl Serialize + ?Sized)) -> Result<()> {
        self.ask(self.words(Act::Remove).with("key", key)).await
    }

    /// Whether the object contains this item (`in`).
    ///
    /// # Errors
    ///
    /// See [above](Self#errors).
    pub async fn contains(&self, item: &(impl Serialize + ?Sized)) -> Result<bool> {
        self.ask(self.words(Act::Contains).with("item", item)).await
    }

    /// The object's length (`len()`).
    ///
    /// # Errors
    ///
    /// See [above](Self#errors).
    pub async fn len(&self) -> Result<usize> {
        self.ask(self.words(Act::Length)).await
    }

    /// The object's `repr()`.
    ///
    /// # Errors
    ///
    /// See [above](Self#errors).
    pub async fn repr(&self) -> Result<String> {
        self.ask(self.words(Act::Repr)).await
    }

    /// The object as a Rust value: the contents of a list, for example.
    ///
    /// # Errors
    ///
    /// See [above](Self#errors).
    pub async fn value<T: DeserializeOwned>(&self) -> Result<T> {
        self.ask(self.words(Act::Value)).await
    }

    /// Iterates over the object. Dropping the stream closes a generator.
    ///
    /// ```no_run
    /// # async fn example(pins: belay_runtime::Remote) -> belay_runtime::Result<()> {
    /// # use belay_runtime as belay;
    /// use belay::Remote;
    /// use futures_util::TryStreamExt;
    ///
    /// let mut each = pins.iter::<Remote>();
    /// while let Some(pin) = each.try_next().await? {
    ///     pin.call::<()>("on", ()).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[expect(
        clippy::iter_not_returning_iterator,
        reason = "what a board gives one by one is a stream"
    )]
    pub fn iter<T: DeserializeOwned + 'static>(&self) -> BoxStream<Result<T>> {
        self.items(Ok(self.words(Act::Iterate)))
    }

    fn words(&self, act: Act) -> Arguments {
        act.with(self.handle.number())
    }

    fn named(&self, act: Act, name: &str) -> Result<Arguments> {
        if !is_name(name) {
            let name = name.to_owned();
            return Err(ErrorKind::NoSuchName { name }.into());
        }
        Ok(self.words(act).with("name", name))
    }

    fn session(&self) -> Result<Session> {
        Session::of(self.handle.keeper()).ok_or_else(|| ErrorKind::Closed.into())
    }

    async fn ask<T: DeserializeOwned>(&self, arguments: Arguments) -> Result<T> {
        let returned = self.act(arguments.returning::<T>()).await?;
        let value = returned.to();
        value.map_err(|error: Error| error.in_phase(Phase::Execute))
    }

    async fn act(&self, arguments: Arguments) -> Result<Returned> {
        let session = self.session()?;
        let within = self.within.unwrap_or(session.execute_deadline());
        let asking = async {
            let _turn = session.shared(within).await?;
            let connection = session.connection(within).await?;
            connection.check(&self.handle)?;
            let asked = connection.keeping_call(ACT.to_owned(), &arguments, within).await;
            asked
                .inspect_err(|error| session.report(&connection, error))
                .map_err(|error| error.in_phase(Phase::Execute))
        };
        session.unless_closing(asking).await
    }

    fn items<T: DeserializeOwned + 'static>(&self, arguments: Result<Arguments>) -> BoxStream<Result<T>> {
        let remote = self.clone();
        let opening = async move {
            let session = remote.session()?;
            let arguments = arguments?.returning::<T>();
            let within = remote.within.unwrap_or(session.execute_deadline());
            let opening = async {
                let connection = session.connection(within).await?;
                connection.check(&remote.handle)?;
                connection.items_of(arguments, within).await
            };
            // Keep the object alive while its items are read.
            let items = session.unless_closing(opening).await?;
            Ok::<_, Error>(items.map(move |item| {
                let _stays = &remote;
                item
            }))
        };
        let items = stream::once(opening).try_flatten();
        Box::pin(items.map(|item: Result<Returned>| item?.to()))
    }
}

/// Whether this is a valid name of an attribute.
fn is_name(name: &str) -> bool {
    let is_of_name = |byte: u8| byte == b'_' || byte.is_ascii_alphanumeric();
    name.bytes().all(is_of_name) && name.bytes().next().is_some_and(|byte| !byte.is_ascii_digit())
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote")
            .field("number", &self.handle.number())
            .field("epoch", &self.handle.epoch())
            .finish_non_exhaustive()
    }
}

impl Serialize for Remote {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !kept::is_written(&self.handle) {
            return Err(ser::Error::custom(
                "an object that stays on the board can only be an argument of a call, or in one",
            ));
        }
        serializer.serialize_newtype_struct(tag::OBJECT, &self.handle.number())
    }
}

impl<'de> Deserialize<'de> for Remote {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(tag::OBJECT, RemoteVisitor)
    }
}

struct RemoteVisitor;

impl Visitor<'_> for RemoteVisitor {
    type Value = Remote;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object that stays on the board")
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Remote, E> {
        let handle = kept::in_what_is_read(number);
        let handle = handle.ok_or_else(|| E::custom("there is no such object in what the board returned"))?;
        Ok(Remote { handle, within: None })
    }
}
