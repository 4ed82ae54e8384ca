//! Interrupts, and when they are given up.

use tokio::time::Instant;

use super::{INTERRUPT_AGAIN, Interrupt, LEFT, Liveness, Press, State};
use crate::link::ladder;
use crate::protocol::Insistence;

impl Liveness {
    /// When recovery has to end: from everything that has gone wrong since a request was last answered, or goes wrong
    /// now.
    pub(in crate::link) fn end_of_trouble(&mut self, now: Instant) -> Instant {
        *self.trouble.get_or_insert(now) + self.interrupt + self.resync
    }

    /// Begins to interrupt what the board runs. Returns false if recovery has taken too long for those who wait,
    /// however often an interrupt seemed to work.
    pub(in crate::link) fn begin_interrupt(&mut self, now: Instant) -> bool {
        let end = self.end_of_trouble(now);
        if now >= end {
            return false;
        }
        // The interrupted code may clean up, which another Ctrl-C would cut short.
        let patience = if self.is_stuck() {
            INTERRUPT_AGAIN
        } else {
            self.interrupt / 2
        };
        self.pressed = Some(now);
        let interrupt = Interrupt {
            until: end.min(now + self.interrupt),
            again: now + patience,
            wait: INTERRUPT_AGAIN,
            insistence: Insistence::Gentle,
            left: 0,
        };
        self.state = State::Interrupting(interrupt, self.take_state());
        true
    }

    /// Another Ctrl-C; `alone` if no request is in flight. `None` if nothing is being interrupted.
    pub(in crate::link) fn press(&mut self, now: Instant, alone: bool) -> Option<Press> {
        self.pressed = Some(now);
        let interrupt = self.interrupt_mut()?;
        let first = interrupt.left == 0;
        if first {
            let time = interrupt.until.saturating_duration_since(now);
            // A flood may be a shorter one, as long as it leaves time for the answer.
            interrupt.insistence = ladder::more(interrupt.insistence, time.saturating_mul(2));
            let fit = (time / 2).as_millis() / interrupt.insistence.pace().as_millis().max(1);
            let fit = usize::try_from(fit).unwrap_or(usize::MAX).max(1);
            interrupt.left = interrupt.insistence.times().min(fit);
        }
        let late = now.saturating_duration_since(interrupt.again);
        let due = if first { 1 } else { interrupt.insistence.due(late) };
        interrupt.left = interrupt.left.saturating_sub(due);
        interrupt.again = now + interrupt.insistence.pace();
        let asks = interrupt.left == 0 || alone;
        if asks {
            interrupt.left = 0;
            interrupt.again = now + interrupt.wait;
            interrupt.wait *= 2;
        }
        Some(Press { first, asks })
    }

    /// Whether a Ctrl-C may still end more than it was sent for: one that arrives late ends the agent.
    pub(in crate::link) fn may_be_left(&self, now: Instant) -> bool {
        self.is_interrupting() || self.stays().is_some_and(|at| now < at)
    }

    /// From when on the last Ctrl-C cannot end anything any more, unless something is being interrupted.
    pub(in crate::link) fn stays(&self) -> Option<Instant> {
        self.pressed
            .filter(|_| !self.is_interrupting())
            .map(|at| at + LEFT)
    }

    /// Gives up: the board goes on with what it does.
    pub(in crate::link) fn give_up(&mut self) {
        self.state = State::Stuck(self.take_state());
        self.trouble = None;
        // For the next request, a sign that looks like an answer is worth following up again.
        self.unread.some_is_read();
        self.unread.is_doubtful();
    }

    /// The board ran out of memory before it could do anything. Returns how often in a row.
    pub(in crate::link) fn ran_out_of_memory(&mut self) -> u32 {
        self.out_of_memory += 1;
        self.out_of_memory
    }

    /// Whether the board ran out of memory the last time.
    pub(in crate::link) fn is_out_of_memory(&self) -> bool {
        self.out_of_memory > 0
    }

    /// Resets that, once it has been reported.
    pub(in crate::link) fn has_memory(&mut self) {
        self.out_of_memory = 0;
    }
}
