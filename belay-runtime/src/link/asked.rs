//! The record of a board's questions: each is answered once, however often the board asks it, over whichever link.

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

/// How many askers are recorded at most. No board has memory for so many threads.
const PLACES: usize = 256;

/// Answers the questions of a board.
pub trait Answerer: Send + Sync {
    /// Answers this question.
    fn answer(&self, question: Question) -> BoxFuture<'static, Said>;
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Said {
    /// The answer as the board reads it.
    pub(crate) text: String,
    /// If the board raises an exception for it: what that says, and why it is raised.
    pub(crate) failure: Option<(String, HostFailure)>,
}

/// An answer, and the question that it belongs to.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) place: u32,
    pub(super) number: u64,
    pub(super) said: Arc<Said>,
}

/// The questions that a board has asked in one run of its interpreter: the last one of each asker.
#[derive(Default)]
pub struct Asked {
    answerer: OnceLock<Arc<dyn Answerer>>,
    places: Mutex<HashMap<u32, Place>>,
}

struct Place {
    number: u64,
    state: State,
    /// The link that is sent the answer: the one over which the question came last.
    link: WeakUnboundedSender<Command>,
}

enum State {
    Running(AbortHandle),
    Answered(Arc<Said>),
}

/// How to handle a question.
#[derive(Debug)]
pub(super) enum Asking {
    /// It is new: the answer will come as a command.
    Begun,
    /// It is being answered.
    UnderWay,
    /// It was answered before: this is the answer.
    Again(Told),
    /// Nobody waits for it any more.
    Stale,
}

impl Said {
    /// A failure, for which the board raises `HostError`.
    pub(crate) fn failed(failure: HostFailure) -> Self {
        let message = failure.to_string();
        Self {
            text: asking::failed(&message),
            failure: Some((message, failure)),
        }
    }

    /// A value, or an exception whose cause is no failed host function.
    pub fn plain(text: String) -> Self {
        Self { text, failure: None }
    }

    /// The answer to a question that was given up.
    fn given_up() -> Self {
        Self::plain(asking::failed("nobody waits for this call any more"))
    }
}

impl Told {
    /// The answer in the form that a thread is sent it.
    pub(super) fn text(&self) -> String {
        asking::answer(self.place, self.number, &self.said.text)
    }

    /// The answer to a question of a call that nobody waits for any more.
    pub(super) fn given_up(question: &Question) -> Self {
        Self {
            place: question.place,
            number: question.number,
            said: Arc::new(Said::given_up()),
        }
    }
}

impl Asked {
    /// Sets what answers questions, unless that was set before.
    pub fn answered_by(&self, answerer: Arc<dyn Answerer>) {
        // The first one stays.
        let _ = self.answerer.set(answerer);
    }

    fn places(&self) -> MutexGuard<'_, HashMap<u32, Place>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a question that has come, and has it answered if it is new.
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

    /// Records the answer for when the question is repeated, and sends it to the link.
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

    /// Gives up the question of the body that the agent runs: nobody waits for that body any more.
    pub(super) fn give_up(&self) {
        if let Some(known) = self.places().get_mut(&0)
            && let State::Running(_) = known.state
        {
            known.stop();
            known.state = State::Answered(Arc::new(Said::given_up()));
        }
    }

    /// Forgets all questions: the board was reset, or nobody talks to it any more.
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
