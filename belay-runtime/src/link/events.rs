//! What a link reports without having been asked.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::polled::Polled;

/// How many events wait for a listener that does not keep up.
const BACKLOG: usize = 256;

/// Something that happened on the board or on the line, outside of any reply.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinkEvent {
    /// Python on the board said something of its own accord with `S(value)`: the `repr` of that value.
    Board(Arc<[u8]>),
    /// The board was reset; the link is at its end.
    Reset,
    /// The port failed or vanished; the link is at its end.
    Lost,
    /// So many events were dropped because the listener did not keep up.
    Missed(u64),
}

/// What the board tells of its own accord, from when this was [asked for](super::Link::events) until the end of the
/// link.
#[derive(Debug)]
#[must_use = "a stream does nothing until it is polled"]
pub struct LinkEvents {
    events: Polled<broadcast::Receiver<LinkEvent>, Result<LinkEvent, RecvError>>,
}

impl LinkEvents {
    fn new(receiver: broadcast::Receiver<LinkEvent>) -> Self {
        let events = Polled::new(receiver, |mut receiver| {
            Box::pin(async move {
                let event = receiver.recv().await;
                (receiver, event)
            })
        });
        Self { events }
    }

    /// The next event; nothing once the link is at its end.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<LinkEvent> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl Stream for LinkEvents {
    type Item = LinkEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<LinkEvent>> {
        Poll::Ready(match ready!(self.events.poll(cx)) {
            Ok(event) => Some(event),
            Err(RecvError::Lagged(missed)) => Some(LinkEvent::Missed(missed)),
            Err(RecvError::Closed) => None,
        })
    }
}

/// Where the conversation tells events. When it is gone, so are they.
#[derive(Debug)]
pub(super) struct EventSender(broadcast::Sender<LinkEvent>);

impl EventSender {
    pub(super) fn new() -> Self {
        Self(broadcast::Sender::new(BACKLOG))
    }

    pub(super) fn send(&self, event: LinkEvent) {
        // An error says that nobody listens.
        let _ = self.0.send(event);
    }

    pub(super) fn source(&self) -> EventSource {
        EventSource(self.0.downgrade())
    }
}

/// Makes streams of events as long as there is something to hear.
#[derive(Debug, Clone)]
pub(super) struct EventSource(broadcast::WeakSender<LinkEvent>);

impl EventSource {
    pub(super) fn subscribe(&self) -> LinkEvents {
        let ended = || broadcast::channel(1).1;
        let sender = self.0.upgrade();
        LinkEvents::new(sender.map_or_else(ended, |sender| sender.subscribe()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_slow_listener_has_missed_is_counted_and_the_end_is_told() {
        let sender = EventSender::new();
        let source = sender.source();
        let mut events = source.subscribe();
        for _ in 0..=BACKLOG {
            sender.send(LinkEvent::Reset);
        }
        assert_eq!(events.next().await, Some(LinkEvent::Missed(1)));
        for _ in 0..BACKLOG {
            assert_eq!(events.next().await, Some(LinkEvent::Reset));
        }
        drop(sender);
        assert_eq!(events.next().await, None);
        assert_eq!(source.subscribe().next().await, None);
    }
}
