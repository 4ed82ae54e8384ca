//! The events that bodies tell, on their way to those who listen.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio::time::Instant;

use crate::agent::{Payload, Told};
use crate::error::{Error, EventLoss};

/// What an event takes besides its value.
const LEAST: usize = 64;

/// Where events go, over as many links as there are one after the other: who listens to what, by the names that the
/// board was given.
#[derive(Debug, Default)]
pub struct ToldHub {
    listeners: Mutex<HashMap<u32, Listeners>>,
    /// Counts what came.
    come: AtomicU64,
    /// The names that were ever given: from the first one to before the last.
    given: Mutex<Option<std::ops::RangeInclusive<u32>>>,
    strays: Notify,
}

/// Those who listen to one event.
#[derive(Debug)]
struct Listeners {
    /// The number of the event that comes next.
    next: u64,
    opened: Opened,
    queues: Vec<Arc<EventQueue>>,
}

/// When the board was about to be told a name, and in which epoch: what comes under it is told later, and in that one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// The moment.
    pub at: Instant,
    /// The epoch.
    pub epoch: u64,
}

/// Between when it was told, and when it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    pub(crate) opened: Opened,
    pub(crate) at: Instant,
}

/// What one subscriber has not taken yet.
pub struct EventQueue(Mutex<Queue>);

struct Queue {
    heard: VecDeque<Heard>,
    /// How much room what waits has taken, and may.
    size: usize,
    limit: usize,
    ended: bool,
    waker: Option<Waker>,
}

/// What a subscriber is told.
#[derive(Debug)]
pub enum Heard {
    /// An event, and when it came.
    Event(Arc<Payload>, Moment),
    /// So many are lost, where that is known.
    Lost(Option<u64>, EventLoss),
    /// There are no more, for this reason.
    Failed(Error),
}

impl ToldHub {
    fn listeners(&self) -> MutexGuard<'_, HashMap<u32, Listeners>> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What comes under this name goes to these from now on.
    pub fn open(&self, token: u32, opened: Opened, queues: Vec<Arc<EventQueue>>) {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        let first = given.as_ref().map_or(token, |given| *given.start());
        *given = Some(first..=token);
        drop(given);
        let listeners = Listeners {
            next: 0,
            opened,
            queues,
        };
        self.listeners().insert(token, listeners);
    }

    /// And to this one, too.
    pub(crate) fn join(&self, token: u32, queue: &Arc<EventQueue>) {
        if let Some(listeners) = self.listeners().get_mut(&token) {
            listeners.queues.push(Arc::clone(queue));
        }
    }

    /// And to this one no longer.
    pub(crate) fn leave(&self, token: u32, queue: &Arc<EventQueue>) {
        if let Some(listeners) = self.listeners().get_mut(&token) {
            listeners.queues.retain(|other| !Arc::ptr_eq(other, queue));
        }
    }

    /// Nobody wants what still comes under this name.
    pub fn close(&self, token: u32) {
        self.listeners().remove(&token);
    }

    /// An event has come at this moment.
    pub(super) fn take(&self, told: Told, at: Instant) {
        let Told { token, number, value } = told;
        let mut all = self.listeners();
        let Some(listeners) = all.get_mut(&token) else {
            drop(all);
            let given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
            if given.as_ref().is_none_or(|given| !given.contains(&token)) {
                self.strays.notify_one();
            }
            return;
        };
        if number < listeners.next {
            return;
        }
        listeners.lose(number);
        listeners.next = number + 1;
        let value = Arc::new(value);
        let opened = listeners.opened;
        for queue in &listeners.queues {
            queue.push(&value, Moment { opened, at });
        }
        drop(all);
        self.come.fetch_add(1, Ordering::Relaxed);
    }

    /// The board says how many it had told under each name when all that came before this had been sent.
    pub fn settle(&self, counts: &[(u32, u64)]) {
        let mut all = self.listeners();
        for (token, count) in counts {
            if let Some(listeners) = all.get_mut(token) {
                listeners.lose(*count);
            }
        }
    }

    /// Whether somebody listens.
    pub(crate) fn is_heard(&self) -> bool {
        !self.listeners().is_empty()
    }

    /// Ends when an event comes under a name that was never given: an earlier program has left its listening.
    pub(crate) fn stray(&self) -> Notified<'_> {
        self.strays.notified()
    }

    /// How many events have come.
    pub(crate) fn come(&self) -> u64 {
        self.come.load(Ordering::Relaxed)
    }
}

impl Listeners {
    /// All before this number that has not come does not come any more.
    fn lose(&mut self, number: u64) {
        let lost = number.saturating_sub(self.next);
        if lost > 0 {
            self.next = number;
            for queue in &self.queues {
                queue.lose(Some(lost), EventLoss::Line);
            }
        }
    }
}

impl EventQueue {
    /// A queue in which so many bytes may wait.
    pub fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Queue {
            heard: VecDeque::new(),
            size: 0,
            limit,
            ended: false,
            waker: None,
        })))
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, value: &Arc<Payload>, came: Moment) {
        let mut queue = self.queue();
        let size = value.len() + LEAST;
        // The only one is never too large.
        if queue.size > 0 && queue.size + size > queue.limit {
            queue.lose(Some(1), EventLoss::Backlog);
            return;
        }
        queue.size += size;
        queue.put(Heard::Event(Arc::clone(value), came));
    }

    /// So many events do not come.
    pub fn lose(&self, lost: Option<u64>, why: EventLoss) {
        self.queue().lose(lost, why);
    }

    /// Nothing more comes, for this reason if there is one.
    pub(crate) fn end(&self, failed: Option<Error>) {
        let mut queue = self.queue();
        if let Some(error) = failed.filter(|_| !queue.ended) {
            queue.put(Heard::Failed(error));
        }
        queue.ended = true;
        queue.wake();
    }

    /// What comes next; nothing at the end.
    pub fn poll(&self, cx: &mut Context<'_>) -> Poll<Option<Heard>> {
        let mut queue = self.queue();
        match queue.heard.pop_front() {
            Some(heard) => {
                if let Heard::Event(value, _) = &heard {
                    queue.size -= value.len() + LEAST;
                }
                Poll::Ready(Some(heard))
            }
            None if queue.ended => Poll::Ready(None),
            None => {
                queue.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Queue {
    fn put(&mut self, heard: Heard) {
        if !self.ended {
            self.heard.push_back(heard);
            self.wake();
        }
    }

    /// Counts what is lost in one place together.
    fn lose(&mut self, lost: Option<u64>, why: EventLoss) {
        if let Some(Heard::Lost(before, same)) = self.heard.back_mut()
            && *same == why
        {
            *before = before.zip(lost).map(|(before, lost)| before.saturating_add(lost));
            return;
        }
        self.put(Heard::Lost(lost, why));
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

impl fmt::Debug for EventQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventQueue").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened() -> Opened {
        Opened {
            at: Instant::now(),
            epoch: 0,
        }
    }

    fn told(token: u32, number: u64) -> Told {
        let value = Payload::Repr(number.to_string().into_bytes());
        Told { token, number, value }
    }

    /// All that waits, in words.
    fn all(queue: &EventQueue) -> Vec<String> {
        let mut cx = Context::from_waker(Waker::noop());
        let mut all = Vec::new();
        while let Poll::Ready(Some(heard)) = queue.poll(&mut cx) {
            all.push(match heard {
                Heard::Event(value, _) => match &*value {
                    Payload::Repr(repr) => String::from_utf8_lossy(repr).into_owned(),
                    other => format!("{other:?}"),
                },
                Heard::Lost(lost, why) => format!("{lost:?} {why:?}"),
                Heard::Failed(error) => error.to_string(),
            });
        }
        all
    }

    #[test]
    fn each_event_comes_once_and_in_order_and_what_is_missing_is_counted_where_it_is_missing() {
        let hub = ToldHub::default();
        let queue = EventQueue::new(1000);
        hub.open(7, opened(), vec![Arc::clone(&queue)]);
        for number in [0, 1, 1, 4, 0, 5] {
            hub.take(told(7, number), Instant::now());
        }
        hub.settle(&[(7, 6), (8, 100)]);
        assert_eq!(all(&queue), ["0", "1", "Some(2) Line", "4", "5"]);
        hub.settle(&[(7, 8)]);
        hub.settle(&[(7, 9)]);
        hub.settle(&[(7, 5)]);
        hub.take(told(7, 8), Instant::now());
        assert_eq!(all(&queue), ["Some(3) Line"], "what was given up does not come");
    }

    #[test]
    fn one_that_does_not_keep_up_loses_its_own_and_is_told_how_many() {
        let hub = ToldHub::default();
        let (slow, fast) = (EventQueue::new(2 * LEAST + 2), EventQueue::new(1000));
        hub.open(1, opened(), vec![Arc::clone(&slow)]);
        hub.join(1, &fast);
        for number in 0..5 {
            hub.take(told(1, number), Instant::now());
        }
        assert_eq!(all(&slow), ["0", "1", "Some(3) Backlog"]);
        hub.take(told(1, 5), Instant::now());
        hub.leave(1, &fast);
        hub.take(told(1, 6), Instant::now());
        assert_eq!(all(&slow), ["5", "6"]);
        assert_eq!(all(&fast), ["0", "1", "2", "3", "4", "5"]);
    }

    #[test]
    fn an_event_under_a_name_that_was_never_given_is_a_stray() {
        let hub = ToldHub::default();
        let is_stray = |token| {
            hub.take(told(token, 0), Instant::now());
            let mut stray = std::pin::pin!(hub.stray());
            stray
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()))
                .is_ready()
        };
        assert!(is_stray(3));
        hub.open(3, opened(), vec![]);
        hub.open(4, opened(), vec![]);
        hub.close(3);
        assert!(hub.is_heard());
        assert!(!is_stray(3), "it was on its way");
        assert!(is_stray(5));
    }

    #[test]
    fn the_end_comes_behind_what_waits_and_nothing_behind_it() {
        let hub = ToldHub::default();
        let queue = EventQueue::new(1000);
        hub.open(1, opened(), vec![Arc::clone(&queue)]);
        hub.take(told(1, 0), Instant::now());
        queue.end(Some(crate::error::ErrorKind::Closed.into()));
        hub.take(told(1, 1), Instant::now());
        queue.end(Some(crate::error::ErrorKind::Reset.into()));
        assert_eq!(all(&queue), ["0", "the device is closed"]);
    }
}
