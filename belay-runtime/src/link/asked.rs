//! What the host knows of a board's questions: each is answered once, however often it comes, over whatever link.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::mpsc::WeakUnboundedSender;
use tokio::task::AbortHandle;

use super::conversation::Command;
use crate::agent::{Question, asking};
use crate::boxed::BoxFuture;
use crate::exception::HostFailure;

/// How many askers are known at most. A board has not room for so many threads.
const PLACES: usize = 256;

/// What answers questions.
pub trait Answerer: Send + Sync {
    /// Answers this one.
    fn answer(&self, question: Question) -> BoxFuture<'static, Said>;
}

/// What is answered.
#[derive(Debug, Clone)]
pub struct Said {
    /// As the board reads it.
    pub(crate) text: String,
    /// What the exception says that the board raises for it, and why it does.
    pub(crate) failure: Option<(String, HostFailure)>,
}

/// An answer, and whose it is.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) place: u32,
    pub(super) number: u64,
    pub(super) said: Arc<Said>,
}

/// The questions that a board has asked in one run of its interpreter: the last one of each that asks.
#[derive(Default)]
pub struct Asked {
    answerer: OnceLock<Arc<dyn Answerer>>,
    places: Mutex<HashMap<u32, Place>>,
}

struct Place {
    number: u64,
    state: State,
    /// Who is told the answer: the link over which it was asked last.
    link: WeakUnboundedSender<Command>,
}

enum State {
    Running(AbortHandle),
    Answered(Arc<Said>),
}

/// What is to be done about a question.
#[derive(Debug)]
pub(super) enum Asking {
    /// It is new: the answer will be told.
    Begun,
    /// It is the one that is being answered.
    UnderWay,
    /// It was answered before.
    Again(Told),
    /// Nobody waits for it any more.
    Stale,
}

impl Said {
    /// A failure that raises a `HostError`.
    pub(crate) fn failed(failure: HostFailure) -> Self {
        let message = failure.to_string();
        Self {
            text: asking::failed(&message),
            failure: Some((message, failure)),
        }
    }

    /// A value, or what it is raised otherwise.
    pub fn plain(text: String) -> Self {
        Self { text, failure: None }
    }

    /// That a question was given up before it was answered.
    fn given_up() -> Self {
        Self::plain(asking::failed("nobody waits for this call any more"))
    }
}

impl Told {
    /// The answer as a thread is sent it.
    pub(super) fn text(&self) -> String {
        asking::answer(self.place, self.number, &self.said.text)
    }

    /// The answer to what nobody wants to be asked any more.
    pub(super) fn given_up(question: &Question) -> Self {
        Self {
            place: question.place,
            number: question.number,
            said: Arc::new(Said::given_up()),
        }
    }
}

impl Asked {
    /// Has questions answered by this, if none is yet.
    pub fn answered_by(&self, answerer: Arc<dyn Answerer>) {
        // Whoever is set first stays.
        let _ = self.answerer.set(answerer);
    }

    fn places(&self) -> MutexGuard<'_, HashMap<u32, Place>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A question has come.
    pub(super) fn ask(self: &Arc<Self>, question: Question, link: WeakUnboundedSender<Command>) -> Asking {
        let (place, number) = (question.place, question.number);
        let mut places = self.places();
        if places.len() >= PLACES && !places.contains_key(&place) {
            return Asking::Stale;
        }
        if let Entry::Occupied(mut known) = places.entry(place) {
            let known = known.get_mut();
            if known.number == number {
                known.link = link;
                return match &known.state {
                    State::Running(_) => Asking::UnderWay,
                    State::Answered(said) => Asking::Again(Told {
                        place,
                        number,
                        said: Arc::clone(said),
                    }),
                };
            }
            if known.number > number {
                return Asking::Stale;
            }
            known.stop();
        }
        let asked = Arc::clone(self);
        let answering = tokio::spawn(async move {
            let said = match asked.answerer.get() {
                Some(answerer) => answerer.answer(question).await,
                None => Said::plain(asking::failed("this program answers no questions")),
            };
            asked.answered(place, number, said);
        });
        let state = State::Running(answering.abort_handle());
        places.insert(place, Place { number, state, link });
        Asking::Begun
    }

    /// This is the answer, for whoever asks again and for the link.
    fn answered(&self, place: u32, number: u64, said: Said) {
        let said = Arc::new(said);
        let mut places = self.places();
        let Some(known) = places.get_mut(&place).filter(|known| known.number == number) else {
            return;
        };
        known.state = State::Answered(Arc::clone(&said));
        if let Some(link) = known.link.upgrade() {
            // A link that has ended has nobody to tell.
            let _ = link.send(Command::Told(Told { place, number, said }));
        }
    }

    /// Nobody waits any more for what the body has asked that the agent runs.
    pub(super) fn give_up(&self) {
        if let Some(known) = self.places().get_mut(&0)
            && let State::Running(_) = known.state
        {
            known.stop();
            known.state = State::Answered(Arc::new(Said::given_up()));
        }
    }

    /// The board was reset, or nobody talks to it any more: all that it has asked is forgotten.
    pub fn clear(&self) {
        for (_, place) in self.places().drain() {
            place.stop();
        }
    }
}

impl Place {
    fn stop(&self) {
        if let State::Running(answering) = &self.state {
            answering.abort();
        }
    }
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asked")
            .field("places", &self.places().len())
            .finish_non_exhaustive()
    }
}
