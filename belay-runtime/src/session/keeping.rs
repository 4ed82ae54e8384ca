//! Objects that stay on the board: calls that have them stay, and what becomes of those that nobody has any more.

use std::any::Any;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use futures_core::Stream;

use super::connection::Connection;
use super::returned::Returned;
use super::{Inner, Session};
use crate::agent::objects::{self, Kept};
use crate::error::{Error, ErrorKind, Result};
use crate::kept::{Batch, Expected, Freed, Handle, Keeper};
use crate::link::{LinkStream, Payload, Request};
use crate::python::Arguments;

/// How long what is given back waits for more of it.
const LULL: Duration = Duration::from_millis(20);
/// How often that is tried again before it waits for what is given back next.
const ATTEMPTS: u32 = 8;

impl Session {
    /// The session that has objects kept by this, for as long as there is one.
    pub(crate) fn of(keeper: &Keeper) -> Option<Self> {
        let inner = keeper.session()?;
        Some(Self { inner })
    }

    /// Has objects kept for this session from now on.
    pub(super) fn keep(&self) {
        let weak: Weak<Inner> = Arc::downgrade(&self.inner);
        let session: Weak<dyn Any + Send + Sync> = weak.clone();
        let runtime = self.inner.runtime.clone();
        self.inner.keeper.keep_for(session, move || {
            let weak = weak.clone();
            runtime.spawn(async move {
                tokio::time::sleep(LULL).await;
                if let Some(inner) = weak.upgrade() {
                    Self { inner }.release().await;
                }
            });
        });
    }

    /// Has the board let go of what nobody has any more.
    async fn release(&self) {
        let keeper = &self.inner.keeper;
        let deadline = self.execute_deadline();
        let mut failures = 0;
        loop {
            let releasing = async {
                let _turn = self.shared(deadline).await?;
                let connection = self.connection(deadline).await?;
                connection.release(keeper.take(connection.epoch())).await
            };
            match self.unless_closing(releasing).await {
                Ok(true) => failures = 0,
                Ok(false) => return,
                Err(error) => {
                    failures += 1;
                    // A Ctrl-C that was meant for a call, or made by the line, has hit it.
                    if failures > ATTEMPTS || !self.can_execute() {
                        tracing::debug!(device = self.name(), %error, "objects stay on the board for now");
                        return keeper.give_up();
                    }
                    tokio::time::sleep(LULL * failures).await;
                }
            }
        }
    }
}

impl Connection {
    /// Has the board let go of these. Says whether there were any.
    async fn release(&self, batch: Batch<'_>) -> Result<bool> {
        if batch.freed().is_empty() {
            return Ok(false);
        }
        let mut numbers = Vec::new();
        let mut answers = Vec::new();
        for freed in batch.freed() {
            match *freed {
                Freed::One { number, .. } => numbers.push(number),
                Freed::Rest { answer, first, .. } => answers.push((answer, first)),
            }
        }
        // After another connection was made it has to be told for whom it keeps them.
        self.provide_keeping().await?;
        let request = Request::Call {
            function: objects::RELEASE.to_owned(),
            arguments: objects::released(&numbers, &answers),
        };
        self.link.request(request, self.execute_deadline).await?;
        batch.given_back();
        Ok(true)
    }

    /// The board is left without what it has kept for this session.
    pub(super) async fn keep_nothing(&self, deadline: Duration) {
        if !self.keeps.initialized() {
            return;
        }
        if let Err(error) = self.ask(objects::end(), deadline).await {
            tracing::debug!(device = %self.name, %error, "objects stay on the board");
        }
    }

    /// Has the board able to keep objects for this session.
    async fn provide_keeping(&self) -> Result<()> {
        let provide = async || {
            if !self.link.hello().flavour.packs() {
                return Err(
                    self.unsupported("an object that stays on the board, for which the agent has no room,")
                );
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

    /// Refuses objects that are not on this board, or not any more.
    pub(crate) fn check_handles(&self, arguments: &Arguments) -> Result<()> {
        for handle in arguments.handles() {
            self.check(handle)?;
        }
        Ok(())
    }

    /// The same for one of them.
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

    /// Calls a function for a result in which objects may stay on the board.
    pub(crate) async fn keeping_call(
        &self,
        function: String,
        arguments: &Arguments,
        deadline: Duration,
    ) -> Result<Returned> {
        self.check_handles(arguments)?;
        let (arguments, mut expected) = self.expecting(arguments.clone()).await?;
        let request = Request::Call { function, arguments };
        let asked = Instant::now();
        let answer = self.link.request(request, deadline).await;
        if let Some(expected) = &mut expected {
            let nothing_stays = |error: &Error| error.exception().is_some() && !error.is_memory_error();
            let whole = answer.as_ref().map_or_else(nothing_stays, |_| true);
            let answer = answer.map(|payload| returned(payload, expected));
            if whole {
                expected.end();
            }
            return answer.map_err(|error| self.explain(error, None));
        }
        answer
            .map(|answer| Returned::from(answer).asked(asked, self.epoch))
            .map_err(|error| self.explain(error, None))
    }

    /// Opens a stream of what a function gives one by one.
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
            values: self.link.open(request, deadline).await?,
            expected,
            _handles: handles,
        })
    }

    /// Arguments for a call whose result may have handles, and those that are expected then.
    async fn expecting(&self, arguments: Arguments) -> Result<(Arguments, Option<Expected>)> {
        if !arguments.result().has_handles() {
            return Ok((arguments, None));
        }
        self.provide_keeping().await?;
        while let Some(batch) = self.keeper.take_if_behind(self.epoch) {
            // Rarely needed, and so no part of every call's future.
            if let Err(error) = Box::pin(self.release(batch)).await {
                // The call comes to whatever this is, or it was a Ctrl-C that was meant for another.
                tracing::debug!(device = %self.name, %error, "objects stay on the board for now");
                break;
            }
        }
        let expected = Expected::new(&self.keeper, self.epoch);
        let exact = self.link.packs_floats();
        Ok((arguments.numbered(expected.answer(), exact), Some(expected)))
    }
}

/// What came, with the objects in it that stay on the board.
fn returned(payload: Payload, expected: &mut Expected) -> Returned {
    let kept = match &payload {
        Payload::Packed(code, data) => Kept::read(*code, data),
        _ => None,
    };
    match kept {
        Some(kept) => {
            let handles = expected.came(kept.first, kept.count);
            Returned::with_handles(kept.repr, kept.exact, handles)
        }
        None => Returned::from(payload),
    }
}

/// What a function on the board gives one by one.
#[derive(Debug)]
pub(super) struct Opened {
    // The order is that in which they are dropped: the generator is closed first, and its last objects go then.
    values: LinkStream,
    expected: Option<Expected>,
    /// What it was called with.
    _handles: Vec<Arc<Handle>>,
}

impl Stream for Opened {
    type Item = Result<Returned>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { values, expected, .. } = &mut *self;
        let item = ready!(Pin::new(values).poll_next(cx));
        Poll::Ready(match (item, expected) {
            (Some(Ok(payload)), Some(expected)) => Some(Ok(returned(payload, expected))),
            (None, Some(expected)) => {
                expected.end();
                None
            }
            (item, _) => item.map(|item| item.map(Returned::from)),
        })
    }
}
