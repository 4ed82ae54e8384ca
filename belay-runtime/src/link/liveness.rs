//! Whether the board is there and responds: the pings it was sent, how it is being interrupted, and when the next
//! step of these is due. Nothing is sent here.

mod interrupts;
mod pings;
mod probes;

#[cfg(test)]
mod tests;

use std::time::Duration;

use tokio::time::Instant;

use super::unread::{Room, Unread};
use crate::protocol::Insistence;

/// The silence after which the board is pinged first; each further one is longer.
pub(super) const SILENCE: Duration = Duration::from_millis(100);
/// The longest such silence, unless there is no room in the board's input buffer for another ping.
const LONGEST_SILENCE: Duration = Duration::from_secs(5);
/// How long to wait for more behind a damaged frame: most likely nothing more is coming.
const DAMAGED: Duration = Duration::from_millis(10);
/// How long to wait before a third Ctrl-C; each further one takes longer.
const INTERRUPT_AGAIN: Duration = Duration::from_millis(250);
/// For how long after a Ctrl-C it may still end the agent.
const LEFT: Duration = Duration::from_millis(500);
/// The first wait for an answer to a probe.
pub(super) const PROBE: Duration = Duration::from_millis(200);
/// The longest wait for an answer to a probe.
const LONGEST_PROBE: Duration = Duration::from_secs(5);

/// What is known about the board.
#[derive(Debug)]
pub(super) struct Liveness {
    state: State,
    /// When to ping the board because it is silent.
    silence: Option<Instant>,
    /// The probe under way: whether the board is at a prompt instead of in the agent.
    probe: Option<Probe>,
    /// When the first interrupt, or return from a prompt, came since a request was last answered.
    trouble: Option<Instant>,
    /// What the board may not have read yet.
    pub(super) unread: Unread,
    /// How often in a row a source has run out of memory on the board without an answer.
    out_of_memory: u32,
    /// When the last Ctrl-C was sent.
    pressed: Option<Instant>,
    tokens: u32,
    /// How long an interrupt may take, and how long coming back to a known state.
    interrupt: Duration,
    resync: Duration,
}

/// What host and board are doing.
#[derive(Debug)]
enum State {
    /// They exchange requests and answers.
    Calm,
    /// A ping is unanswered. Nothing new is sent until its answer tells which requests got through.
    Asking(Barrier),
    /// What the board runs is being interrupted; between the Ctrl-Cs it is pinged.
    Interrupting(Interrupt, Option<Barrier>),
    /// The board did not react to Ctrl-C in time and has been silent since. There may still be an unanswered ping.
    Stuck(Option<Barrier>),
}

/// An unanswered ping.
#[derive(Debug)]
struct Barrier {
    token: u32,
    /// When the first of the unanswered pings was sent.
    since: Instant,
    again: Instant,
    wait: Duration,
    /// How often, since it was sent, the board was asked just for a banner.
    asked: usize,
    /// Whether the ping also looks for the agent.
    looks: bool,
}

/// An interrupt that has not been confirmed.
#[derive(Debug)]
struct Interrupt {
    until: Instant,
    again: Instant,
    wait: Duration,
    /// How hard the board is interrupted at the moment, and how many Ctrl-Cs of this step are left before the next
    /// ping.
    insistence: Insistence,
    left: usize,
}

#[derive(Debug)]
struct Probe {
    again: Instant,
    wait: Duration,
    /// Whether the board has been asked for the mark.
    marked: bool,
    /// The traceback of what looked as if the agent had ended.
    left_with: Option<Vec<u8>>,
}

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    /// Repeat the ping.
    PingAgain,
    /// Ping the board, which has been silent.
    Ping,
    /// The deadline of the request at the head has passed.
    EndHead,
    /// Interrupt the board: it does not answer while requests wait.
    Interrupt,
    /// Send the next Ctrl-C.
    Press,
    /// Give up: the time for an interrupt is over.
    GiveUp,
}

/// What the rest of the conversation adds to the decision about what is due.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Around {
    /// When the head request has to end, if there is one.
    pub(super) head: Option<Instant>,
    /// Whether requests are queued, and none is in flight.
    pub(super) only_waiting: bool,
    /// When to look again for progress of the line, if bytes may be on their way.
    pub(super) look: Option<Instant>,
}

/// What to send besides another Ctrl-C.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Press {
    /// Whether this is the first Ctrl-C of a step.
    pub(super) first: bool,
    /// Whether a ping follows it.
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

    /// Takes the barrier, and resets the state to calm.
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

    /// Whether a ping is unanswered.
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

    /// A token that no other question has.
    pub(super) fn token(&mut self) -> u32 {
        self.tokens = self.tokens.wrapping_add(1);
        self.tokens
    }

    /// Restarts the silence timer.
    pub(super) fn hush(&mut self, now: Instant) {
        self.silence = Some(now + SILENCE);
    }

    /// Sets the silence timer to this instant.
    pub(super) fn hush_until(&mut self, at: Instant) {
        self.silence = Some(at);
    }

    /// Stops the silence timer: no answer is awaited.
    pub(super) fn rest(&mut self) {
        self.silence = None;
    }

    /// The board has sent something that only the agent sends.
    pub(super) fn heard(&mut self) {
        self.is_reached();
        self.probe = None;
    }

    /// Records that the board is not stuck.
    pub(super) fn is_reached(&mut self) {
        if self.is_stuck() {
            self.state = self.take_state().map_or(State::Calm, State::Asking);
        }
    }

    /// A request has been answered.
    pub(super) fn answered(&mut self, now: Instant) {
        self.trouble = None;
        // Not in `heard`: a board that has no room for a request may still send other frames, such as a pong.
        self.out_of_memory = 0;
        self.hush(now);
    }

    /// The interrupted code has ended.
    pub(super) fn interrupt_is_over(&mut self) {
        if self.is_interrupting() {
            self.state = self.take_state().map_or(State::Calm, State::Asking);
        }
    }

    /// When something may be due next.
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
                // While the Ctrl-Cs of a step follow each other, no ping comes in between.
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
                // The Ctrl-C is behind bytes that the line still carries.
                _ if around.look.is_some() => Due::Nothing,
                _ if passed(interrupt.again) => Due::Press,
                // A Ctrl-C can cost the board the line that it is reading, so a ping comes without one.
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

    /// Until when a ping is waited for, if a request cannot be sent before its answer.
    fn given_up(&self, barrier: &Barrier, around: Around) -> Option<Instant> {
        let waits = around.only_waiting && !self.is_interrupting();
        waits.then(|| barrier.since + self.resync)
    }

    /// Extends an interrupt by time that does not count against the board. Returns whether there is an interrupt.
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

    /// A new request has come: the board is pinged or interrupted at once and often, however long it has been silent.
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
            // No request is in flight, so the board is not busy.
            self.unread.all_is_read();
        }
    }

    /// A damaged frame has come, which is acted on at once, and not only after a silence. `may_be_pong`: it may be
    /// the answer to a ping, whichever it is.
    pub(super) fn damaged(&mut self, now: Instant, may_be_pong: bool) {
        let soon = now + DAMAGED;
        let Some(asked) = self.barrier_mut() else {
            if let Some(at) = &mut self.silence {
                *at = soon.min(*at);
            }
            return;
        };
        // Once for each ping, however many answers it was to have.
        if may_be_pong && soon < asked.again {
            asked.again = soon;
            self.unread.answered_a_ping();
        }
    }
}
