//! Watches the bytes that the port has taken and the line has not carried yet. What is sent behind them reaches the
//! board late, and the board is not to blame: as long as the line makes progress, its deadlines are extended.

use std::time::Duration;

use tokio::time::Instant;

use super::conversation::Conversation;

/// How often a port is asked how much is unsent, since drivers do not notify anybody.
const LOOK: Duration = Duration::from_millis(20);
/// A request that is longer than this, in bytes, may take a while to transmit.
const LONG: usize = 256;

/// Bytes that are on their way.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    watched: Option<Watched>,
    /// Why the port is to be asked how much it has not sent.
    asks: Option<Asks>,
}

#[derive(Debug)]
struct Watched {
    unsent: usize,
    /// How many bytes had been queued when this began. Bytes that were queued later do not excuse a delay.
    queued: usize,
    /// When the line was last seen to make progress.
    since: Instant,
    look: Instant,
}

#[derive(Debug, Clone, Copy)]
enum Asks {
    /// Watch only if there are unsent bytes.
    WhetherToWatch { queued: usize },
    /// It is time to look again.
    Looks,
}

impl Ahead {
    /// When to look again, if bytes may be on their way.
    pub(super) fn look(&self) -> Option<Instant> {
        self.watched.as_ref().map(|watched| watched.look)
    }

    fn watch(&mut self, now: Instant, queued: usize) {
        self.watched = Some(Watched {
            unsent: usize::MAX,
            queued,
            since: now,
            look: now + LOOK,
        });
    }

    /// Records that so many bytes have been queued, ever, and so many are left. If the line has made progress,
    /// returns the time since it was last seen to.
    fn looked(&mut self, now: Instant, queued: usize, unsent: usize) -> Option<Duration> {
        let mut watched = self.watched.take()?;
        let unsent = unsent.saturating_sub(queued.wrapping_sub(watched.queued));
        let carried = (unsent < watched.unsent).then(|| now.saturating_duration_since(watched.since));
        if carried.is_some() {
            watched.since = now;
        }
        if unsent > 0 {
            watched.unsent = unsent;
            watched.look = now + LOOK;
            self.watched = Some(watched);
        }
        carried
    }
}

impl Conversation {
    /// Watches a request of this length, which is about to leave.
    pub(super) fn watch_request(&mut self, length: usize) {
        if length > LONG {
            self.ahead.watch(self.now, self.line.queued());
        }
    }

    /// Watches a Ctrl-C, which leaves behind the bytes that have not left yet.
    pub(super) fn watch_interrupt(&mut self) {
        self.ahead = Ahead::default();
        if self.line.waiting() > 0 {
            self.ahead.watch(self.now, self.line.queued());
        } else {
            let queued = self.line.queued();
            self.ahead.asks = Some(Asks::WhetherToWatch { queued });
        }
    }

    /// Whether the port is to be asked how much it has not sent, before anything else.
    pub(super) fn asks_what_is_unsent(&self) -> bool {
        self.ahead.asks.is_some()
    }

    /// If it is time to look for progress of the line, has the port asked. Returns whether it is.
    pub(super) fn looks_at_line(&mut self) -> bool {
        let looks = self.ahead.look().is_some_and(|look| self.now >= look);
        if looks {
            self.ahead.asks = Some(Asks::Looks);
        }
        looks
    }

    /// So many of the bytes that the port has taken are unsent.
    pub(super) fn on_unsent(&mut self, now: Instant, unsent: usize) {
        self.now = now;
        match self.ahead.asks.take() {
            Some(Asks::WhetherToWatch { queued }) if unsent > 0 => self.ahead.watch(now, queued),
            Some(Asks::Looks) => {
                let left = self.line.waiting().saturating_add(unsent);
                if let Some(passed) = self.ahead.looked(now, self.line.queued(), left) {
                    self.hold_time(passed);
                }
                self.on_time();
            }
            _ => {}
        }
        self.settle();
    }

    /// Extends what is due by time that does not count against the board.
    fn hold_time(&mut self, passed: Duration) {
        if !self.liveness.put_off(passed) {
            self.line.request_leaves(self.now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn time_passes_for_the_board_only_while_the_line_carries_nothing() {
        let begun = Instant::now();
        let mut ahead = Ahead::default();
        assert_eq!(ahead.looked(begun, 0, 7), None, "nothing is watched");
        ahead.watch(begun, 0);
        let at = |looks: u32| begun + LOOK * looks;
        assert_eq!(ahead.look(), Some(at(1)));
        assert_eq!(ahead.looked(at(1), 0, 700), Some(LOOK));
        assert_eq!(ahead.looked(at(2), 0, 700), None, "it stands still");
        assert_eq!(ahead.looked(at(3), 0, 600), Some(LOOK * 2));
        assert_eq!(
            ahead.looked(at(4), 50, 650),
            None,
            "what came behind it does not count"
        );
        assert_eq!(ahead.looked(at(5), 50, 0), Some(LOOK * 2));
        assert_eq!(ahead.look(), None, "all has left");
    }
}
