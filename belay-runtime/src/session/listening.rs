//! The events that bodies on the board tell, and who listens to them. The board is told to send an event as long as
//! somebody wants to hear it.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::clock::known::Known;
use super::connection::Connection;
use super::returned::Returned;
use crate::agent::events;
use crate::error::{Error, ErrorKind, EventLoss, Result};
use crate::exception::DeviceException;
use crate::link::{EventQueue, Heard, Link, Moment, Opened, Payload, ToldHub};
use crate::random::random;
use crate::spec::{DeviceSpec, MethodSpec};

/// How often the board is told to send something, if an interrupt of something else ends that.
const ATTEMPTS: u32 = 5;

/// Who listens to what, across the connections of a session.
#[derive(Debug)]
pub(crate) struct Listening {
    hub: Arc<ToldHub>,
    state: Mutex<State>,
    backlog: usize,
}

#[derive(Debug)]
struct State {
    /// The connection, as far as there is one that takes orders.
    line: Option<Line>,
    /// Why there is none, and none is being made.
    ended: Option<Arc<Error>>,
    heard: Vec<Event>,
    /// The last name that was given to an event, or 0.
    token: u32,
    /// Whether a task asks the board from time to time.
    followed: bool,
}

#[derive(Debug, Clone)]
struct Line {
    link: Link,
    name: Arc<str>,
    generation: u64,
    epoch: u64,
    deadline: Duration,
    /// Whether an earlier program's listening was ended over it.
    silenced: bool,
}

/// An event to which somebody listens.
#[derive(Debug)]
struct Event {
    device: &'static DeviceSpec,
    method: &'static MethodSpec,
    token: u32,
    /// Whether somebody wants to know the moment of each.
    stamped: bool,
    queues: Vec<Arc<EventQueue>>,
}

impl Listening {
    pub(super) fn new(backlog: usize) -> Arc<Self> {
        Arc::new(Self {
            hub: Arc::default(),
            state: Mutex::new(State {
                line: None,
                ended: None,
                heard: Vec::new(),
                token: 0,
                followed: false,
            }),
            backlog,
        })
    }

    pub(super) fn hub(&self) -> Arc<ToldHub> {
        Arc::clone(&self.hub)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// There is a connection, over which the board has to be told everything anew.
    pub(super) fn connected(self: &Arc<Self>, live: &Connection) {
        let mut state = self.state();
        state.ended = None;
        state.line = Some(Line {
            link: live.link.clone(),
            name: Arc::clone(&live.name),
            generation: live.generation(),
            epoch: live.epoch(),
            deadline: live.execute_deadline(),
            silenced: false,
        });
        for at in 0..state.heard.len() {
            let token = state.next_token();
            let event = &mut state.heard[at];
            self.hub.close(event.token);
            event.token = token;
            for queue in &event.queues {
                queue.lose(None, EventLoss::Reconnection);
            }
            self.hub.open(token, opened(live.epoch()), event.queues.clone());
            self.order(&state, at);
        }
    }

    /// There is no connection, and none is being made: what somebody listens to is at its end.
    pub(super) fn out_of_reach(&self, cause: &Arc<Error>) {
        let mut state = self.state();
        let closed = matches!(cause.kind(), ErrorKind::Closed);
        for event in std::mem::take(&mut state.heard) {
            self.hub.close(event.token);
            for queue in event.queues {
                queue.end((!closed).then(|| ended(cause)));
            }
        }
        state.ended = Some(Arc::clone(cause));
        state.line = None;
    }

    /// The board sends what an earlier program wanted to hear: it is told not to, once.
    pub(super) fn silence_strays(&self, generation: u64) {
        let mut state = self.state();
        let line = state.line.as_mut().filter(|line| line.generation == generation);
        if let Some(line) = line.filter(|line| !line.silenced) {
            line.silenced = true;
            // If that comes to nothing, they are thrown away as they come.
            drop(line.link.order(events::quiet(), line.deadline));
        }
    }

    /// Listens to an event, with the moment of each if that is `stamped`.
    pub(super) fn join(
        self: &Arc<Self>,
        device: &'static DeviceSpec,
        method: &'static MethodSpec,
        stamped: bool,
    ) -> (Arc<EventQueue>, bool) {
        let queue = EventQueue::new(self.backlog);
        let mut state = self.state();
        if let Some(cause) = &state.ended {
            queue.end(Some(ended(cause)));
            return (queue, false);
        }
        let mut known = state.heard.iter();
        if let Some(at) = known.position(|event| std::ptr::eq(event.method, method)) {
            let event = &mut state.heard[at];
            self.hub.join(event.token, &queue);
            event.queues.push(Arc::clone(&queue));
            if stamped && !std::mem::replace(&mut event.stamped, true) {
                self.order(&state, at);
            }
        } else {
            let token = state.next_token();
            // Where there is no connection nothing comes under it: there will be another name.
            let epoch = state.line.as_ref().map_or(0, |line| line.epoch);
            self.hub.open(token, opened(epoch), vec![Arc::clone(&queue)]);
            state.heard.push(Event {
                device,
                method,
                token,
                stamped,
                queues: vec![Arc::clone(&queue)],
            });
            self.order(&state, state.heard.len() - 1);
        }
        let follow = !std::mem::replace(&mut state.followed, true);
        (queue, follow)
    }

    /// Does not listen any more.
    fn leave(&self, method: &'static MethodSpec, queue: &Arc<EventQueue>) {
        let mut state = self.state();
        let mut events = state.heard.iter();
        let Some(at) = events.position(|event| std::ptr::eq(event.method, method)) else {
            return;
        };
        let event = &mut state.heard[at];
        event.queues.retain(|other| !Arc::ptr_eq(other, queue));
        if !event.queues.is_empty() {
            return self.hub.leave(event.token, queue);
        }
        let event = state.heard.swap_remove(at);
        self.hub.close(event.token);
        if let Some(line) = &state.line {
            let silent = events::listen(event.device.namespace, event.method.name, 0);
            // Where the connection is at its end, nothing is sent anyway.
            drop(line.link.order(silent, line.deadline));
        }
    }

    /// Whether somebody wants to know when something was told.
    pub(super) fn wants_moments(&self) -> bool {
        self.state().heard.iter().any(|event| event.stamped)
    }

    /// Whether somebody listens. If nobody does, nobody asks from time to time any more.
    pub(super) fn is_heard(&self) -> bool {
        let mut state = self.state();
        let heard = self.hub.is_heard();
        state.followed &= heard;
        heard
    }

    /// Tells the board to send an event, before whatever it is asked from now on.
    fn order(self: &Arc<Self>, state: &State, at: usize) {
        let (
            Some(line),
            Event {
                device,
                method,
                token,
                stamped,
                ..
            },
        ) = (state.line.clone(), &state.heard[at])
        else {
            return;
        };
        let (method, token) = (*method, *token);
        let listen = if *stamped {
            events::listen_with_moments(device.namespace, method.name, token)
        } else {
            events::listen(device.namespace, method.name, token)
        };
        let told = line.link.clone();
        let listening = Arc::downgrade(self);
        let order = move || line.link.order(listen.clone(), line.deadline);
        // Now, so that it is before all that this program asks for from now on. Where the connection is at its end there
        // will be another one, or nothing to hear.
        let Ok(first) = order() else { return };
        let name = Arc::clone(
            &state
                .line
                .as_ref()
                .map_or_else(|| Arc::from(""), |line| Arc::clone(&line.name)),
        );
        tokio::spawn(async move {
            let mut answer = first.await.map(drop);
            for _ in 1..ATTEMPTS {
                if !answer.as_ref().is_err_and(may_be_ordered_again) {
                    break;
                }
                let next = { listening.upgrade() }.and_then(|all| all.again(token, &order));
                let Some(next) = next else { return };
                answer = next.await.map(drop);
            }
            if let (Err(error), Some(listening)) = (answer, listening.upgrade()) {
                let no_counter = |raised: &DeviceException| raised.is(events::NO_COUNTER);
                let error = if error.exception().is_some_and(no_counter) {
                    told.has_no_clock()
                } else {
                    error
                };
                listening.failed(token, error.in_method(method.path).on_device(&name));
            }
        });
    }

    /// Orders once more what is to come under this name, unless nobody wants that any more. What was told meanwhile may be
    /// missing.
    fn again<T>(&self, token: u32, order: impl FnOnce() -> Result<T>) -> Option<T> {
        let state = self.state();
        let event = state.heard.iter().find(|event| event.token == token)?;
        for queue in &event.queues {
            queue.lose(None, EventLoss::Line);
        }
        // While nobody else orders anything.
        order().ok()
    }

    /// The board could not be told to send what was to come under this name. Where that is because the connection is at
    /// its end, the session knows what becomes of it.
    fn failed(&self, token: u32, error: Error) {
        if matches!(error.kind(), ErrorKind::Closed) || error.ends_connection() {
            return;
        }
        let mut state = self.state();
        let Some(at) = state.heard.iter().position(|event| event.token == token) else {
            return;
        };
        let event = state.heard.swap_remove(at);
        self.hub.close(token);
        let error = Arc::new(error);
        for queue in event.queues {
            queue.end(Some(ErrorKind::NotHeard(Arc::clone(&error)).into()));
        }
    }
}

impl State {
    fn next_token(&mut self) -> u32 {
        if self.token == 0 {
            // The board keeps it as a small int. What an earlier program has named so is very likely another one.
            self.token = u32::try_from(random() & 0x1fff_ffff).unwrap_or(0);
        }
        self.token += 1;
        self.token
    }
}

/// Whether the board is told once more, after this has become of telling it.
fn may_be_ordered_again(error: &Error) -> bool {
    match error.kind() {
        // The last is of calls that end because the device is being closed: the teardowns tell, too.
        ErrorKind::Interrupted
        | ErrorKind::Timeout { .. }
        | ErrorKind::Unresponsive { .. }
        | ErrorKind::Closed => true,
        // Perhaps it has been told, and the same once more changes nothing.
        ErrorKind::FateUnknown(_) => !error.ends_connection(),
        _ => false,
    }
}

/// The board is about to be told a name, in this epoch.
fn opened(epoch: u64) -> Opened {
    let at = Instant::now();
    Opened { at, epoch }
}

/// What an event says, and between which moments it was told.
fn told(value: Arc<Payload>, came: Moment) -> Returned {
    let Moment { opened, at } = came;
    let value = Returned::from(Arc::unwrap_or_clone(value));
    value.told(opened.at.into_std(), at.into_std(), opened.epoch)
}

/// What is told of the end of events.
fn ended(cause: &Arc<Error>) -> Error {
    match cause.kind() {
        ErrorKind::Closed => ErrorKind::Closed.into(),
        ErrorKind::RuntimeGone => ErrorKind::RuntimeGone.into(),
        _ => ErrorKind::NotHeard(Arc::clone(cause)).into(),
    }
}

/// What bodies on a board tell by the name of one event, from when this was [asked for](super::Session::listen).
///
/// A loss is an error of kind [`EventsLost`](crate::ErrorKind::EventsLost), behind which it goes on. It ends when the
/// device is closed, and behind any other error. Dropping it ends the subscription.
#[must_use = "a stream does nothing until it is polled"]
pub struct EventStream {
    listening: Arc<Listening>,
    device: Arc<str>,
    method: &'static MethodSpec,
    queue: Arc<EventQueue>,
    /// What is known of the board's clock, where moments are wanted.
    moments: Option<Arc<Known>>,
}

impl EventStream {
    pub(super) fn new(
        listening: &Arc<Listening>,
        device: &Arc<str>,
        method: &'static MethodSpec,
        queue: Arc<EventQueue>,
        moments: Option<Arc<Known>>,
    ) -> Self {
        Self {
            listening: Arc::clone(listening),
            device: Arc::clone(device),
            method,
            queue,
            moments,
        }
    }

    /// The next event; nothing at the end.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Result<Returned>> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    fn error(&self, error: impl Into<Error>) -> Error {
        error.into().in_method(self.method.path).on_device(&self.device)
    }

    /// What an event says, as a `T`.
    pub(crate) fn read<T: DeserializeOwned>(&self, value: &Returned) -> Result<T> {
        let stamped = { self.moments.as_ref() }.and_then(|moments| moments.of(value));
        let value = stamped.as_ref().unwrap_or(value).to();
        value.map_err(|error| self.error(error))
    }
}

impl Stream for EventStream {
    type Item = Result<Returned>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let heard = ready!(self.queue.poll(cx));
        Poll::Ready(heard.map(|heard| match heard {
            Heard::Event(value, came) => Ok(match &self.moments {
                Some(_) => told(value, came),
                None => Returned::from(Arc::unwrap_or_clone(value)).without_moment(),
            }),
            Heard::Lost(lost, why) => Err(self.error(ErrorKind::EventsLost { lost, why })),
            Heard::Failed(error) => Err(self.error(error)),
        }))
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        self.listening.leave(self.method, &self.queue);
    }
}

impl fmt::Debug for EventStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream")
            .field("method", &self.method.path)
            .finish_non_exhaustive()
    }
}
