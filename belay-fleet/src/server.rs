//! The boards of this machine, for others.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use belay::transport::{Connector, Transport};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};
use zenoh::handlers::FifoChannelHandler;
use zenoh::pubsub::Subscriber;
use zenoh::query::{Query, Queryable};
use zenoh::sample::Sample;
use zenoh::{Config, Session};

use crate::FleetError;
use crate::pump::Pump;
use crate::wire::{self, Answer, Question};

/// How long a holder may be silent at most, and at least, whatever it asks for.
const DEADLINES: (u64, u64) = (500, 60_000);
/// How long a port may take to be opened, and to be closed.
const OPENS_WITHIN: Duration = Duration::from_secs(10);
const CLOSES_WITHIN: Duration = Duration::from_secs(2);

/// Announces boards of this machine, and carries the bytes of their ports.
///
/// Dropping it withdraws them all: whoever uses one is told that the connection is gone.
#[derive(Debug)]
pub struct Server {
    session: Session,
    host: String,
    boards: Mutex<HashMap<String, Task>>,
}

/// What is ended with its owner.
#[derive(Debug)]
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Server {
    /// Joins the network as the machine of this name.
    ///
    /// # Errors
    ///
    /// When the name is none, or Zenoh cannot be configured so.
    pub async fn open(config: Config, host: &str) -> Result<Self, FleetError> {
        wire::key(host, "board")?;
        let session = zenoh::open(config).await.map_err(FleetError::network)?;
        Ok(Self {
            session,
            host: host.to_owned(),
            boards: Mutex::default(),
        })
    }

    /// Announces the board at this address, or behind this connector, by a name and with tags.
    ///
    /// # Errors
    ///
    /// When the name is none or taken, or the network fails.
    pub async fn announce<K: Into<String>, V: Into<String>>(
        &self,
        board: &str,
        to: impl Into<Connector>,
        tags: impl IntoIterator<Item = (K, V)>,
    ) -> Result<(), FleetError> {
        let key = wire::key(&self.host, board)?;
        if self.boards().contains_key(board) {
            return Err(FleetError::Twice(board.to_owned()));
        }
        let tags = tags
            .into_iter()
            .map(|(tag, value)| (tag.into(), value.into()))
            .collect();
        let session = &self.session;
        let asked = session
            .declare_queryable(wire::ask(&key))
            .await
            .map_err(FleetError::network)?;
        let beats = session
            .declare_subscriber(wire::beat(&key))
            .await
            .map_err(FleetError::network)?;
        let token = session
            .liveliness()
            .declare_token(key.clone())
            .await
            .map_err(FleetError::network)?;
        let served = Served {
            session: session.clone(),
            key,
            to: to.into(),
            tags,
            lease: None,
        };
        let task = tokio::spawn(async move {
            // The announcement is withdrawn with what it announces.
            let _announced = token;
            served.run(asked, beats).await;
        });
        self.boards().insert(board.to_owned(), Task(task));
        Ok(())
    }

    /// Withdraws a board, as when it is unplugged. Says whether there was one.
    pub fn withdraw(&self, board: &str) -> bool {
        self.boards().remove(board).is_some()
    }

    fn boards(&self) -> std::sync::MutexGuard<'_, HashMap<String, Task>> {
        self.boards.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One board, and who has it.
struct Served {
    session: Session,
    key: String,
    to: Connector,
    tags: BTreeMap<String, String>,
    lease: Option<Held>,
}

struct Held {
    token: u64,
    by: String,
    deadline: Duration,
    until: Instant,
    stream: Option<(JoinHandle<()>, u64)>,
}

impl Held {
    fn heard(&mut self) {
        self.until = Instant::now() + self.deadline;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some((stream, _)) = self.stream.take() {
            stream.abort();
        }
    }
}

impl Served {
    async fn run(
        mut self,
        asked: Queryable<FifoChannelHandler<Query>>,
        beats: Subscriber<FifoChannelHandler<Sample>>,
    ) {
        loop {
            let over = self.lease.as_ref().map(|held| held.until);
            let over = async {
                match over {
                    Some(until) => sleep_until(until).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                beat = beats.recv_async() => match beat {
                    Ok(beat) => self.beat(&beat.payload().to_bytes()),
                    Err(_) => return,
                },
                query = asked.recv_async() => match query {
                    Ok(query) => self.ask(&query).await,
                    Err(_) => return,
                },
                () = over => {
                    tracing::info!(board = self.key, "its holder is not heard of any more: it is free");
                    self.free().await;
                }
            }
        }
    }

    fn beat(&mut self, token: &[u8]) {
        let token = <[u8; 8]>::try_from(token).map(u64::from_be_bytes).ok();
        if let Some(held) = &mut self.lease
            && Some(held.token) == token
        {
            held.heard();
        }
    }

    async fn ask(&mut self, query: &Query) {
        let question = query.payload().map(|payload| payload.to_bytes());
        let Some(question) = question.as_deref().and_then(wire::read) else {
            return;
        };
        let answer = self.answer(question).await;
        if let Err(error) = query.reply(query.key_expr(), wire::write(&answer)).await {
            tracing::warn!(board = self.key, %error, "an answer could not be given");
        }
    }

    async fn answer(&mut self, question: Question) -> Answer {
        let yes = Answer::Yes { flow_control: true };
        let held = self.lease.as_ref().map(|held| held.token);
        match question {
            Question::Info => Answer::Info {
                tags: self.tags.clone(),
                held_by: self.lease.as_ref().map(|held| held.by.clone()),
            },
            Question::Lease {
                token,
                name,
                deadline,
            } => match &mut self.lease {
                Some(held) if held.token == token => {
                    held.heard();
                    yes
                }
                Some(held) => Answer::Held { by: held.by.clone() },
                None => {
                    let deadline = Duration::from_millis(deadline.clamp(DEADLINES.0, DEADLINES.1));
                    self.lease = Some(Held {
                        token,
                        by: name,
                        deadline,
                        until: Instant::now() + deadline,
                        stream: None,
                    });
                    yes
                }
            },
            Question::Release { token } if held == Some(token) => {
                self.free().await;
                yes
            }
            Question::Open { token, stream } if held == Some(token) => self.open(stream).await,
            Question::Release { .. } | Question::Open { .. } => Answer::NotYours,
        }
    }

    /// Opens the port, after what was carried before has ended.
    async fn open(&mut self, stream: u64) -> Answer {
        self.end_stream().await;
        let opened = match timeout(OPENS_WITHIN, self.to.open()).await {
            Ok(Ok(port)) => self.carry(port, stream).await,
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("it is not open within {OPENS_WITHIN:?}")),
        };
        if let Some(held) = &mut self.lease {
            held.heard();
        }
        match opened {
            Ok(flow_control) => Answer::Yes { flow_control },
            Err(why) => Answer::Failed { why },
        }
    }

    async fn carry(&mut self, port: Box<dyn Transport>, stream: u64) -> Result<bool, String> {
        let (hears, says) = (
            wire::to_board(&self.key, stream),
            wire::from_board(&self.key, stream),
        );
        let pump = Pump::new(&self.session, hears, says).await;
        let pump = pump.map_err(|error| error.to_string())?;
        let flow_control = port.flow_control();
        let key = self.key.clone();
        let carrying = tokio::spawn(async move {
            let (port, why) = pump.run(port).await;
            tracing::debug!(board = key, why, "a stream has ended");
            Box::new(port).close(CLOSES_WITHIN).await;
        });
        if let Some(held) = &mut self.lease {
            held.stream = Some((carrying, stream));
        }
        Ok(flow_control)
    }

    async fn end_stream(&mut self) {
        let stream = self.lease.as_mut().and_then(|held| held.stream.take());
        if let Some((mut carrying, _)) = stream
            && timeout(CLOSES_WITHIN, &mut carrying).await.is_err()
        {
            carrying.abort();
            let _ = carrying.await;
        }
    }

    /// Takes the board back: whoever comes next finds its port closed.
    async fn free(&mut self) {
        if let Some(held) = &mut self.lease
            && let Some((carrying, _)) = held.stream.take()
        {
            carrying.abort();
            let _ = carrying.await;
        }
        self.lease = None;
    }
}
