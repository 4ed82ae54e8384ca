//! Questions whether the board is at a prompt instead of in the agent.

use tokio::time::Instant;

use super::{Around, LONGEST_PROBE, Liveness, PROBE, Probe, State};

impl Liveness {
    /// Whether it is being asked whether it is at a prompt.
    pub(in crate::link) fn is_suspected(&self) -> bool {
        self.probe.is_some()
    }

    /// It is asked that, after this was the last of what looked so.
    pub(in crate::link) fn suspect(&mut self, left_with: Option<Vec<u8>>, now: Instant) {
        self.probe = Some(Probe {
            again: now + PROBE,
            wait: PROBE,
            marked: false,
            left_with,
        });
    }

    /// This is what it was left with, if it is at a prompt.
    pub(in crate::link) fn seems_left(&mut self, with: Vec<u8>) {
        if let Some(probe) = &mut self.probe {
            probe.left_with = Some(with);
        }
    }

    /// It is not at a prompt, as far as is known. Gives what looked so.
    pub(in crate::link) fn clear_suspicion(&mut self) -> Option<Vec<u8>> {
        self.probe.take()?.left_with
    }

    /// Whether it is asked for the mark.
    pub(in crate::link) fn is_asked_for_mark(&self) -> bool {
        self.probe.as_ref().is_some_and(|probe| probe.marked)
    }

    /// It is, or is to be asked anew.
    pub(in crate::link) fn set_asked_for_mark(&mut self, marked: bool) {
        if let Some(probe) = &mut self.probe {
            probe.marked = marked;
        }
    }

    /// Whether it is time to ask again: not while a Ctrl-C is on its way.
    pub(in crate::link) fn probe_is_due(&self, now: Instant, around: Around) -> bool {
        if let State::Interrupting(interrupt, _) = &self.state
            && around.look.is_some()
            && now < interrupt.until
        {
            return false;
        }
        self.probe.as_ref().is_some_and(|probe| now >= probe.again)
    }

    /// It has not answered. Says whether it is still suspected: where there is nothing but output that looks like a prompt,
    /// it is not. If it was more, pings will bring it up again.
    pub(in crate::link) fn suspect_longer(&mut self, now: Instant) -> bool {
        let Some(probe) = &mut self.probe else {
            return false;
        };
        if probe.wait >= LONGEST_PROBE {
            self.probe = None;
            return false;
        }
        probe.wait *= 2;
        probe.again = now + probe.wait;
        true
    }
}
