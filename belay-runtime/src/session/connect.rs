//! Making a session, and each of its connections.

use std::sync::{Arc, Mutex};

use tokio::sync::watch;
use tracing::Instrument;

use super::capabilities::Capabilities;
use super::connection::Connection;
use super::context::SessionContext;
use super::deployments::{Counters, Deployments};
use super::events::EventHub;
use super::hosts::{Answers, Hosts};
use super::listening::Listening;
use super::registry::Registry;
use super::state::{SessionState, StateMachine};
use super::{Inner, Session, Settings};
use crate::error::{Error, Result};
use crate::kept::Keeper;
use crate::link::{Asked, Link, OutputHub, ToldHub};

/// What the connections of a session share: the attached traits, the deployment statistics, what answers the board, and
/// the owner of objects on the board.
type Known<'a> = (
    &'a Arc<Registry>,
    &'a Arc<Counters>,
    &'a Arc<Hosts>,
    &'a Arc<Keeper>,
);

impl Session {
    pub(crate) async fn connect(name: Arc<str>, settings: Settings) -> Result<Self> {
        let span = tracing::info_span!("belay.connect", device = %name);
        let connecting = async {
            let registry = Arc::default();
            let counters = Arc::default();
            let hub = OutputHub::new(&settings.link);
            let sink = settings.sink.clone();
            let writing = sink.map(|sink| tokio::spawn(sink.write(Arc::clone(&name), hub.subscribe())));
            let hosts = Arc::new(Hosts::new(
                settings.input.clone(),
                settings.link.deadlines.execute,
            ));
            let asked: Arc<Asked> = Arc::default();
            asked.answered_by(Arc::new(Answers(Arc::clone(&hosts))));
            let listening = Listening::new(settings.event_backlog);
            let heard = (hub.clone(), listening.hub(), Arc::clone(&asked));
            let keeper: Arc<Keeper> = Arc::default();
            let known = (&registry, &counters, &hosts, &keeper);
            let live = Connection::connect(&name, &settings, heard, known, None).await?;
            live.host(&[]).await?;
            listening.connected(&live);
            let session = Self {
                inner: Arc::new(Inner {
                    name: Arc::clone(&name),
                    settings,
                    state: Arc::new(StateMachine::new()),
                    live: watch::Sender::new(Arc::new(live)),
                    fault: Mutex::default(),
                    events: EventHub::new(),
                    listening,
                    writing: Mutex::new(writing),
                    output: Mutex::new(Some(hub)),
                    context: SessionContext::default(),
                    registry,
                    counters,
                    followers: Mutex::default(),
                    gate: Arc::default(),
                    closing: watch::Sender::new(false),
                    recovering: tokio::sync::Mutex::default(),
                    hosts,
                    asked,
                    keeper,
                    runtime: tokio::runtime::Handle::current(),
                }),
            };
            session.watch_link();
            session.keep();
            session.inner.state.go(SessionState::Ready, |_| true);
            Ok(session)
        };
        connecting
            .instrument(span)
            .await
            .map_err(|error: Error| error.on_device(&name))
    }
}

impl Connection {
    /// Connects, and asks the board what it can do and what is on it.
    pub(super) async fn connect(
        name: &Arc<str>,
        settings: &Settings,
        (output, told, asked): (OutputHub, Arc<ToldHub>, Arc<Asked>),
        (registry, counters, hosts, keeper): Known<'_>,
        before: Option<&Self>,
    ) -> Result<Self> {
        let options = settings.link.clone();
        let heard = (told, Arc::clone(&asked));
        let link = Link::connect_to(output, heard, &settings.connector, options).await?;
        let execute = settings.link.deadlines.execute;
        let (capabilities, found) = Capabilities::ask(&link, execute).await?;
        if !capabilities.prints_floats_exactly() {
            link.floats_are_rounded();
        }
        let deployments = Deployments::found(found.deployed);
        // As long as the interpreter has not restarted, the epoch stays the same, however often the port was lost.
        let same = before
            .is_some_and(|before| before.link.hello().boot == link.hello().boot && link.hello().attached);
        if !same {
            asked.clear();
        }
        Ok(Self {
            name: Arc::clone(name),
            generation: before.map_or(0, |before| before.generation + 1),
            epoch: before.map_or(0, |before| before.epoch + u64::from(!same)),
            capabilities: Arc::new(capabilities),
            deployments,
            counters: Arc::clone(counters),
            registry: Arc::clone(registry),
            execute_deadline: execute,
            // If an earlier program may have installed the library, its state is unknown until it is asked for, which
            // adopts it.
            thread_library: tokio::sync::Mutex::new((!found.threads).then_some(false)),
            files: tokio::sync::OnceCell::new(),
            transfer: Arc::default(),
            events: tokio::sync::Mutex::new(false),
            modules: tokio::sync::Mutex::default(),
            objects: Mutex::default(),
            hosts: Arc::clone(hosts),
            asking: tokio::sync::Mutex::default(),
            fed: tokio::sync::Mutex::default(),
            awaiting: tokio::sync::Mutex::default(),
            keeper: Arc::clone(keeper),
            keeps: tokio::sync::OnceCell::new(),
            runtime: tokio::runtime::Handle::current(),
            link,
        })
    }
}
