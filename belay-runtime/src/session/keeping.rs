//! Objects that stay on the board: calls whose results contain some, and releasing those that have no handle any more.

use std::any::Any;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use futures_core::Stream;

use super::connection::Connection;
use super::returned::Returned;
use super::{Inner, Session};
use crate::agent::objects;
use crate::error::{Error, ErrorKind, Result};
use crate::kept::{self, Batch, Expected, Handle, Keeper};
use crate::link::{Came, ObjectStream, Request};
use crate::python::Arguments;

impl Session {
    /// The session that owns the objects of this keeper, if it still exists.
    pub(crate) fn of(keeper: &Keeper) -> Option<Self> {
        let inner = keeper.session()?;
        Some(Self { inner })
    }

    /// Makes this session the owner of the keeper's objects.
    pub(super) fn keep(&self) {
        let weak: Weak<Inner> = Arc::downgrade(&self.inner);
        let session: Weak<dyn Any + Send + Sync> = weak.clone();
        let runtime = self.inner.runtime.clone();
        self.inner.keeper.keep_for(session, move || {
            let weak = weak.clone();
            runtime.spawn(async move {
                tokio::time::sleep(kept::LULL).await;
                if let Some(inner) = weak.upgrade() {
                    Self { inner }.release().await;
                }
            });
        });
    }

    /// Releases the objects on the board that have no handle any more.
    async fn release(&self) {
        let keeper = &self.inner.keeper;
        let deadline = self.execute_deadline();
        let release = || {
            self.unless_closing(async {
                let _turn = self.shared(deadline).await?;
                let connection = self.connection(deadline).await?;
                connection.release(keeper.take(connection.epoch())).await
            })
        };
        let goes_on = |error: &Error| {
            tracing::debug!(device = self.name(), %error, "objects stay on the board for now");
            self.can_execute()
        };
        keeper.give_back(release, goes_on).await;
    }
}

impl Connection {
    /// Has the board release these objects. Returns whether there were any.
    async fn release(&self, batch: Batch<'_>) -> Result<bool> {
        if batch.freed().is_empty() {
            return Ok(false);
        }
        // After another connection was made it has to be told for whom it keeps them.
        self.provide_keeping().await?;
        self.link.release(batch, self.execute_deadline).await
    }

    /// Has the board release all objects of this session.
    pub(super) async fn keep_nothing(&self, deadline: Duration) {
        if !self.keeps.initialized() {
            return;
        }
        if let Err(error) = self.ask(objects::end(), deadline).await {
            tracing::debug!(device = %self.name, %error, "objects stay on the board");
        }
    }

    /// Sets up the board's library for objects, unless that has been done for this connection.
    async fn provide_keeping(&self) -> Result<()> {
        let provide = async || {
            if !self.link.hello().flavour.packs() {
                return Err(self.unsupported(
                    "keeping objects on the board, for which the agent for small boards has no room,",
                ));
            }
            self.link.provide_packing(self.execute_deadline).await?;
            let there: bool = self.ask(objects::is_there(), self.execute_deadline).await?.to()?;
            if !there {
                self.run(objects::NAMESPACE, objects::LIBRARY, Some(objects::FILE))
                    .await?;
            }
            let begin = objects::begin(self.keeper.id());
            self.ask(begin, self.execute_deadline).await.map(drop)
        };
        Box::pin(self.keeps.get_or_try_init(provide)).await.map(drop)
    }

    /// Fails if an argument is an object that is not on this board, or not any more.
    pub(crate) fn check_handles(&self, arguments: &Arguments) -> Result<()> {
        for handle in arguments.handles() {
            self.check(handle)?;
        }
        Ok(())
    }

    /// The same for one object.
    pub(crate) fn check(&self, handle: &Handle) -> Result<()> {
        let kind = if !Arc::ptr_eq(handle.keeper(), &self.keeper) {
            ErrorKind::ObjectElsewhere
        } else if handle.epoch() != self.epoch {
            ErrorKind::ObjectGone
        } else {
            return Ok(());
        };
        Err(Error::from(kind).on_device(&self.name))
    }

    /// Calls a function whose result may contain objects that stay on the board.
    pub(crate) async fn keeping_call(
        &self,
        function: String,
        arguments: &Arguments,
        deadline: Duration,
    ) -> Result<Returned> {
        self.check_handles(arguments)?;
        let (arguments, expected) = self.expecting(arguments.clone()).await?;
        let request = Request::Call { function, arguments };
        let answer = if let Some(expected) = expected {
            // It is no part of every call's future.
            let came = Box::pin(self.link.request_objects(request, expected, deadline));
            came.await.map(returned)
        } else {
            let asked = Instant::now();
            let answer = self.link.request(request, deadline).await;
            answer.map(|answer| Returned::from(answer).asked(asked, self.epoch))
        };
        answer.map_err(|error| self.explain(error, None))
    }

    /// Opens a stream of what a function yields.
    pub(super) async fn open(
        &self,
        function: String,
        arguments: Arguments,
        deadline: Duration,
    ) -> Result<Opened> {
        self.check_handles(&arguments)?;
        let (arguments, expected) = self.expecting(arguments).await?;
        let handles = arguments.handles().to_vec();
        let request = Request::Call { function, arguments };
        Ok(Opened {
            values: Box::pin(self.link.open_objects(request, expected, deadline)).await?,
            _handles: handles,
        })
    }

    /// Prepares arguments for a call whose result may contain handles; also returns the [`Expected`] to which those
    /// belong.
    async fn expecting(&self, arguments: Arguments) -> Result<(Arguments, Option<Expected>)> {
        if !arguments.result().has_handles() {
            return Ok((arguments, None));
        }
        self.provide_keeping().await?;
        while let Some(batch) = self.keeper.take_if_behind(self.epoch) {
            // Boxed, because this is rare and its future would make that of every call larger.
            if let Err(error) = Box::pin(self.release(batch)).await {
                // Go on: if something is wrong, the call will find out itself; or the error was a Ctrl-C that was meant
                // for another call.
                tracing::debug!(device = %self.name, %error, "objects stay on the board for now");
                break;
            }
        }
        let expected = Expected::new(&self.keeper, self.epoch);
        let exact = self.link.packs_floats();
        Ok((arguments.numbered(expected.answer(), exact), Some(expected)))
    }
}

/// What came, as the session has it.
fn returned(came: Came) -> Returned {
    match came {
        Came::Objects { repr, exact, handles } => Returned::with_handles(repr, exact, handles),
        Came::Plain(payload) => Returned::from(payload),
    }
}

/// A stream of what a function on the board yields.
#[derive(Debug)]
pub(super) struct Opened {
    // The generator is closed first.
    values: ObjectStream,
    /// What it was called with.
    _handles: Vec<Arc<Handle>>,
}

impl Stream for Opened {
    type Item = Result<Returned>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let came = ready!(Pin::new(&mut self.values).poll_next(cx));
        Poll::Ready(came.map(|came| came.map(returned)))
    }
}
