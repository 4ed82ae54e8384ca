//! What happens when nothing happens: pings, deadlines, interrupts.

use std::time::Duration;

use tokio::time::Instant;

use super::engine::{Engine, Sink};
use crate::error::{Error, ErrorKind, Phase};
use crate::protocol::{NUMBERS, Number, Stage};

/// How long the call before a cancelled one, or the cancelled one before others, may go on by itself: an
/// interrupt that comes when the board has just begun the next call would hit that one.
pub(super) const GRACE: Duration = Duration::from_millis(20);
/// The first silence after which the board is asked whether it is there; each further one is longer.
const SILENCE: Duration = Duration::from_millis(100);
/// The longest such silence.
const LONGEST_SILENCE: Duration = Duration::from_secs(5);
/// How long to wait before another Ctrl-C; each further one takes longer.
const INTERRUPT_AGAIN: Duration = Duration::from_millis(250);
/// What makes an interrupt ours: another tool's is followed by something else.
pub(super) const INTERRUPT: &[u8] = b"\x03 ";

/// A ping: until it is answered nothing new is sent, so that it is clear what got through before it.
#[derive(Debug)]
pub(super) struct Barrier {
    token: u32,
    again: Instant,
    wait: Duration,
}

/// An interrupt that is not known to have worked.
#[derive(Debug)]
pub(super) struct Interrupt {
    until: Instant,
    again: Instant,
    wait: Duration,
}

/// A question whether the board is at a prompt instead of in the agent.
#[derive(Debug)]
pub(super) struct Probe {
    pub(super) again: Instant,
    pub(super) wait: Duration,
    /// Whether it is asked for the mark already.
    pub(super) marked: bool,
}

impl Engine {
    /// Starts counting the silence anew.
    pub(super) fn hush(&mut self) {
        self.silence = Some((Instant::now() + SILENCE, SILENCE));
    }

    pub(super) fn token(&mut self) -> u32 {
        self.tokens = self.tokens.wrapping_add(1);
        self.tokens
    }

    /// When something is to be done although nothing comes.
    pub(super) fn next_instant(&self) -> Option<Instant> {
        let probe = self.probe.as_ref().map(|probe| probe.again);
        let interrupt = self
            .interrupt
            .as_ref()
            .map(|interrupt| interrupt.until.min(interrupt.again));
        let barrier = self.barrier.as_ref().map(|barrier| barrier.again);
        let (head, silence) = match self.flying.front() {
            Some(head) if self.interrupt.is_none() => {
                let deadline = self.head_since + head.job.deadline;
                let head = head.abandoned.map_or(deadline, |at| at.min(deadline));
                let silence = self.silence.filter(|_| self.barrier.is_none() && !self.is_raw());
                (Some(head), silence.map(|(at, _)| at))
            }
            _ => (None, None),
        };
        let stall = self.raw.stall.filter(|_| self.is_raw());
        [probe, interrupt, barrier, head, silence, stall]
            .into_iter()
            .flatten()
            .min()
    }

    pub(super) fn on_timer(&mut self) {
        let now = Instant::now();
        if self.probe.as_ref().is_some_and(|probe| now >= probe.again) {
            self.probe_again();
        }
        if self.is_raw() && self.raw.stall.is_some_and(|at| now >= at) {
            self.on_stall();
        }
        if let Some(interrupt) = &self.interrupt {
            if now >= interrupt.until {
                self.give_up_interrupting();
            } else if now >= interrupt.again {
                self.interrupt_again();
            } else if self.barrier.as_ref().is_some_and(|barrier| now >= barrier.again) {
                // A Ctrl-C can cost the board the line that it was reading, so one comes without.
                self.ping_again();
            }
            return;
        }
        if let Some(head) = self.flying.front_mut() {
            if head.abandoned.is_some_and(|at| now >= at) {
                self.interrupt();
                return;
            }
            if now >= self.head_since + head.job.deadline {
                head.timed_out = true;
                self.interrupt();
                return;
            }
        }
        match &self.barrier {
            Some(barrier) if now >= barrier.again => self.ping_again(),
            None if !self.is_raw()
                && !self.flying.is_empty()
                && self.silence.is_some_and(|(at, _)| now >= at) =>
            {
                self.wire.give_up_frame();
                self.ping();
            }
            _ => {}
        }
    }

    /// Asks whether the board is there, and what it has got.
    pub(super) fn ping(&mut self) {
        self.ping_waiting(SILENCE);
    }

    fn ping_waiting(&mut self, wait: Duration) {
        let token = self.token();
        let line = self.lines.control(self.next, b'p', &token.to_string());
        self.transmit(&line);
        self.barrier = Some(Barrier {
            token,
            again: Instant::now() + wait,
            wait,
        });
    }

    fn ping_again(&mut self) {
        if self.is_raw() && (self.wire.repl.stage() != Stage::Idle || !self.raw.lines.is_empty()) {
            // It cannot be asked now; the question before this one is still to be answered.
            if let Some(barrier) = &mut self.barrier {
                barrier.again = Instant::now() + barrier.wait;
            }
            return;
        }
        let Some(barrier) = self.barrier.take() else {
            return;
        };
        // A board that waits for the rest of something long, of which the line has lost a part, has to get so
        // much before it looks at anything.
        if !self.is_raw() && self.flying.iter().any(|flying| flying.line.len() > 64) {
            self.wire.send(&[b' '; 64]);
        }
        if barrier.wait > SILENCE * 2 && !self.is_raw() {
            self.suspect();
        }
        self.ping_waiting((barrier.wait * 2).min(LONGEST_SILENCE));
    }

    /// The board has answered a ping: `number` is the next request that it expects.
    pub(super) fn on_pong(&mut self, number: u8, payload: &[u8]) {
        let token = std::str::from_utf8(payload)
            .ok()
            .and_then(|text| text.parse().ok());
        let Some(expected) = Number::from_char(number) else {
            return;
        };
        if self
            .barrier
            .as_ref()
            .is_none_or(|barrier| Some(barrier.token) != token)
        {
            return;
        }
        self.barrier = None;
        self.interrupt = None;
        self.probe = None;
        self.refusals = 0;
        self.head_since = Instant::now();
        self.hush();
        let had = |number: Number| (1..=NUMBERS / 2).contains(&expected.since(number));
        let done = self.flying.iter().take_while(|flying| had(flying.number)).count();
        // What comes after those never got there, and nothing of it can come any more.
        let lost = self.flying.split_off(done);
        self.next = expected;
        for mut flying in lost {
            if flying.timed_out || flying.abandoned.is_some() {
                let error = if flying.timed_out {
                    self.timeout(&flying)
                } else {
                    ErrorKind::Interrupted.into()
                };
                self.answer(flying.job.sink, Err(error));
                continue;
            }
            flying.number = self.next;
            self.next = self.next.next();
            flying.line = self.encode(flying.number, &flying.job.work);
            flying.parts.clear();
            let line = std::mem::take(&mut flying.line);
            self.transmit(&line);
            flying.line = line;
            self.flying.push_back(flying);
        }
        for at in (0..done).rev() {
            self.ask_again(at);
        }
        self.mind_head();
    }

    /// The board refused a line because it was damaged or came after a damaged one: it expects `number`.
    pub(super) fn on_refusal(&mut self, number: u8) {
        let Some(number) = Number::from_char(number) else {
            return;
        };
        if self.barrier.is_some() {
            return;
        }
        if self.refusals > 0 {
            self.refusals -= 1;
            return;
        }
        let Some(at) = self.flying.iter().position(|flying| flying.number == number) else {
            return;
        };
        self.hush();
        // Those behind it are on their way, and will be refused one by one.
        self.refusals = self.flying.len() - at - 1;
        let lines: Vec<_> = self
            .flying
            .range(at..)
            .map(|flying| flying.line.clone())
            .collect();
        for line in lines {
            self.transmit(&line);
        }
    }

    /// Nobody waits for this request any more.
    pub(super) fn cancel(&mut self, id: u64) {
        if let Some(at) = self.queue.iter().position(|job| job.id == id) {
            self.queue.remove(at);
            return;
        }
        let alone = self.flying.len() == 1;
        if let Some(flying) = self.flying.iter_mut().find(|flying| flying.job.id == id) {
            flying.job.sink = Sink::Nobody;
            flying.abandoned = Some(Instant::now() + if alone { Duration::ZERO } else { GRACE });
        }
    }

    /// There is another request at the head: its time begins.
    pub(super) fn mind_head(&mut self) {
        match self.flying.front_mut() {
            Some(head) if head.abandoned.is_some() => head.abandoned = Some(Instant::now() + GRACE),
            Some(_) => {}
            None => self.silence = None,
        }
    }

    /// Interrupts what the board runs, and finds out where that left it.
    pub(super) fn interrupt(&mut self) {
        let now = Instant::now();
        let since = *self.trouble.get_or_insert(now);
        if now > since + self.options.deadlines.interrupt + self.options.deadlines.resync {
            // Coming back has taken too long for whoever waits, however often it seemed to work.
            self.trouble = None;
            self.give_up_interrupting();
            return;
        }
        self.interrupt = Some(Interrupt {
            until: now + self.options.deadlines.interrupt,
            again: now,
            wait: INTERRUPT_AGAIN,
        });
        self.interrupt_again();
    }

    fn interrupt_again(&mut self) {
        let Some(interrupt) = &mut self.interrupt else {
            return;
        };
        interrupt.again = Instant::now() + interrupt.wait;
        interrupt.wait *= 2;
        // What has not left yet will be sent again, if it is still wanted.
        let again = interrupt.wait > INTERRUPT_AGAIN * 2;
        if self.is_raw() {
            self.interrupt_raw(again);
        } else {
            self.wire.drop_outgoing();
            self.wire.send(INTERRUPT);
        }
        self.ping();
        if again && !self.is_raw() {
            // Perhaps it left the agent, and the line swallowed the question or the answer.
            self.probe = None;
            self.suspect();
        }
    }

    /// The board goes on with what it does. Nobody waits for that any longer.
    pub(super) fn give_up_interrupting(&mut self) {
        self.interrupt = None;
        self.stuck = true;
        for flying in std::mem::take(&mut self.flying) {
            let unresponsive = Error::from(ErrorKind::Unresponsive).in_phase(Phase::Interrupt);
            let error = if flying.timed_out || flying.abandoned.is_some() {
                unresponsive
            } else {
                ErrorKind::FateUnknown(Some(Box::new(unresponsive))).into()
            };
            self.answer(flying.job.sink, Err(error));
        }
        for job in std::mem::take(&mut self.queue) {
            let error = Error::from(ErrorKind::Unresponsive).in_phase(Phase::Interrupt);
            self.answer(job.sink, Err(error));
        }
    }
}
