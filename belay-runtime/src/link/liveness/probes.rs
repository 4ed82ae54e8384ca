//! Probes, which ask the board whether it is at a prompt instead of in the agent.

use tokio::time::Instant;

use super::{Around, LONGEST_PROBE, Liveness, PROBE, Probe, State};

impl Liveness {
    /// Whether a probe is under way.
    pub(in crate::link) fn is_suspected(&self) -> bool {
        self.probe.is_some()
    }

    /// A probe was sent. `left_with` is the traceback that looked like the end of the agent, if there was one.
    pub(in crate::link) fn suspect(&mut self, left_with: Option<Vec<u8>>, now: Instant) {
        self.probe = Some(Probe {
            again: now + PROBE,
            wait: PROBE,
            marked: false,
            left_with,
        });
    }

    /// Records the traceback that the agent ended with, if the board is at a prompt.
    pub(in crate::link) fn seems_left(&mut self, with: Vec<u8>) {
        if let Some(probe) = &mut self.probe {
            probe.left_with = Some(with);
        }
    }

    /// Drops the suspicion: the board is in the agent, as far as is known. Returns the traceback that looked
    /// otherwise.
    pub(in crate::link) fn clear_suspicion(&mut self) -> Option<Vec<u8>> {
        self.probe.take()?.left_with
    }

    /// Whether the board has been asked for the mark.
    pub(in crate::link) fn is_asked_for_mark(&self) -> bool {
        self.probe.as_ref().is_some_and(|probe| probe.marked)
    }

    /// Records whether the board has been asked for the mark.
    pub(in crate::link) fn set_asked_for_mark(&mut self, marked: bool) {
        if let Some(probe) = &mut self.probe {
            probe.marked = marked;
        }
    }

    /// Whether it is time to repeat the probe: not while a Ctrl-C is on its way.
    pub(in crate::link) fn probe_is_due(&self, now: Instant, around: Around) -> bool {
        if let State::Interrupting(interrupt, _) = &self.state
            && around.look.is_some()
            && now < interrupt.until
        {
            return false;
        }
        self.probe.as_ref().is_some_and(|probe| now >= probe.again)
    }

    /// The probe was not answered. Returns whether the board is still suspected. If not, output most likely just
    /// looked like a prompt; should the board be at one after all, pings will raise the suspicion again.
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
