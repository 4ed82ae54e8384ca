//! Events as a session has them: listened to, put where bodies find them, and asked for when none come.

use std::sync::{Arc, Weak};
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::connection::Connection;
use super::{EventStream, Inner, Session};
use crate::agent::{Flavour, events};
use crate::error::{Phase, Result};
use crate::link::EventQueue;
use crate::python::shape::Shape;
use crate::spec::{DeviceSpec, MethodKind, MethodSpec};

/// The pauses between two questions whether all has come: they double from the first to the last while nothing comes.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LAST_PAUSE: Duration = Duration::from_secs(5);

impl Session {
    /// What bodies tell by the name of this event, from now on: to each subscriber all of it, in order.
    pub fn listen(&self, method: &'static MethodSpec) -> EventStream {
        self.listen_to(method, false)
    }

    /// The same for who reads each as a `T`.
    pub(crate) fn listen_for<T: DeserializeOwned>(&self, method: &'static MethodSpec) -> EventStream {
        self.listen_to(method, Shape::of::<T>() == Shape::Stamped)
    }

    fn listen_to(&self, method: &'static MethodSpec, stamped: bool) -> EventStream {
        let listening = &self.inner.listening;
        let (queue, follow) = match self.inner.registry.device_of(method) {
            Ok(device) => self.in_own_runtime(|| listening.join(device, method, stamped)),
            Err(error) => {
                let queue = EventQueue::new(0);
                queue.end(Some(error));
                (queue, false)
            }
        };
        if follow {
            self.inner.runtime.spawn(follow_up(Arc::downgrade(&self.inner)));
        }
        let moments = stamped.then(|| self.moments());
        EventStream::new(listening, &self.inner.name, method, queue, moments)
    }

    fn in_own_runtime<T>(&self, doing: impl FnOnce() -> T) -> T {
        let _entered = self.inner.runtime.enter();
        doing()
    }

    /// Puts the events of a trait into its namespace.
    ///
    /// # Errors
    ///
    /// When the board cannot have any, has no room for them, or cannot be reached.
    pub(crate) async fn claim_events(&self, device: &'static DeviceSpec) -> Result<()> {
        if names(device).is_empty() {
            return Ok(());
        }
        let deadline = self.execute_deadline();
        self.unless_closing(async {
            let _turn = self.shared(deadline).await?;
            let connection = self.connection(deadline).await?;
            let claimed = connection.claim_events(device, self.inner.settings.event_queue);
            claimed.await.inspect_err(|error| self.report(&connection, error))
        })
        .await
    }

    /// Asks the board whether all has come that it has told.
    async fn settle_events(&self, within: Duration) -> Result<()> {
        let _beside_others = self.shared(within).await?;
        let live = self.connected()?;
        let counts = live.ask(events::counts(), live.execute_deadline()).await?;
        self.inner
            .listening
            .hub()
            .settle(&counts.to::<Vec<(u32, u64)>>()?);
        Ok(())
    }
}

impl Connection {
    /// Puts the events of a trait into its namespace, where `room` of them may wait.
    pub(super) async fn claim_events(&self, device: &'static DeviceSpec, room: usize) -> Result<()> {
        let names = names(device);
        if names.is_empty() {
            return Ok(());
        }
        if self.link.hello().flavour == Flavour::Small {
            return Err(self.unsupported("a trait with events").in_phase(Phase::Deploy));
        }
        let mut claimed = self.events.lock().await;
        let packs = self.link.provide_exact_floats(self.execute_deadline()).await?;
        let claim = events::claim(!*claimed, room, packs, device.namespace, &names)?;
        let mut answer = self.ask(claim.clone(), self.execute_deadline()).await?;
        if answer.as_bytes() == b"False" {
            self.run(events::NAMESPACE, events::LIBRARY, Some(events::FILE))
                .await?;
            answer = self.ask(claim, self.execute_deadline()).await?;
        }
        *claimed = answer.to()?;
        Ok(())
    }

    /// Has the board send no events any more: whoever uses its line next would find them there.
    pub(super) async fn silence_events(&self, within: Duration) {
        if *self.events.lock().await {
            let silenced = self.ask(events::quiet(), within).await;
            if let Err(error) = silenced {
                tracing::debug!(device = %self.name, %error, "the board may go on sending events");
            }
        }
    }
}

/// The names of a trait's events.
fn names(device: &DeviceSpec) -> Vec<&'static str> {
    let methods = device.methods.iter();
    let events = methods.filter(|method| method.kind == MethodKind::Event);
    events.map(|method| method.name).collect()
}

/// Asks the board whether all has come, as long as somebody listens: after what came last may be something that was lost.
async fn follow_up(session: Weak<Inner>) {
    let mut pause = FIRST_PAUSE;
    let mut come = 0;
    loop {
        tokio::time::sleep(pause).await;
        let Some(session) = session.upgrade().map(|inner| Session { inner }) else {
            return;
        };
        let listening = &session.inner.listening;
        if !listening.is_heard() {
            return;
        }
        if listening.wants_moments() && session.state().is_connected() {
            session.keep_clock().await;
        }
        let before = std::mem::replace(&mut come, listening.hub().come());
        if before != come {
            // What is missing before something that came is known.
            pause = FIRST_PAUSE;
        } else if session.state().is_connected() {
            pause = (pause * 2).min(LAST_PAUSE);
            if let Err(error) = session.settle_events(pause).await {
                tracing::debug!(device = session.name(), %error, "the board could not be asked for its events");
            }
        }
    }
}
