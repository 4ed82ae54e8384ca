//! Questions of the board's to the host. While a body waits for an answer the board reads its line, and nothing but that
//! answer is sent; the time that the host takes is not the body's.

use std::time::Duration;

use tokio::time::Instant;

use super::asked::{Asking, Told};
use super::calls::{Job, Sink};
use super::conversation::Conversation;
use super::liveness::SILENCE;
use super::pings::FILLER;
use super::unread::Sent;
use crate::agent::{Number, Question, Request, asking};
use crate::error::Error;
use crate::exception::HostFailure;

/// How many failures of host functions are remembered of one call.
const FAILURES: usize = 8;
/// How often a body is sent what it may wait for of an answer: no more than it has room for, should it not wait.
const FILLED: u32 = 2;
/// How often the pause before an answer is sent again becomes longer.
const LONGER: u32 = 5;
/// How long after it has refused something a board may go on refusing the rest of it.
const REFUSED: Duration = Duration::from_millis(5);
/// After so many refusals it is found out who refuses.
const REFUSALS: u32 = 4;
/// When a call is looked at again that waits for the host, which minds its own time.
pub(super) const NOT_SOON: Duration = Duration::from_secs(24 * 60 * 60);

/// What a call has asked the host.
#[derive(Debug)]
pub(super) struct Waiting {
    /// The call.
    of: Number,
    /// How many items it had given before its question.
    items: usize,
    /// Since when it waits for the answer; nothing once that was sent.
    since: Option<Instant>,
    /// The answer that was sent and may not have come.
    told: Option<Telling>,
    /// How many of the requests that were behind it have not been refused yet.
    refusals: usize,
    /// What was raised in it on behalf of the host, with what each exception says.
    failures: Vec<(String, HostFailure)>,
}

/// An answer on its way to a body.
#[derive(Debug)]
struct Telling {
    told: Told,
    /// How often it was to be sent again.
    times: u32,
    /// How often the board was sent something in the place of what the line may have lost of it.
    filled: u32,
    /// How often the board has refused something that may have been it.
    refused: u32,
}

impl Conversation {
    /// A body or a thread asks something.
    pub(super) fn on_question(&mut self, number: u8, question: Question) {
        if question.place == 0 {
            self.agent_is_there();
            self.on_question_of_call(number, question);
        } else if let Asking::Again(told) = self.asked.ask(question, self.commands.clone()) {
            self.tell_thread(&told);
        }
    }

    fn on_question_of_call(&mut self, number: u8, question: Question) {
        let wanted = self.calls.place(number).filter(|at| {
            let flying = self.calls.flying(*at);
            flying.abandoned.is_none() && !flying.is_unwanted()
        });
        let (Some(at), Some(number)) = (wanted, Number::from_char(number)) else {
            return self.tell(&Told::given_up(&question));
        };
        // It reads the line while it waits.
        self.liveness.unread.all_is_read();
        let items = question.items;
        let asking = self.asked.ask(question, self.commands.clone());
        match asking {
            Asking::Begun => {
                self.calls.flying_mut(at).incoming.goes_on();
                let failures = match self.waiting.take() {
                    Some(waiting) if waiting.of == number => waiting.failures,
                    _ => Vec::new(),
                };
                self.waiting = Some(Waiting {
                    of: number,
                    items,
                    since: Some(self.now),
                    told: None,
                    refusals: 0,
                    failures,
                });
            }
            Asking::Again(told) if self.line.has_sent_all() => self.tell(&told),
            Asking::Again(_) | Asking::UnderWay | Asking::Stale => {}
        }
        self.mind_what_came_before();
    }

    /// A body that asks refuses the requests behind it, which it reads before the answer; unless it ends before that: then the
    /// agent takes them. So they wait again once the first of them is refused. Says whether this is a refusal of one of them.
    pub(super) fn recall_refused(&mut self, number: u8) -> bool {
        let asking = { self.waiting.as_ref() }.filter(|waiting| waiting.of.next().char() == number);
        let at = asking.and_then(|asking| self.calls.place(asking.of.char()));
        let (Some(at), true, Some(waiting)) = (at, self.reads_answers(), &mut self.waiting) else {
            return false;
        };
        let recalled = self.calls.recall_behind(at);
        if recalled > 0 {
            waiting.refusals = recalled;
        }
        let of_one = waiting.refusals > 0;
        waiting.refusals = waiting.refusals.saturating_sub(1);
        of_one
    }

    /// The answer may be made of what came before the question: what of that is missing is asked for until it has come, since
    /// a board that has lost a part of such a line waits for the rest.
    pub(super) fn mind_what_came_before(&mut self) {
        let Some(waiting) = &self.waiting else { return };
        let (of, items) = (waiting.of, waiting.items);
        let Some(at) = self.calls.place(of.char()) else {
            return;
        };
        for at in 0..=at {
            // The question comes behind all that was asked for before.
            self.calls.flying_mut(at).incoming.nothing_is_coming();
        }
        let all_items = self.calls.flying(at).incoming.delivered() >= items;
        if at == 0 && all_items {
            if self.waits_for_host() {
                self.liveness.rest();
            }
            return;
        }
        self.liveness.hush(self.now);
        if !all_items {
            self.ask_again(at);
        }
        self.ask_again_before(at);
    }

    /// Whether this call waits for an answer, or may not have got it: behind anything else that it is asked its question
    /// comes once more.
    pub(super) fn asks(&self, number: Number) -> bool {
        self.reads_answers() && self.waiting.as_ref().is_some_and(|waiting| waiting.of == number)
    }

    /// Whether a call waits for an answer, or may not have got it, and so refuses whatever else it is sent.
    pub(super) fn reads_answers(&self) -> bool {
        self.waiting
            .as_ref()
            .is_some_and(|waiting| waiting.since.is_some() || waiting.told.is_some())
    }

    /// The host has answered.
    pub(super) fn on_told(&mut self, told: &Told) {
        if told.place > 0 {
            return self.tell_thread(told);
        }
        let Some(waiting) = &mut self.waiting else { return };
        let Some(since) = waiting.since.take() else { return };
        if let Some(failure) = &told.said.failure {
            if waiting.failures.len() == FAILURES {
                waiting.failures.remove(0);
            }
            waiting.failures.push(failure.clone());
        }
        waiting.told = Some(Telling {
            told: told.clone(),
            times: 0,
            filled: 0,
            refused: 0,
        });
        let taken = self.now.saturating_duration_since(since);
        self.calls.head_waited(taken);
        if let Some(Sink::Batch(stream)) = self.calls.head().map(|head| &head.job.sink) {
            self.streams.waited(*stream, taken);
        }
        self.tell(told);
    }

    /// Sends the answer to a body that reads the line.
    fn tell(&mut self, told: &Told) {
        let line = self.calls.answer(told);
        self.transmit_answer(&line);
        self.line.mark_request();
        self.watch_request(line.len());
        self.liveness.hush(self.now);
    }

    /// Sends an answer for which the body has the room, as it reads nothing else: it is read as a part of what is under way.
    fn transmit_answer(&mut self, line: &[u8]) {
        let what = match self.calls.head() {
            Some(head) => Sent::Request(head.number),
            None => Sent::Other,
        };
        self.transmit(line, what);
    }

    /// Has the agent hand an answer to the thread that has asked, which can take until the body has ended that it runs. A
    /// body that waits for an answer of its own takes it sooner, if that gets through.
    fn tell_thread(&mut self, told: &Told) {
        if self.waits_for_host() {
            let line = self.calls.answer(told);
            self.transmit(&line, Sent::Answer);
        }
        let Ok(tell) = asking::tell(&told.text()) else {
            return;
        };
        let request = Request::Evaluate(tell);
        // It asks again until it has heard it, which on a bad line may take long.
        if !self.calls.ask(&request) {
            let deadline = self.options.deadlines.resync;
            let tell = Job::of_ours(request, Sink::Nobody, deadline, self.now);
            self.calls.push(tell);
        }
    }

    /// Whether the board waits for the host, and reads nothing but the answer.
    pub(super) fn waits_for_host(&self) -> bool {
        self.waiting
            .as_ref()
            .is_some_and(|waiting| waiting.since.is_some())
    }

    /// The body that waits has got the answer. It has said so before it asks anything else, so it is this one.
    pub(super) fn on_heard(&mut self) {
        if let Some(waiting) = &mut self.waiting
            && waiting.told.take().is_some()
        {
            self.liveness.unread.some_is_read();
            self.liveness.hush(self.now);
        }
    }

    /// Sends an answer once more that may not have come. Says whether there is one, which is waited for as it would be for
    /// the answer to a ping: the body reads nothing else. If it has come after all it is one more line that is not read
    /// before the body ends, for which there has to be room.
    pub(super) fn tells_again(&mut self) -> bool {
        let Some(telling) = self.waiting.as_mut().and_then(|waiting| waiting.told.as_mut()) else {
            return false;
        };
        if let Some(look) = self.ahead.look() {
            // The line may carry it still.
            self.liveness.hush_until(look);
            return true;
        }
        let pause = SILENCE * 2_u32.pow(telling.times.min(LONGER));
        telling.times += 1;
        let line = self.calls.answer(&telling.told);
        let unread = &mut self.liveness.unread;
        if unread.is_empty() {
            telling.filled = 0;
            self.transmit_answer(&line);
        } else if unread.has_any_room_for(line.len()) || unread.has_room_for(line.len()) {
            telling.filled = 0;
            self.transmit(&line, Sent::Answer);
        } else if line.len() > FILLER.len() && telling.filled < FILLED {
            // The body waits for the rest of it, perhaps. It refuses the whole once it has got as much.
            telling.filled += 1;
            unread.add(Sent::Answer, FILLER.len());
            self.line.send(&FILLER);
        } else if unread.has_any_room_for(FILLER.len()) {
            // A body that waits for more than blanks says by the answer to a ping what it waits for.
            return false;
        }
        self.liveness.hush_until(self.now + pause);
        true
    }

    /// The board has refused what may have been an answer. A long one it may refuse in many pieces: it is sent again once it
    /// has got rid of them. Says whether there is one.
    pub(super) fn answer_is_refused(&mut self) -> bool {
        let told = self.waiting.as_mut().and_then(|waiting| waiting.told.as_mut());
        let Some(telling) = told else {
            return false;
        };
        telling.refused += 1;
        if telling.refused.is_multiple_of(REFUSALS) && !self.liveness.is_asking() {
            // Perhaps the agent refuses it, as the body has got it and has ended: what follows the answer to a ping says so.
            self.ping();
        } else {
            self.liveness.hush_until(self.now + REFUSED);
        }
        true
    }

    /// What was asked by a call that has ended, or is about to be, is given up.
    pub(super) fn mind_questions(&mut self) {
        let Some(waiting) = &mut self.waiting else { return };
        let call = self
            .calls
            .place(waiting.of.char())
            .map(|at| self.calls.flying(at));
        let goes_on = call.is_some_and(|call| call.abandoned.is_none() && !call.is_unwanted());
        if !goes_on {
            waiting.told = None;
            if waiting.since.take().is_some() {
                self.asked.give_up();
                self.liveness.hush(self.now);
            }
            if call.is_none() {
                self.waiting = None;
                self.liveness.unread.answers_are_read();
            }
        }
    }

    /// Says of an error that ends a call why the host has raised it, if it has.
    pub(super) fn with_host_failure(&self, number: Number, mut error: Error) -> Error {
        if let Some(waiting) = self.waiting.as_ref().filter(|waiting| waiting.of == number)
            && let Some(exception) = error.exception_mut()
            && exception.is("HostError")
        {
            let failures = waiting.failures.iter().rev();
            let mut same = failures.filter(|(message, _)| *message == exception.message);
            exception.cause = same.next().map(|(_, failure)| failure.clone());
        }
        error
    }
}
