//! Whether the board is there and takes part: what it was asked, how it is interrupted, and when something of that is
//! due. Nothing is sent here.

mod interrupts;
mod pings;
mod probes;

#[cfg(test)]
mod tests;

use std::time::Duration;

use tokio::time::Instant;

use super::unread::{Room, Unread};
use crate::protocol::Insistence;

/// The first silence after which the board is asked whether it is there; each further one is longer.
pub(super) const SILENCE: Duration = Duration::from_millis(100);
/// The longest such silence, as long as the board is asked all that may be asked of it.
const LONGEST_SILENCE: Duration = Duration::from_secs(5);
/// How long to wait for more when what has come is damaged: most likely it is all there is.
const DAMAGED: Duration = Duration::from_millis(10);
/// How long to wait before a third Ctrl-C; each further one takes longer.
const INTERRUPT_AGAIN: Duration = Duration::from_millis(250);
/// For how long after a Ctrl-C the agent may be left by that.
const LEFT: Duration = Duration::from_millis(500);
/// The first wait for an answer to a probe.
pub(super) const PROBE: Duration = Duration::from_millis(200);
/// The longest.
const LONGEST_PROBE: Duration = Duration::from_secs(5);

/// What is known of the board.
#[derive(Debug)]
pub(super) struct Liveness {
    state: State,
    /// When to ask, after silence, whether it is there.
    silence: Option<Instant>,
    /// A question whether it is at a prompt instead of in the agent.
    probe: Option<Probe>,
    /// When the first interrupt, or return from a prompt, came since a request was last answered.
    trouble: Option<Instant>,
    /// What it may not have read yet.
    pub(super) unread: Unread,
    /// How often in a row a source ran out of memory there without an answer.
    out_of_memory: u32,
    /// When the last Ctrl-C was sent.
    pressed: Option<Instant>,
    tokens: u32,
    /// How long an interrupt may take, and how long coming back to a known state.
    interrupt: Duration,
    resync: Duration,
}

/// What is going on between the host and the board.
#[derive(Debug)]
enum State {
    /// Requests and answers.
    Calm,
    /// Until a ping is answered nothing new is sent, so that it is clear what got through before it.
    Asking(Barrier),
    /// What it runs is being interrupted; it is asked between the Ctrl-Cs.
    Interrupting(Interrupt, Option<Barrier>),
    /// It did not react to Ctrl-C in time and has not been heard of since. It may be asked still.
    Stuck(Option<Barrier>),
}

/// A ping that is not answered.
#[derive(Debug)]
struct Barrier {
    token: u32,
    /// When the first of the pings that were not answered was sent.
    since: Instant,
    again: Instant,
    wait: Duration,
    /// How often, since it was sent, the board was asked for no more than a banner.
    asked: usize,
    /// Whether it looks for the agent.
    looks: bool,
}

/// An interrupt that is not known to have worked.
#[derive(Debug)]
struct Interrupt {
    until: Instant,
    again: Instant,
    wait: Duration,
    /// How hard the board is told at the moment, and how many Ctrl-Cs of that are left before it is asked.
    insistence: Insistence,
    left: usize,
}

#[derive(Debug)]
struct Probe {
    again: Instant,
    wait: Duration,
    /// Whether it is asked for the mark already.
    marked: bool,
    /// The traceback of what looked as if the agent had ended.
    left_with: Option<Vec<u8>>,
}

/// What there is to do when it is time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    /// It is asked anew.
    PingAgain,
    /// It has been silent.
    Ping,
    /// The deadline of the request at the head has passed.
    EndHead,
    /// What it does is interrupted: it does not answer those who wait.
    Interrupt,
    /// The next Ctrl-C.
    Press,
    /// The time for an interrupt is over.
    GiveUp,
}

/// What others know when it is to be said what is due.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Around {
    /// When the request at the head is to end, if there is one.
    pub(super) head: Option<Instant>,
    /// Whether requests wait, and none is under way.
    pub(super) only_waiting: bool,
    /// When to look again how much the line has carried, if it may be carrying something.
    pub(super) look: Option<Instant>,
}

/// What another Ctrl-C is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Press {
    /// Whether it is the first one of a step.
    pub(super) first: bool,
    /// Whether the board is asked behind it.
    pub(super) asks: bool,
}

impl Barrier {
    fn put_off(&mut self, by: Duration) {
        self.since += by;
        self.again += by;
    }
}

impl Liveness {
    pub(super) fn new(room: Room, interrupt: Duration, resync: Duration) -> Self {
        Self {
            state: State::Calm,
            silence: None,
            probe: None,
            trouble: None,
            unread: Unread::new(room),
            out_of_memory: 0,
            pressed: None,
            tokens: 0,
            interrupt,
            resync,
        }
    }

    fn barrier(&self) -> Option<&Barrier> {
        match &self.state {
            State::Calm => None,
            State::Asking(barrier) => Some(barrier),
            State::Interrupting(_, barrier) | State::Stuck(barrier) => barrier.as_ref(),
        }
    }

    fn barrier_mut(&mut self) -> Option<&mut Barrier> {
        match &mut self.state {
            State::Calm => None,
            State::Asking(barrier) => Some(barrier),
            State::Interrupting(_, barrier) | State::Stuck(barrier) => barrier.as_mut(),
        }
    }

    fn set_barrier(&mut self, barrier: Option<Barrier>) {
        self.state = match std::mem::replace(&mut self.state, State::Calm) {
            State::Calm | State::Asking(_) => barrier.map_or(State::Calm, State::Asking),
            State::Interrupting(interrupt, _) => State::Interrupting(interrupt, barrier),
            State::Stuck(_) => State::Stuck(barrier),
        };
    }

    /// Takes the barrier, and leaves nothing else.
    fn take_state(&mut self) -> Option<Barrier> {
        match std::mem::replace(&mut self.state, State::Calm) {
            State::Calm => None,
            State::Asking(barrier) => Some(barrier),
            State::Interrupting(_, barrier) | State::Stuck(barrier) => barrier,
        }
    }

    fn interrupt_mut(&mut self) -> Option<&mut Interrupt> {
        match &mut self.state {
            State::Interrupting(interrupt, _) => Some(interrupt),
            _ => None,
        }
    }

    /// Whether a ping is not answered.
    pub(super) fn is_asking(&self) -> bool {
        self.barrier().is_some()
    }

    pub(super) fn is_interrupting(&self) -> bool {
        matches!(self.state, State::Interrupting(..))
    }

    /// Whether it did not react to Ctrl-C in time and has not been heard of since.
    pub(super) fn is_stuck(&self) -> bool {
        matches!(self.state, State::Stuck(_))
    }

    /// A number that no other question has.
    pub(super) fn token(&mut self) -> u32 {
        self.tokens = self.tokens.wrapping_add(1);
        self.tokens
    }

    /// Starts counting the silence anew.
    pub(super) fn hush(&mut self, now: Instant) {
        self.silence = Some(now + SILENCE);
    }

    /// Starts counting it anew, up to then.
    pub(super) fn hush_until(&mut self, at: Instant) {
        self.silence = Some(at);
    }

    /// Nothing is waited for.
    pub(super) fn rest(&mut self) {
        self.silence = None;
    }

    /// It has said something that nobody but the agent says.
    pub(super) fn heard(&mut self) {
        self.is_reached();
        self.probe = None;
    }

    /// It is not stuck.
    pub(super) fn is_reached(&mut self) {
        if self.is_stuck() {
            self.state = self.take_state().map_or(State::Calm, State::Asking);
        }
    }

    /// A request has been answered.
    pub(super) fn answered(&mut self, now: Instant) {
        self.trouble = None;
        // A ping is answered where there is no room for a request.
        self.out_of_memory = 0;
        self.hush(now);
    }

    /// What was interrupted has ended.
    pub(super) fn interrupt_is_over(&mut self) {
        if self.is_interrupting() {
            self.state = self.take_state().map_or(State::Calm, State::Asking);
        }
    }

    /// When something is due.
    pub(super) fn next_instant(&self, around: Around) -> Option<Instant> {
        let Around { head, look, .. } = around;
        let probe = self.probe.as_ref().map(|probe| probe.again);
        let barrier = |barrier: &Barrier| match self.given_up(barrier, around) {
            Some(at) => at.min(barrier.again),
            None => barrier.again,
        };
        let instants = match &self.state {
            State::Interrupting(interrupt, asked) => {
                if let Some(look) = look {
                    return Some(look.min(interrupt.until));
                }
                // While Ctrl-Cs come one behind the other there is no question in between.
                let asked = asked.as_ref().filter(|_| interrupt.left == 0);
                [
                    Some(interrupt.until.min(interrupt.again)),
                    asked.map(|asked| asked.again),
                ]
            }
            State::Asking(asked) | State::Stuck(Some(asked)) => [head, Some(barrier(asked))],
            State::Calm | State::Stuck(None) => [head, head.and(self.silence)],
        };
        instants.into_iter().chain([probe, look]).flatten().min()
    }

    /// What is due by now.
    pub(super) fn due(&self, now: Instant, around: Around) -> Due {
        let passed = |at: Instant| now >= at;
        if let State::Interrupting(interrupt, asked) = &self.state {
            return match asked {
                _ if passed(interrupt.until) => Due::GiveUp,
                // It comes behind what the line still carries.
                _ if around.look.is_some() => Due::Nothing,
                _ if passed(interrupt.again) => Due::Press,
                // A Ctrl-C can cost the board the line that it was reading, so one comes without.
                Some(asked) if interrupt.left == 0 && passed(asked.again) => Due::PingAgain,
                _ => Due::Nothing,
            };
        }
        if around.head.is_some_and(passed) {
            return Due::EndHead;
        }
        match self.barrier() {
            Some(asked) if self.given_up(asked, around).is_some_and(passed) => Due::Interrupt,
            Some(asked) if passed(asked.again) => Due::PingAgain,
            None if around.head.is_some() && self.silence.is_some_and(passed) => Due::Ping,
            _ => Due::Nothing,
        }
    }

    /// When a ping has been waited for long enough by a request that cannot be sent before its answer.
    fn given_up(&self, barrier: &Barrier, around: Around) -> Option<Instant> {
        let waits = around.only_waiting && !self.is_interrupting();
        waits.then(|| barrier.since + self.resync)
    }

    /// So much of the time that has passed does not count. Says whether it is for an interrupt.
    pub(super) fn put_off(&mut self, by: Duration) -> bool {
        let State::Interrupting(interrupt, asked) = &mut self.state else {
            return false;
        };
        interrupt.until += by;
        interrupt.again += by;
        if let Some(asked) = asked {
            asked.put_off(by);
        }
        if let Some(trouble) = &mut self.trouble {
            *trouble += by;
        }
        true
    }

    /// Somebody waits anew: it is asked at once and often, however long it has been silent.
    pub(super) fn hasten(&mut self, now: Instant) {
        if let Some(interrupt) = self.interrupt_mut()
            && interrupt.wait > INTERRUPT_AGAIN * 2
        {
            interrupt.again = now;
            interrupt.wait = INTERRUPT_AGAIN;
        }
        if let Some(asked) = self.barrier_mut()
            && asked.wait > SILENCE
        {
            asked.since = now;
            asked.again = now;
            asked.wait = SILENCE / 2;
            // Nothing is under way, so it is not busy.
            self.unread.all_is_read();
        }
    }

    /// A frame was damaged: that is known at once, and not only when nothing else comes. It may be a pong, whatever it
    /// answers.
    pub(super) fn damaged(&mut self, now: Instant, may_be_pong: bool) {
        let soon = now + DAMAGED;
        let Some(asked) = self.barrier_mut() else {
            if let Some(at) = &mut self.silence {
                *at = soon.min(*at);
            }
            return;
        };
        // Once for each ping, however many answers it has.
        if may_be_pong && soon < asked.again {
            asked.again = soon;
            self.unread.answered_a_ping();
        }
    }
}
