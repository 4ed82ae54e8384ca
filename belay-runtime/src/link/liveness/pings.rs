//! Pings, each of which is repeated until it is answered.

use std::time::Duration;

use tokio::time::Instant;

use super::{Barrier, LONGEST_SILENCE, Liveness, SILENCE};

impl Liveness {
    /// Records a ping. The first of those that are unanswered was sent at `since`.
    pub(in crate::link) fn asked(&mut self, token: u32, since: Instant, first: Instant, wait: Duration) {
        self.set_barrier(Some(Barrier {
            token,
            since,
            again: first,
            wait,
            asked: 0,
            looks: false,
        }));
    }

    /// Since when a ping has been unanswered, if one is.
    pub(in crate::link) fn asked_since(&self) -> Option<Instant> {
        self.barrier().map(|asked| asked.since)
    }

    /// Whether the ping also looks for the agent.
    pub(in crate::link) fn looks_for_agent(&self) -> bool {
        self.barrier().is_some_and(|asked| asked.looks)
    }

    /// Records that the ping also looks for the agent.
    pub(in crate::link) fn begin_looking_for_agent(&mut self) {
        if let Some(asked) = self.barrier_mut() {
            asked.looks = true;
        }
    }

    /// Whether the ping has been repeated, and that wait has passed as well.
    pub(in crate::link) fn is_late(&self) -> bool {
        self.barrier().is_some_and(|asked| asked.wait > SILENCE * 2)
    }

    /// Records that the ping was repeated, and gives the board longer to answer.
    pub(in crate::link) fn asked_again(&mut self, token: u32, now: Instant) {
        if let Some(asked) = self.barrier_mut() {
            asked.wait = (asked.wait * 2).min(LONGEST_SILENCE);
            asked.token = token;
            asked.again = now + asked.wait;
            asked.looks = false;
        }
    }

    /// Has the answer come soon, since the board reads its input now; unless the ping or its answer was lost.
    pub(in crate::link) fn expect_pong(&mut self, now: Instant) {
        if let Some(asked) = self.barrier_mut() {
            asked.wait = SILENCE / 2;
            asked.again = asked.again.min(now + asked.wait);
            self.unread.all_is_read();
        }
    }

    /// There is no room to repeat the ping: most likely the board is busy, for however long. It answers the earlier
    /// ping once it is not busy any more.
    pub(in crate::link) fn wait_longer(&mut self, now: Instant) {
        if let Some(asked) = self.barrier_mut() {
            asked.wait *= 4;
            asked.again = now + asked.wait;
        }
    }

    /// Records that the board was also asked for a banner.
    pub(in crate::link) fn asked_for_banner(&mut self) {
        if let Some(asked) = self.barrier_mut() {
            asked.asked += 1;
        }
    }

    /// The board is at a prompt. Returns since when it has been pinged, if it was asked for a banner: then it has lost
    /// what was sent before.
    pub(in crate::link) fn at_prompt(&mut self) -> Option<Instant> {
        self.barrier()
            .filter(|asked| asked.asked > 0)
            .map(|asked| asked.since)
    }

    /// The board has answered the ping with this token. If that was the last one, the board's state is known again;
    /// returns how often it was also asked for a banner.
    pub(in crate::link) fn pong(&mut self, token: u32, now: Instant) -> Option<usize> {
        if self.barrier()?.token != token {
            return None;
        }
        let asked = self.take_state()?.asked;
        self.probe = None;
        self.trouble = None;
        self.hush(now);
        Some(asked)
    }
}
