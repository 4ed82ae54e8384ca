//! Pings, each of which is asked until it is answered.

use std::time::Duration;

use tokio::time::Instant;

use super::{Barrier, LONGEST_SILENCE, Liveness, SILENCE};

impl Liveness {
    /// It was asked this for the first time at `since`.
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

    /// Since when it has not answered, if it is asked.
    pub(in crate::link) fn asked_since(&self) -> Option<Instant> {
        self.barrier().map(|asked| asked.since)
    }

    /// Whether the question looks for the agent.
    pub(in crate::link) fn looks_for_agent(&self) -> bool {
        self.barrier().is_some_and(|asked| asked.looks)
    }

    /// The question does.
    pub(in crate::link) fn begin_looking_for_agent(&mut self) {
        if let Some(asked) = self.barrier_mut() {
            asked.looks = true;
        }
    }

    /// Whether the question has been waited for for longer than a second time.
    pub(in crate::link) fn is_late(&self) -> bool {
        self.barrier().is_some_and(|asked| asked.wait > SILENCE * 2)
    }

    /// It was asked again, and is given longer to answer.
    pub(in crate::link) fn asked_again(&mut self, token: u32, now: Instant) {
        if let Some(asked) = self.barrier_mut() {
            asked.wait = (asked.wait * 2).min(LONGEST_SILENCE);
            asked.token = token;
            asked.again = now + asked.wait;
            asked.looks = false;
        }
    }

    /// The answer comes now, unless that is gone.
    pub(in crate::link) fn expect_pong(&mut self, now: Instant) {
        if let Some(asked) = self.barrier_mut() {
            asked.wait = SILENCE / 2;
            asked.again = asked.again.min(now + asked.wait);
            self.unread.all_is_read();
        }
    }

    /// It has no room to be asked again: a busy board, most likely, for however long. It answers what it was asked when it
    /// is not any more.
    pub(in crate::link) fn wait_longer(&mut self, now: Instant) {
        if let Some(asked) = self.barrier_mut() {
            asked.wait *= 4;
            asked.again = now + asked.wait;
        }
    }

    /// It was asked for a banner besides.
    pub(in crate::link) fn asked_for_banner(&mut self) {
        if let Some(asked) = self.barrier_mut() {
            asked.asked += 1;
        }
    }

    /// It is at a prompt. Since when it is asked, if it was asked for a banner: then it has lost what came before.
    pub(in crate::link) fn at_prompt(&mut self) -> Option<Instant> {
        self.barrier()
            .filter(|asked| asked.asked > 0)
            .map(|asked| asked.since)
    }

    /// It has answered this. If that was the question, all is known again; gives how often it was asked for a banner
    /// besides.
    pub(in crate::link) fn pong(&mut self, token: u32, now: Instant) -> Option<usize> {
        if self.barrier()?.token != token {
            return None;
        }
        let asked = self.take_state()?.asked;
        self.probe = None;
        self.answered(now);
        Some(asked)
    }
}
