//! What the port has taken and its line has not carried yet. What stands behind that reaches the board late, which is
//! not to blame for it: as long as the line carries some, no time passes that the board is given.

use std::time::Duration;

use tokio::time::Instant;

use super::engine::Engine;

/// How often a port is asked how much is left. The drivers cannot be waited for.
const LOOK: Duration = Duration::from_millis(20);
/// A request that is longer than this can take a while to leave.
const LONG: usize = 256;

/// What is on its way.
#[derive(Debug)]
pub(super) struct Ahead {
    unsent: usize,
    /// How much had been queued when that began: what comes behind it is nobody's excuse.
    queued: usize,
    /// When the line was last seen to carry some.
    since: Instant,
    pub(super) look: Instant,
}

impl Engine {
    /// A request of this length is about to leave.
    pub(super) fn watch_request(&mut self, length: usize) {
        if length > LONG {
            self.watch_line();
        }
    }

    /// A Ctrl-C comes behind what has not left yet.
    pub(super) fn watch_interrupt(&mut self) {
        self.ahead = None;
        if self.wire.unsent() > 0 {
            self.watch_line();
        }
    }

    fn watch_line(&mut self) {
        let now = Instant::now();
        self.ahead = Some(Ahead {
            unsent: usize::MAX,
            queued: self.wire.queued(),
            since: now,
            look: now + LOOK,
        });
    }

    /// Looks whether the line has carried some, once it is time to.
    pub(super) fn look_at_line(&mut self, now: Instant) {
        let Some(mut ahead) = self.ahead.take_if(|ahead| now >= ahead.look) else {
            return;
        };
        let behind = self.wire.queued().wrapping_sub(ahead.queued);
        let unsent = self.wire.unsent().saturating_sub(behind);
        if unsent < ahead.unsent {
            self.hold_time(now, now.saturating_duration_since(ahead.since));
            ahead.since = now;
        }
        if unsent > 0 {
            ahead.unsent = unsent;
            ahead.look = now + LOOK;
            self.ahead = Some(ahead);
        }
    }

    /// So much time has passed that does not count.
    fn hold_time(&mut self, now: Instant, passed: Duration) {
        let Some(interrupt) = &mut self.interrupt else {
            self.wire.request_leaves(now);
            return;
        };
        interrupt.put_off(passed);
        if let Some(barrier) = &mut self.barrier {
            barrier.put_off(passed);
        }
        if let Some(trouble) = &mut self.trouble {
            *trouble += passed;
        }
    }
}
