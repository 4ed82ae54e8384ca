//! One board of this machine, and who has it.

use std::collections::BTreeMap;
use std::time::Duration;

use belay::transport::Connector;
use tokio::time::{Instant, sleep_until, timeout};
use zenoh::Session;
use zenoh::handlers::FifoChannelHandler;
use zenoh::pubsub::Subscriber;
use zenoh::query::{Query, Queryable};
use zenoh::sample::Sample;

use crate::pump::Pump;
use crate::task::{Ends, Told};
use crate::wire::{self, Answer, Question};

/// How long a holder may be silent at most, and at least, in milliseconds, whatever it asks for.
const DEADLINES: (u64, u64) = (500, 60_000);
/// How long a port may take to be opened, and to be closed.
const OPENS_WITHIN: Duration = Duration::from_secs(10);
const CLOSES_WITHIN: Duration = Duration::from_secs(2);

pub(crate) struct Served {
    pub(crate) session: Session,
    pub(crate) key: String,
    pub(crate) to: Connector,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) lease: Option<Held>,
}

/// What a board's holder has.
pub(crate) struct Held {
    token: u64,
    by: String,
    since: Instant,
    deadline: Duration,
    until: Instant,
    carries: Option<Told>,
}

impl Held {
    fn heard(&mut self) {
        self.until = Instant::now() + self.deadline;
    }
}

impl Served {
    pub(crate) async fn run(
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
                    Ok(query) => self.ask(query).await,
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

    async fn ask(&mut self, query: Query) {
        let question = query.payload().map(|payload| payload.to_bytes());
        let Some(question) = question.as_deref().and_then(wire::read) else {
            return;
        };
        match question {
            // That takes its time, and answers by itself.
            Question::Open { token, stream } if self.is_held_by(token) => self.open(query, stream),
            question => {
                let answer = self.answer(question).await;
                reply(&query, &self.key, &answer).await;
            }
        }
    }

    fn is_held_by(&self, token: u64) -> bool {
        self.lease.as_ref().is_some_and(|held| held.token == token)
    }

    async fn answer(&mut self, question: Question) -> Answer {
        let yes = Answer::Yes { flow_control: true };
        match question {
            Question::Info => Answer::Info {
                tags: self.tags.clone(),
                held: self.lease.as_ref().map(|held| {
                    let for_ms = held.since.elapsed().as_millis();
                    (held.by.clone(), u64::try_from(for_ms).unwrap_or(u64::MAX))
                }),
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
                    let since = Instant::now();
                    self.lease = Some(Held {
                        token,
                        by: name.chars().take(wire::MOST_NAME).collect(),
                        since,
                        deadline,
                        until: since + deadline,
                        carries: None,
                    });
                    yes
                }
            },
            Question::Release { token } if self.is_held_by(token) => {
                self.free().await;
                yes
            }
            Question::Release { .. } | Question::Open { .. } => Answer::NotYours,
        }
    }

    /// Opens the port, after what was carried before has ended, and carries its bytes.
    fn open(&mut self, query: Query, stream: u64) {
        let Some(held) = &mut self.lease else { return };
        held.heard();
        let before = held.carries.take();
        let carrying = Carrying {
            session: self.session.clone(),
            key: self.key.clone(),
            to: self.to.clone(),
            stream,
        };
        held.carries = Some(Told::spawn(|ends| async move {
            if let Some(before) = before {
                before.end(CLOSES_WITHIN).await;
            }
            carrying.run(query, ends).await;
        }));
    }

    /// Takes the board back: whoever comes next finds its port closed.
    async fn free(&mut self) {
        if let Some(held) = &mut self.lease
            && let Some(carries) = held.carries.take()
        {
            carries.end(CLOSES_WITHIN).await;
        }
        self.lease = None;
        // Who waits for a board hears of it.
        if let Err(error) = self.session.put(wire::freed(&self.key), []).await {
            tracing::debug!(board = self.key, %error, "nobody can be told that it is free");
        }
    }
}

/// A stream between a port and the network.
struct Carrying {
    session: Session,
    key: String,
    to: Connector,
    stream: u64,
}

impl Carrying {
    async fn run(self, query: Query, mut ends: Ends) {
        let opened = tokio::select! {
            _ = &mut ends => return,
            opened = timeout(OPENS_WITHIN, self.to.open()) => opened,
        };
        let port = match opened {
            Ok(Ok(port)) => Ok(port),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("it is not open within {OPENS_WITHIN:?}")),
        };
        let hears = wire::to_board(&self.key, self.stream);
        let says = wire::from_board(&self.key, self.stream);
        let (port, pump) = match (port, Pump::new(&self.session, hears, says).await) {
            (Ok(port), Ok(pump)) => (port, pump),
            (Err(why), _) => return reply(&query, &self.key, &Answer::failed(&why)).await,
            (_, Err(error)) => {
                return reply(&query, &self.key, &Answer::failed(&error.to_string())).await;
            }
        };
        let flow_control = port.flow_control();
        reply(&query, &self.key, &Answer::Yes { flow_control }).await;
        // Who asks has it only when there can be no other answer any more.
        drop(query);
        let (port, why) = pump.run(port, ends).await;
        tracing::debug!(board = self.key, why, "a stream has ended");
        Box::new(port).close(CLOSES_WITHIN / 2).await;
    }
}

async fn reply(query: &Query, board: &str, answer: &Answer) {
    // Not by the key of the question, which may be that of all boards.
    if let Err(error) = query.reply(wire::ask(board), wire::write(answer)).await {
        tracing::warn!(board, %error, "an answer could not be given");
    }
}
