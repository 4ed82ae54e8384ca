//! Does what is due at a certain time even if nothing arrives.

use std::time::Duration;

use tokio::time::Instant;

use super::calls::{Flying, Sink};
use super::conversation::Conversation;
use super::liveness::{Around, Due};
use super::questions::NOT_SOON;

/// How long an abandoned call, or the call before it, may go on by itself where several are in flight: an interrupt
/// that arrives when the board has just begun the next call would hit that one.
pub(super) const GRACE: Duration = Duration::from_millis(20);
/// How long an abandoned call may go on once it is known that the board is about to end it.
pub(super) const MERCY: Duration = Duration::from_millis(200);
/// Follows each of our Ctrl-Cs, which tells them from those of another tool: there, something else follows.
pub(super) const AFTER_INTERRUPT: &[u8] = b" ";

impl Conversation {
    /// When something is due even if nothing arrives.
    pub(super) fn next_instant(&self) -> Option<Instant> {
        let next = self.liveness.next_instant(self.around());
        let held = self.liveness.stays().filter(|_| self.line.holds_end());
        [next, self.watch.until(), held].into_iter().flatten().min()
    }

    fn around(&self) -> Around {
        Around {
            head: self.calls.head().map(|head| self.due(head)),
            only_waiting: self.calls.none_flies() && self.calls.any_waits(),
            look: self.ahead.look(),
        }
    }

    /// When the board is interrupted because of the head request.
    fn due(&self, head: &Flying) -> Instant {
        if let Some(abandoned) = head.abandoned {
            return abandoned;
        }
        if self.waits_for_host() {
            return self.now + NOT_SOON;
        }
        self.owed(head).unwrap_or(self.turn_began()) + head.job.deadline
    }

    /// Since when it has been the board's turn to work on the head request.
    pub(super) fn turn_began(&self) -> Instant {
        self.calls.head_since().max(self.line.requested_at())
    }

    /// Since when the board owes the item that a batch asks for, where earlier batches have brought none.
    fn owed(&self, head: &Flying) -> Option<Instant> {
        match head.job.sink {
            Sink::Batch(stream) => self.streams.owed(stream),
            _ => None,
        }
    }

    pub(super) fn on_timer(&mut self) {
        if !self.looks_at_line() {
            self.on_time();
        }
    }

    /// Does what is due, now that it is known what is still on its way.
    pub(super) fn on_time(&mut self) {
        let (now, around) = (self.now, self.around());
        if self.watch.until().is_some_and(|until| now >= until) {
            self.release_answers();
        }
        if self.liveness.probe_is_due(now, around) {
            self.probe_again();
        }
        match self.liveness.due(now, around) {
            Due::Nothing => {}
            Due::PingAgain => self.ping_again(),
            Due::Ping if self.waits_for_host() => self.mind_what_came_before(),
            Due::Ping if self.tells_again() => {}
            Due::Ping => {
                self.line.give_up_frame();
                self.ping();
            }
            Due::EndHead => {
                if let Some(head) = self.calls.head_mut()
                    && head.abandoned.is_none()
                {
                    head.timed_out = true;
                    head.abandoned = Some(now);
                }
                self.interrupt();
            }
            Due::Interrupt => self.interrupt(),
            Due::Press => self.interrupt_again(),
            Due::GiveUp => self.give_up_interrupting(),
        }
    }
}
