//! Interrupting what the board runs, and giving it up.

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

/// How long after a Ctrl-C the board is asked what it has got, where what comes with a Ctrl-C is thrown away.
const FLUSHED: Duration = Duration::from_millis(10);

impl Conversation {
    /// Nobody waits for this request any more.
    pub(super) fn cancel(&mut self, id: u64) {
        let cancelled = self.calls.cancel(id, self.now + GRACE);
        if cancelled == (Cancelled::Flying { alone: true }) && !self.liveness.is_interrupting() {
            // Before anything else is sent, which the interrupt could hit as well.
            self.interrupt();
        }
    }

    /// There is another request at the head: if nobody waits for it, it may go on by itself for so long.
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
        // What has not left yet will be sent again, if it is still wanted.
        self.drop_outgoing();
        self.line.send(b"\x03");
        self.ask_what_was_interrupted(false);
    }

    /// Forgets what the port has not taken.
    fn drop_outgoing(&mut self) {
        let left = self.line.queued().wrapping_sub(self.line.waiting());
        self.watch.dropped(left);
        self.line.drop_outgoing();
    }

    /// Another Ctrl-C, and the question behind the last one of a step.
    pub(super) fn interrupt_again(&mut self) {
        let Some(press) = self.liveness.press(self.now, self.calls.none_flies()) else {
            return;
        };
        if press.first {
            self.drop_outgoing();
        }
        // Where the line takes none, more would only be in the way.
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
            // What the board has not read may as well be lost, and what comes when its buffer is full keeps no Ctrl-C
            // from it.
            self.liveness.unread.all_is_read();
        }
        let (token, question) = self.question(if again { Ask::Afresh } else { Ask::Plainly });
        let now = self.now;
        let liveness = &mut self.liveness;
        let fits = liveness.unread.has_room_for(question.len())
            || again && liveness.unread.has_any_room_for(question.len());
        // What counts as unread may have been lost, which nothing else would ever tell.
        let doubted = again && !fits && liveness.unread.take_doubt();
        if liveness.unread.is_flushed() {
            // What came with the Ctrl-C may be lost with it.
            liveness.unread.all_is_read();
            liveness.asked(token, now, now + FLUSHED, SILENCE / 2);
        } else if fits || doubted {
            self.ask(token, &question, again);
            self.liveness.asked(token, now, now + SILENCE, SILENCE);
        } else if !liveness.is_asking() {
            liveness.asked(token, now, now + SILENCE, SILENCE);
        }
        if again && self.flavour.stays() {
            // Perhaps it left the agent, and the line swallowed the question or the answer.
            let left_with = self.liveness.clear_suspicion();
            if doubted {
                self.ask_for_banner(left_with);
            } else {
                self.suspect(left_with);
            }
        }
    }

    /// The board goes on with what it does. Nobody waits for that any longer, but for those who have just come.
    pub(super) fn give_up_interrupting(&mut self) {
        self.liveness.give_up();
        self.ahead = Ahead::default();
        self.watch.forget_pings();
        self.release_answers();
        // Where nothing can be compiled any more, it looks as if the board did not react.
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
