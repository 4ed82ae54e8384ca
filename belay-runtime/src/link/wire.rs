//! The line together with its port, for code that has both to itself: while a conversation starts, resumes or ends.

use std::io;
use std::task::{Context, Poll};

use tokio::task::coop::consume_budget;
use tokio::time::{Instant, timeout_at};

use super::line::{Item, Line};
use super::port::Port;
use crate::error::Result;
use crate::transport::TransportError;

/// How many reads in a row may bring nothing but output before other tasks get their turn: a board that never stops
/// printing must not keep this task from its deadlines.
const READS: usize = 32;

/// An open port and its line.
pub(super) struct Wire<'a> {
    pub(super) line: &'a mut Line,
    pub(super) port: &'a mut Port,
}

impl Wire<'_> {
    pub(super) fn is_gone(&self) -> bool {
        self.port.is_gone()
    }

    /// Waits for the next item from the board, and writes queued bytes meanwhile.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    async fn next(&mut self) -> io::Result<Item> {
        std::future::poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Item>> {
        for _ in 0..READS {
            if let Some(item) = self.line.next_of_ours() {
                return Poll::Ready(Ok(item));
            }
            match self.port.poll(cx, self.line)? {
                Poll::Ready(bytes) => self.line.take(bytes),
                Poll::Pending => {
                    self.line.hand_out();
                    return Poll::Pending;
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// The next item from the board; `None` if there is none before `until`, however much output has come by then.
    pub(super) async fn next_before(&mut self, until: Instant) -> Result<Option<Item>> {
        consume_budget().await;
        if Instant::now() >= until {
            return Ok(None);
        }
        match timeout_at(until, self.next()).await {
            Ok(Ok(item)) => Ok(Some(item)),
            Ok(Err(error)) => {
                self.port.has_failed();
                Err(TransportError::from(error).into())
            }
            Err(_) => Ok(None),
        }
    }
}
