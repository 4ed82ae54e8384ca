//! How the host answers questions, and which events it receives.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use belay_runtime::agent::{Question, asking, events};
use belay_runtime::link::{
    Answerer, Asked, EventQueue, Heard, Link, Opened, Payload, Request, Said, Statements, ToldHub,
};
use belay_runtime::python::from_repr;
use belay_runtime::{BoxFuture, Error, EventLoss};
use tokio::time::{Instant, sleep};

use crate::board::EVENTS;

/// How long a call over a clean line may take.
pub(crate) const LONG: Duration = Duration::from_secs(5);

/// The host's functions: one that fails now and then, and one that never does.
pub(crate) const TWICE: &str = "sim.twice";
pub(crate) const PLAIN: &str = "sim.plain";

/// The capacity of the queues of events: large enough for all of them.
const ROOM: usize = 1 << 24;

/// The host's answer to a question; it differs from the answer to every other question.
pub(crate) fn answer(call: u32, nth: u32) -> i64 {
    i64::from(call) * 1_000 + i64::from(nth)
}

/// How often each question has been answered, by the call and the question's number in it.
#[derive(Debug, Default)]
pub(crate) struct Answers(Mutex<BTreeMap<(u32, u32), u32>>);

impl Answers {
    pub(crate) fn counts(&self) -> MutexGuard<'_, BTreeMap<(u32, u32), u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Answers questions, and counts how often it answered each.
struct Answering(Arc<Answers>);

impl Answerer for Answering {
    fn answer(&self, question: Question) -> BoxFuture<'static, Said> {
        let answers = Arc::clone(&self.0);
        Box::pin(async move {
            let Ok((call, nth, slow)) = from_repr::<(u32, u32, u32)>(&question.words) else {
                return Said::plain(asking::failed("these are no words of ours"));
            };
            *answers.counts().entry((call, nth)).or_default() += 1;
            sleep(Duration::from_millis(u64::from(slow))).await;
            let answer = answer(call, nth);
            if nth % 4 == 2 && question.name == TWICE {
                return Said::plain(asking::failed(&answer.to_string()));
            }
            // Some answers are too long for one line.
            let blanks = if nth % 4 == 3 { 300 } else { 0 };
            Said::plain(format!("j{answer}{}", " ".repeat(blanks)))
        })
    }
}

/// Receives events and questions, over any number of links, one after the other.
#[derive(Debug)]
pub(crate) struct Ears {
    pub(crate) answers: Arc<Answers>,
    pub(crate) hub: Arc<ToldHub>,
    pub(crate) asked: Arc<Asked>,
    token: AtomicU32,
    events: &'static [&'static str],
    /// A queue for each token that the board was given.
    heard: Mutex<Vec<Ear>>,
}

/// The queue of what came under one token that the board was given.
#[derive(Debug, Clone)]
pub(crate) struct Ear {
    pub(crate) token: u32,
    queue: Arc<EventQueue>,
}

impl Ears {
    /// Receives these events.
    pub(crate) fn hearing(events: &'static [&'static str]) -> Self {
        let (answers, asked) = <(Arc<Answers>, Arc<Asked>)>::default();
        asked.answered_by(Arc::new(Answering(Arc::clone(&answers))));
        Self {
            answers,
            hub: Arc::default(),
            asked,
            token: AtomicU32::new(0),
            events,
            heard: Mutex::default(),
        }
    }

    pub(crate) fn heard(&self) -> MutexGuard<'_, Vec<Ear>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends the libraries to a board that runs real Python.
    pub(crate) async fn bring(&self, link: &Link) -> Result<(), Error> {
        let functions = ["twice", "plain"].map(|name| (name, &["call", "nth", "slow"][..]));
        let functions = asking::functions("sim", functions.into_iter());
        for (namespace, source, file) in [
            (asking::NAMESPACE, asking::LIBRARY, asking::FILE),
            ("sim", &functions, asking::FILE),
            (events::NAMESPACE, events::LIBRARY, events::FILE),
        ] {
            let statements = Statements {
                namespace,
                source,
                file: Some(file),
            };
            link.execute(statements, LONG).await?;
        }
        let claim = events::claim(true, 8, false, "sim", &EVENTS)?;
        link.request(Request::Evaluate(claim), LONG).await.map(drop)
    }

    /// Lets the board ask questions over this link.
    pub(crate) async fn be_asked(&self, link: &Link) -> Result<(), Error> {
        link.request(Request::Evaluate(asking::begin(false)), LONG)
            .await?;
        let bind = asking::bind("sim", false)?;
        link.request(Request::Evaluate(bind), LONG).await.map(drop)
    }

    /// Subscribes to the board's events over this link, and ends earlier subscriptions.
    pub(crate) async fn listen(&self, link: &Link) -> Result<(), Error> {
        for ear in self.heard().iter() {
            self.hub.close(ear.token);
        }
        for event in self.events {
            let token = self.token.fetch_add(1, Ordering::Relaxed) + 1;
            let queue = EventQueue::new(ROOM);
            let at = Instant::now();
            self.hub
                .open(token, Opened { at, epoch: 0 }, vec![Arc::clone(&queue)]);
            self.heard().push(Ear { token, queue });
            let listen = Request::Evaluate(events::listen("sim", event, token));
            link.request(listen, LONG).await?;
        }
        Ok(())
    }

    /// Asks the board how many events it has sent. Returns whether it has answered.
    pub(crate) async fn settle(&self, link: &Link) -> bool {
        let counts = link.request(Request::Evaluate(events::counts()), LONG).await;
        let Ok(Payload::Repr(counts)) = counts else {
            return false;
        };
        match from_repr::<Vec<(u32, u64)>>(&counts) {
            Ok(counts) => self.hub.settle(&counts),
            Err(_) => return false,
        }
        true
    }
}

impl Ear {
    /// One entry for each event that the board has sent: its value, or `None` where it was reported as lost.
    ///
    /// # Errors
    ///
    /// When something else came than a value of this kind.
    pub(crate) fn take(&self) -> Result<Vec<Option<u32>>, String> {
        let mut cx = Context::from_waker(Waker::noop());
        let mut all = Vec::new();
        while let Poll::Ready(Some(heard)) = self.queue.poll(&mut cx) {
            match heard {
                Heard::Event(value, _) => match &*value {
                    Payload::Repr(repr) => {
                        let value = from_repr(repr).map_err(|error| error.to_string())?;
                        all.push(Some(value));
                    }
                    other => return Err(format!("{other:?}")),
                },
                Heard::Lost(Some(lost), EventLoss::Line) if lost < 10_000 => {
                    all.extend((0..lost).map(|_| None));
                }
                other => return Err(format!("{other:?}")),
            }
        }
        Ok(all)
    }
}
