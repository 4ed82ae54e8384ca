//! A stream as its consumer has it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use tokio::sync::mpsc;

use super::conversation::Command;
use super::streams::{self, Item};
use super::{Link, Payload};
use crate::error::{Error, Result};

/// The items of a generator on the board.
#[derive(Debug)]
pub struct LinkStream {
    pub(super) link: Link,
    pub(super) stream: u64,
    pub(super) items: mpsc::UnboundedReceiver<Item>,
    /// How many items have been taken since credit was given.
    pub(super) taken: usize,
    /// How many bytes they had.
    pub(super) bytes: usize,
    pub(super) failed: Option<Error>,
    pub(super) ended: bool,
}

impl Stream for LinkStream {
    type Item = Result<Payload>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(error) = self.failed.take() {
            self.ended = true;
            return Poll::Ready(Some(Err(error)));
        }
        if self.ended {
            return Poll::Ready(None);
        }
        let item = match ready!(self.items.poll_recv(cx)) {
            Some(Ok(item)) => item.map(Ok),
            Some(Err(error)) => Some(Err(error)),
            // Nobody has said that this is the end of it.
            None => Some(Err(self.link.shared.ending.error())),
        };
        match &item {
            Some(Ok(item)) => {
                self.taken += 1;
                self.bytes += item.len();
                if self.taken >= streams::CREDIT / 2 || self.bytes >= streams::ROOM / 2 {
                    let (more, bytes) = (std::mem::take(&mut self.taken), std::mem::take(&mut self.bytes));
                    // A link that is at its end says so through the items.
                    let _ = self.link.tell(Command::Credit(self.stream, more, bytes));
                }
            }
            Some(Err(_)) | None => self.ended = true,
        }
        Poll::Ready(item)
    }
}

impl Drop for LinkStream {
    fn drop(&mut self) {
        if !self.ended {
            // A link that is at its end has nothing to close.
            let _ = self.link.tell(Command::CloseStream(self.stream));
        }
    }
}
