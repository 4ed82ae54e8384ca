//! Interrupts what the board runs, and gives up if it does not react.

use std::time::Duration;

use super::ahead::Ahead;
use super::calls::Cancelled;
use super::conversation::Conversation;
use super::ladder;
use super::liveness::SILENCE;
use super::pings::Ask;
use super::timing::{AFTER_INTERRUPT, GRACE};
use crate::agent::Raised;
use crate::error::{BoardState, Error, ErrorKind, Phase, Purpose, Tried};

/// How long after a Ctrl-C the board is pinged, where a Ctrl-C discards the input that came with it.
const FLUSHED: Duration = Duration::from_millis(10);

impl Conversation {
    /// The caller no longer waits for this request.
    pub(super) fn cancel(&mut self, id: u64) {
        let cancelled = self.calls.cancel(id, self.now + GRACE);
        if cancelled == (Cancelled::Flying { alone: true }) && !self.liveness.is_interrupting() {
            // Before anything else is sent, since the interrupt could hit that as well.
            self.interrupt();
        }
    }

    /// There is a new head request. If it was abandoned, it may go on by itself for so long.
    pub(super) fn mind_head(&mut self, mercy: Duration) {
        match self.calls.head_mut() {
            Some(head) if head.abandoned.is_some() => head.abandoned = Some(self.now + mercy),
            Some(_) => {}
            None => self.liveness.rest(),
        }
    }

    /// Interrupts what the board runs, and finds out where that left it.
    pub(super) fn interrupt(&mut self) {
        if !self.liveness.begin_interrupt(self.now) {
            self.give_up_interrupting();
            return;
        }
        self.watch_interrupt();
        self.watch.interrupted();
        // What is dropped here is sent again later, if it is still wanted.
        self.drop_outgoing();
        self.line.send(b"\x03");
        self.ask_what_was_interrupted(false);
    }

    /// Drops the bytes that the port has not taken.
    fn drop_outgoing(&mut self) {
        let left = self.line.queued().wrapping_sub(self.line.waiting());
        self.watch.dropped(left);
        self.line.drop_outgoing();
    }

    /// Sends another Ctrl-C, and a ping behind the last one of a step.
    pub(super) fn interrupt_again(&mut self) {
        let Some(press) = self.liveness.press(self.now, self.calls.none_flies()) else {
            return;
        };
        if press.first {
            self.drop_outgoing();
        }
        // Where the line takes no bytes, more of them would only be in the way.
        if self.line.has_sent_all() {
            self.line.send(b"\x03");
        }
        if press.asks {
            self.ask_what_was_interrupted(true);
        }
    }

    fn ask_what_was_interrupted(&mut self, again: bool) {
        if self.flavour.stays() {
            self.line.send(AFTER_INTERRUPT);
        }
        if again && !self.line.flow_control() {
            // Unread bytes may just as well have been lost, and without flow control a full input buffer keeps no
            // Ctrl-C from the board.
            self.liveness.unread.all_is_read();
        }
        let (token, question) = self.question(if again { Ask::Afresh } else { Ask::Plainly });
        let now = self.now;
        let liveness = &mut self.liveness;
        let fits = liveness.unread.has_room_for(question.len())
            || again && liveness.unread.has_any_room_for(question.len());
        // The bytes that count as unread may have been lost, and nothing else would ever show that.
        let doubted = again && !fits && liveness.unread.take_doubt();
        if liveness.unread.is_flushed() {
            // What came with the Ctrl-C may have been discarded with it.
            liveness.unread.all_is_read();
            liveness.asked(token, now, now + FLUSHED, SILENCE / 2);
        } else if fits || doubted {
            self.ask(token, &question, again);
            self.liveness.asked(token, now, now + SILENCE, SILENCE);
        } else if !liveness.is_asking() {
            liveness.asked(token, now, now + SILENCE, SILENCE);
        }
        if again && self.flavour.stays() {
            // Perhaps the Ctrl-C ended the agent, and the line lost the ping or its answer.
            let left_with = self.liveness.clear_suspicion();
            if doubted {
                self.ask_for_banner(left_with);
            } else {
                self.suspect(left_with);
            }
        }
    }

    /// The board goes on with what it does. Everybody who waits for that is told, except for requests that have just
    /// come.
    pub(super) fn give_up_interrupting(&mut self) {
        self.liveness.give_up();
        self.ahead = Ahead::default();
        self.watch.forget_pings();
        self.release_answers();
        // If no source can be compiled for want of memory, it looks as if the board did not react.
        let no_memory = !self.flavour.stays() && self.liveness.is_out_of_memory();
        let printed = self.line.take_output();
        let board = if printed.is_empty() {
            BoardState::Silent
        } else {
            BoardState::Printing(printed.clone())
        };
        let unresponsive = |purpose, source| {
            if no_memory {
                return Raised::out_of_memory().into_error(&[]);
            }
            let stuck = ladder::stuck(board.clone(), purpose, Tried::Interrupts, source);
            stuck.in_phase(Phase::Interrupt)
        };
        for flying in self.calls.take_flying() {
            let timeout = || {
                let timeout = ErrorKind::Timeout {
                    after: flying.job.deadline,
                    received: printed.clone(),
                };
                Error::from(timeout).in_phase(Phase::Execute)
            };
            let error = if flying.abandoned.is_some() {
                unresponsive(Purpose::EndCall, flying.timed_out.then(timeout))
            } else {
                ErrorKind::FateUnknown(Some(Box::new(unresponsive(Purpose::TakeCall, None)))).into()
            };
            self.answer(flying.job.sink, Err(error));
        }
        let now = self.now;
        for job in self.calls.take_queue() {
            if now < job.since + self.options.deadlines.interrupt {
                self.calls.push(job);
            } else {
                self.answer(job.sink, Err(unresponsive(Purpose::TakeCall, None)));
            }
        }
    }
}
