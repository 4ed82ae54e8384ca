//! Objects that stay on the board, as a link has them: what comes with answers, and what is given back.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;

use super::{Link, LinkStream, Payload, Request};
use crate::agent::objects::{self, Kept};
use crate::error::{Error, Result};
use crate::kept::{Batch, Expected, Freed, Handle};

/// What came, with the objects in it that stay on the board.
#[derive(Debug)]
pub enum Came {
    /// A value in which each object is a handle.
    Objects {
        /// Its `repr`.
        repr: Vec<u8>,
        /// Whether its floats have all their bits.
        exact: bool,
        /// The handles.
        handles: Vec<Arc<Handle>>,
    },
    /// One in which there are none.
    Plain(Payload),
}

fn came_with(payload: Payload, expected: &mut Expected) -> Came {
    let kept = match &payload {
        Payload::Packed(code, data) => Kept::read(*code, data),
        _ => None,
    };
    match kept {
        Some(kept) => Came::Objects {
            handles: expected.came(kept.first, kept.count),
            repr: kept.repr,
            exact: kept.exact,
        },
        None => Came::Plain(payload),
    }
}

impl Link {
    /// As [`request`](Self::request), for a result with which objects are expected.
    ///
    /// # Errors
    ///
    /// As [`request`](Self::request).
    ///
    /// # Cancel safety
    ///
    /// As [`request`](Self::request). What nobody gets is given back.
    pub async fn request_objects(
        &self,
        request: Request,
        mut expected: Expected,
        deadline: Duration,
    ) -> Result<Came> {
        let answer = self.request(request, deadline).await;
        let nothing_stays = |error: &Error| error.exception().is_some() && !error.is_memory_error();
        let whole = answer.as_ref().map_or_else(nothing_stays, |_| true);
        let answer = answer.map(|payload| came_with(payload, &mut expected));
        if whole {
            expected.end();
        }
        answer
    }

    /// Opens a stream with whose items objects are expected.
    ///
    /// # Errors
    ///
    /// As [`request`](Self::request).
    ///
    /// # Cancel safety
    ///
    /// Nothing is asked for when the future is dropped.
    pub async fn open_objects(
        &self,
        request: Request,
        expected: Option<Expected>,
        deadline: Duration,
    ) -> Result<ObjectStream> {
        let values = self.open(request, deadline).await?;
        Ok(ObjectStream { values, expected })
    }

    /// Has the board let go of these. Says whether there were any.
    ///
    /// # Errors
    ///
    /// As [`request`](Self::request). They wait again then.
    ///
    /// # Cancel safety
    ///
    /// They wait again when the future is dropped.
    pub async fn release(&self, batch: Batch<'_>, deadline: Duration) -> Result<bool> {
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
        let request = Request::Call {
            function: objects::RELEASE.to_owned(),
            arguments: objects::released(&numbers, &answers),
        };
        self.request(request, deadline).await?;
        batch.given_back();
        Ok(true)
    }
}

/// What a function on the board gives one by one.
#[derive(Debug)]
pub struct ObjectStream {
    // The order is that in which they are dropped: the generator is closed first, and its last objects go then.
    values: LinkStream,
    expected: Option<Expected>,
}

impl Stream for ObjectStream {
    type Item = Result<Came>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { values, expected } = &mut *self;
        let item = ready!(Pin::new(values).poll_next(cx));
        Poll::Ready(match (item, expected) {
            (Some(Ok(payload)), Some(expected)) => Some(Ok(came_with(payload, expected))),
            (None, Some(expected)) => {
                expected.end();
                None
            }
            (item, _) => item.map(|item| item.map(Came::Plain)),
        })
    }
}
