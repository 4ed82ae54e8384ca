//! What happens when nothing happens: pings, deadlines, interrupts.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::engine::{Engine, Flying, Sink};
use super::pieces::Pieces;
use super::recover::ASK_FOR_BANNER;
use super::unread::Sent;
use super::{Deadlines, ladder};
use crate::agent::{NUMBERS, Number, Pong, Raised, ReplyKind};
use crate::error::{BoardState, Error, ErrorKind, MAY_READ, NOT_THROUGH, Phase, Purpose, Tried};
use crate::protocol::Insistence;

/// How long the call before a cancelled one, or the cancelled one before others, may go on by itself: an
/// interrupt that comes when the board has just begun the next call would hit that one.
pub(super) const GRACE: Duration = Duration::from_millis(20);
/// How long something may go on that nobody waits for, once it is known that the board is about to end it.
pub(super) const MERCY: Duration = Duration::from_millis(200);
/// The first silence after which the board is asked whether it is there; each further one is longer.
const SILENCE: Duration = Duration::from_millis(100);
/// How long to wait for more when what has come is damaged: most likely it is all there is.
const DAMAGED: Duration = Duration::from_millis(10);
/// How many answers a ping asks for that was not answered. More of them may be damaged.
const PONGS: u8 = 4;
/// The longest such silence, as long as the board is asked all that may be asked of it.
const LONGEST_SILENCE: Duration = Duration::from_secs(5);
/// How much of a busy board's room is kept free of requests and pings: for finding out, after hours, that it was reset
/// meanwhile. That takes some questions for a banner, and one for more where a banner comes.
const KEPT: usize = 96;
/// How many signs of a restart are looked into before the board is known to have read what that takes.
const SIGNS: u32 = 8;
/// What makes sure that a board gets to the end of something long of which the line has lost a part.
const FILLER: [u8; 64] = [b' '; 64];
/// How long to wait before a third Ctrl-C; each further one takes longer.
const INTERRUPT_AGAIN: Duration = Duration::from_millis(250);
/// How long after a Ctrl-C the board is asked what it has got, where what comes with a Ctrl-C is thrown away.
const FLUSHED: Duration = Duration::from_millis(10);
/// What makes an interrupt ours: another tool's is followed by something else.
pub(super) const AFTER_INTERRUPT: &[u8] = b" ";

/// A ping: until it is answered nothing new is sent, so that it is clear what got through before it.
#[derive(Debug)]
pub(super) struct Barrier {
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

/// How a ping is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ask {
    Plainly,
    /// For a board that may be at any prompt.
    Afresh,
    /// For one at its raw prompt that may have lost the agent.
    Looking,
}

/// An interrupt that is not known to have worked.
#[derive(Debug)]
pub(super) struct Interrupt {
    until: Instant,
    again: Instant,
    wait: Duration,
    /// How hard the board is told at the moment, and how many Ctrl-Cs of that are left before it is asked.
    insistence: Insistence,
    left: usize,
}

impl Barrier {
    /// So much of the time that has passed does not count.
    pub(super) fn put_off(&mut self, by: Duration) {
        self.since += by;
        self.again += by;
    }
}

impl Interrupt {
    /// So much of the time that has passed does not count.
    pub(super) fn put_off(&mut self, by: Duration) {
        self.until += by;
        self.again += by;
    }

    /// Whether Ctrl-Cs come one behind the other, with no question in between.
    fn is_pressing(&self) -> bool {
        self.left > 0
    }
}

/// A question whether the board is at a prompt instead of in the agent.
#[derive(Debug)]
pub(super) struct Probe {
    pub(super) again: Instant,
    pub(super) wait: Duration,
    /// Whether it is asked for the mark already.
    pub(super) marked: bool,
    /// The traceback of what looked as if the agent had ended.
    pub(super) left_with: Option<Vec<u8>>,
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
        let look = self.ahead.as_ref().map(|ahead| ahead.look);
        if let (Some(look), Some(interrupt)) = (look, &self.interrupt) {
            return Some(look.min(interrupt.until));
        }
        let probe = self.probe.as_ref().map(|probe| probe.again);
        let interrupt = self
            .interrupt
            .as_ref()
            .map(|interrupt| interrupt.until.min(interrupt.again));
        let pressing = self.interrupt.as_ref().is_some_and(Interrupt::is_pressing);
        let barrier = self.barrier.as_ref().filter(|_| !pressing).map(|barrier| {
            let again = barrier.again;
            self.given_up(barrier).map_or(again, |at| at.min(again))
        });
        let (head, silence) = match self.flying.front() {
            Some(head) if self.interrupt.is_none() => {
                let silence = self.silence.filter(|_| self.barrier.is_none());
                (Some(self.due(head)), silence.map(|(at, _)| at))
            }
            _ => (None, None),
        };
        [look, probe, interrupt, barrier, head, silence, self.watch.until]
            .into_iter()
            .flatten()
            .min()
    }

    /// When the board is interrupted because of the request at the head.
    fn due(&self, head: &Flying) -> Instant {
        let turn = self.owed(head).unwrap_or(self.turn_began());
        head.abandoned.unwrap_or(turn + head.job.deadline)
    }

    /// Since when what the request at the head asks for is the board's turn.
    pub(super) fn turn_began(&self) -> Instant {
        self.head_since.max(self.wire.requested_at())
    }

    /// Since when the item is owed that a batch asks for, where batches before it have brought none.
    fn owed(&self, head: &Flying) -> Option<Instant> {
        match head.job.sink {
            Sink::Batch(stream) => self.sources.get(&stream)?.owed,
            _ => None,
        }
    }

    /// When a ping has been waited for long enough by a request that cannot be sent before its answer.
    fn given_up(&self, barrier: &Barrier) -> Option<Instant> {
        let waiting = self.flying.is_empty() && !self.queue.is_empty() && self.interrupt.is_none();
        waiting.then(|| barrier.since + self.options.deadlines.resync)
    }

    pub(super) fn on_timer(&mut self) {
        let now = Instant::now();
        self.look_at_line(now);
        let waits = |interrupt: &Interrupt| now < interrupt.until;
        if self.ahead.is_some() && self.interrupt.as_ref().is_some_and(waits) {
            return;
        }
        if self.watch.until.is_some_and(|until| now >= until) {
            self.release_answers();
        }
        if self.probe.as_ref().is_some_and(|probe| now >= probe.again) {
            self.probe_again();
        }
        if let Some(interrupt) = &self.interrupt {
            if now >= interrupt.until {
                self.give_up_interrupting();
            } else if now >= interrupt.again {
                self.interrupt_again();
            } else if !interrupt.is_pressing()
                && self.barrier.as_ref().is_some_and(|barrier| now >= barrier.again)
            {
                // A Ctrl-C can cost the board the line that it was reading, so one comes without.
                self.ping_again();
            }
            return;
        }
        if self.flying.front().is_some_and(|head| now >= self.due(head)) {
            if let Some(head) = self.flying.front_mut()
                && head.abandoned.is_none()
            {
                head.timed_out = true;
                head.abandoned = Some(now);
            }
            self.interrupt();
            return;
        }
        match &self.barrier {
            Some(barrier) if self.given_up(barrier).is_some_and(|at| now >= at) => self.interrupt(),
            Some(barrier) if now >= barrier.again => self.ping_again(),
            None if !self.flying.is_empty() && self.silence.is_some_and(|(at, _)| now >= at) => {
                self.wire.give_up_frame();
                self.ping();
            }
            _ => {}
        }
    }

    /// Asks whether the board is there, and what it has got.
    pub(super) fn ping(&mut self) {
        self.ping_waiting(Instant::now(), SILENCE, Ask::Plainly);
    }

    /// Asks the same of a board that may be at another prompt than that of the raw REPL. The agent's lines need
    /// nothing for that.
    pub(super) fn ping_afresh(&mut self) {
        self.ping_waiting(Instant::now(), SILENCE, Ask::Afresh);
    }

    /// Asks the same of a board at whose raw prompt the agent may not be where it was.
    pub(super) fn look_for_agent(&mut self) {
        if self.barrier.as_ref().is_some_and(|barrier| barrier.looks) {
            // The question has ended without an answer: damaged, most likely. It is read, but too long to be asked again
            // of a board that may be busy after all.
            self.unread.clear();
            self.ask_for_prompt();
            return;
        }
        let since = self
            .barrier
            .as_ref()
            .map_or_else(Instant::now, |barrier| barrier.since);
        self.ping_waiting(since, SILENCE, Ask::Looking);
        if let Some(barrier) = &mut self.barrier {
            barrier.looks = true;
        }
    }

    fn ping_waiting(&mut self, since: Instant, wait: Duration, how: Ask) {
        let (token, question) = self.question(how);
        self.watch_ping(token, &question);
        self.ask(token, &question, how != Ask::Plainly);
        self.await_pong(token, since, wait, wait);
    }

    /// What asks whether the board is there, and the token of its answer.
    fn question(&mut self, how: Ask) -> (u32, Vec<u8>) {
        let token = self.token();
        let pongs = if !self.flavour.stays() || how == Ask::Plainly {
            1
        } else {
            PONGS
        };
        let line = self.lines.ping(self.next, token, pongs);
        let question = if self.flavour.stays() {
            line
        } else {
            self.source_of_ping(&line, how == Ask::Looking)
        };
        (token, question)
    }

    fn ask(&mut self, token: u32, question: &[u8], afresh: bool) {
        if self.flavour.stays() {
            self.say(question, Sent::Ping(token));
        } else {
            self.type_ping(question, token, afresh);
        }
    }

    fn await_pong(&mut self, token: u32, since: Instant, first: Duration, wait: Duration) {
        self.barrier = Some(Barrier {
            token,
            since,
            again: Instant::now() + first,
            wait,
            asked: 0,
            looks: false,
        });
    }

    /// Sends what a busy board does not read before it has ended what it does.
    pub(super) fn say(&mut self, bytes: &[u8], what: Sent) {
        self.unread.add(what, bytes.len());
        self.wire.send(bytes);
    }

    fn ping_again(&mut self) {
        let Some(mut barrier) = self.barrier.take() else {
            return;
        };
        self.wire.give_up_frame();
        let (token, question) = self.question(Ask::Afresh);
        if self.has_room_for(question.len()) {
            // A board that waits for the rest of something long has to get so much before it looks at anything.
            let long = self.flying.iter().any(|flying| flying.line.len() > 64);
            let filled = FILLER.len() + question.len();
            if long && self.flavour.stays() && self.has_room_for(filled) {
                self.say(&FILLER, Sent::Other);
            }
            if barrier.wait > SILENCE * 2 && self.flavour.stays() {
                self.suspect(None);
            }
            let wait = (barrier.wait * 2).min(LONGEST_SILENCE);
            self.watch_ping(token, &question);
            self.ask(token, &question, true);
            self.await_pong(token, barrier.since, wait, wait);
            if let Some(new) = &mut self.barrier {
                new.asked = barrier.asked;
            }
            return;
        }
        // A busy board, most likely, for however long. It answers what it was asked when it is not any more.
        barrier.wait *= 4;
        barrier.again = Instant::now() + barrier.wait;
        self.barrier = Some(barrier);
        if self.flavour.stays() {
            self.suspect(None);
        } else {
            self.ask_for_prompt_without_sign();
        }
    }

    /// The board is at a prompt, so it has lost what came before.
    pub(super) fn on_prompt(&mut self) {
        if let Some(barrier) = self.barrier.take_if(|barrier| barrier.asked > 0) {
            self.ping_waiting(barrier.since, SILENCE, Ask::Afresh);
        }
    }

    /// Whether there is room for a request or a ping.
    pub(super) fn has_room_for(&self, bytes: usize) -> bool {
        self.unread.has_room_for(bytes, KEPT)
    }

    /// Whether what looks like a prompt is looked into, however long the board has been busy. A program that prints
    /// such things for ever must not fill the room.
    pub(super) fn may_heed_sign(&mut self) -> bool {
        self.heeded += 1;
        self.heeded <= SIGNS
    }

    /// Asks a prompt to show itself, of which there was a sign: it is asked the rest then.
    pub(super) fn ask_for_prompt(&mut self) {
        if let Some(barrier) = &mut self.barrier {
            barrier.asked += 1;
            let question = self.wire.repl.ask();
            self.say(question, Sent::Other);
        }
    }

    /// The same without a sign, as long as that leaves room for those that may come.
    fn ask_for_prompt_without_sign(&mut self) {
        let signs = usize::try_from(SIGNS).unwrap_or(usize::MAX);
        if self.unread.has_any_room_for(ASK_FOR_BANNER.len() * (signs + 1)) {
            self.ask_for_prompt();
        }
    }

    /// The board reads what it is sent.
    pub(super) fn has_read(&mut self) {
        self.unread.clear();
        self.heeded = 0;
    }

    /// Somebody waits anew: the board is asked at once and often, however long it has been silent.
    pub(super) fn hasten(&mut self) {
        let now = Instant::now();
        if let Some(interrupt) = &mut self.interrupt
            && interrupt.wait > INTERRUPT_AGAIN * 2
        {
            interrupt.again = now;
            interrupt.wait = INTERRUPT_AGAIN;
        }
        if let Some(barrier) = &mut self.barrier
            && barrier.wait > SILENCE
        {
            barrier.since = now;
            barrier.again = now;
            barrier.wait = SILENCE / 2;
            // Nothing is under way, so it is not busy.
            self.has_read();
        }
    }

    /// The answer to the last ping comes now, unless that is gone.
    pub(super) fn expect_pong(&mut self) {
        if let Some(barrier) = &mut self.barrier {
            barrier.wait = SILENCE / 2;
            barrier.again = barrier.again.min(Instant::now() + barrier.wait);
            self.has_read();
        }
    }

    /// The board has answered a ping: `number` is the next request that it expects.
    pub(super) fn on_pong(&mut self, number: u8, got: &Pong) {
        self.unread.answered(Sent::Ping(got.token));
        self.watch_pong(got);
        let Some(expected) = Number::from_char(number) else {
            return;
        };
        if self
            .barrier
            .as_ref()
            .is_none_or(|barrier| barrier.token != got.token)
        {
            return;
        }
        let asked = self.barrier.take().map_or(0, |barrier| barrier.asked);
        self.wire.repl.settle(asked);
        self.interrupt = None;
        self.probe = None;
        self.hush();
        let had = |number: Number| (1..=NUMBERS / 2).contains(&expected.since(number));
        let done = self.flying.iter().take_while(|flying| had(flying.number)).count();
        let robbed = self.judge(got, done);
        // What comes after those never got there, and nothing of it can come any more.
        let mut lost = self.flying.split_off(done);
        if let Some(robbed) =
            lost.pop_front_if(|flying| matches!(flying.job.sink, Sink::Reply(_)) && self.watch.untold)
        {
            self.hand_over(robbed.job.sink, Err(ErrorKind::Interrupted.into()));
        }
        self.next = expected;
        self.trouble = None;
        for flying in lost {
            if flying.abandoned.is_some() {
                self.drop_abandoned(flying, false, robbed);
            } else {
                self.send_again(flying);
            }
        }
        let (done, again): (VecDeque<_>, _) = std::mem::take(&mut self.flying)
            .into_iter()
            .partition(|flying| had(flying.number) && flying.abandoned.is_some());
        self.flying = again;
        for flying in done {
            self.drop_abandoned(flying, true, robbed);
        }
        for at in (0..self.flying.len()).rev() {
            if had(self.flying[at].number) {
                // Whatever it was asked for before has come by now, or does not come.
                self.flying[at].pieces.ended();
                self.ask_again(at);
            }
        }
        if self.flying.is_empty() {
            self.silence = None;
        }
    }

    /// A frame was damaged. That is known at once, and not only when nothing else comes.
    pub(super) fn on_damaged(&mut self, number: u8, kind: u8) {
        let soon = Instant::now() + DAMAGED;
        match &mut self.barrier {
            None => {
                if let Some((at, _)) = &mut self.silence {
                    *at = soon.min(*at);
                }
            }
            // Once for each ping, however many answers it has.
            Some(barrier)
                if kind == ReplyKind::Pong.byte()
                    && Number::from_char(number).is_some()
                    && soon < barrier.again =>
            {
                barrier.again = soon;
                self.unread.answered_a_ping();
            }
            Some(_) => {}
        }
    }

    /// The board has ended what nobody waits for, or never got it.
    fn drop_abandoned(&mut self, flying: Flying, had: bool, robbed: bool) {
        self.head_since = Instant::now();
        if let Sink::Batch(stream) = flying.job.sink
            && (had || flying.job.request.goes_on())
        {
            self.close_on_board(stream);
        }
        let error = if flying.timed_out {
            let error = self.timeout(flying.job.deadline);
            match (had, robbed) {
                (_, true) => error.with_hint(MAY_READ),
                (false, _) => error.with_hint(NOT_THROUGH),
                _ => error,
            }
        } else {
            ErrorKind::Interrupted.into()
        };
        self.answer(flying.job.sink, Err(error));
    }

    /// A request did not get to the board.
    fn send_again(&mut self, mut flying: Flying) {
        flying.number = self.next;
        self.next = self.next.next();
        flying.line = self.encode(flying.number, &flying.job.request);
        flying.parts.clear();
        flying.pieces = Pieces::default();
        self.transmit(&flying.line, Sent::Request(flying.number));
        self.flying.push_back(flying);
    }

    /// The board refused a line because it was damaged or came after a damaged one: it expects `number`. A damaged
    /// line may be refused in many pieces, so nothing is sent again before the board has got rid of them all.
    pub(super) fn on_refusal(&mut self, number: u8) {
        if self.flavour.stays() {
            // It refuses whatever follows, too, so that it reads all of it at once.
            self.unread.clear();
        } else {
            // Each line is refused in one piece.
            self.unread.refused();
        }
        let number = Number::from_char(number);
        if self.barrier.is_none() && self.flying.iter().any(|flying| Some(flying.number) == number) {
            self.ping();
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
            flying.abandoned = Some(Instant::now() + GRACE);
            if alone && self.interrupt.is_none() {
                // Before anything else is sent, which the interrupt could hit as well.
                self.interrupt();
            }
        }
    }

    /// There is another request at the head: if nobody waits for it, it may go on by itself for so long.
    pub(super) fn mind_head(&mut self, mercy: Duration) {
        match self.flying.front_mut() {
            Some(head) if head.abandoned.is_some() => head.abandoned = Some(Instant::now() + mercy),
            Some(_) => {}
            None => self.silence = None,
        }
    }

    /// Interrupts what the board runs, and finds out where that left it.
    pub(super) fn interrupt(&mut self) {
        let now = Instant::now();
        let end = self.end_of_trouble();
        if now >= end {
            // Coming back has taken too long for whoever waits, however often it seemed to work.
            self.give_up_interrupting();
            return;
        }
        // What was interrupted may clean up, which another Ctrl-C would cut short.
        let patience = self.options.deadlines.interrupt / 2;
        self.interrupt = Some(Interrupt {
            until: end.min(now + self.options.deadlines.interrupt),
            again: now + if self.stuck { INTERRUPT_AGAIN } else { patience },
            wait: INTERRUPT_AGAIN,
            insistence: Insistence::Gentle,
            left: 0,
        });
        self.watch_interrupt();
        self.watch_interrupted();
        // What has not left yet will be sent again, if it is still wanted.
        self.wire.drop_outgoing();
        self.wire.send(b"\x03");
        self.ask_what_was_interrupted(false);
    }

    /// When all is given up that has gone wrong since a request was last answered, or begins to go wrong now.
    pub(super) fn end_of_trouble(&mut self) -> Instant {
        let Deadlines {
            interrupt, resync, ..
        } = self.options.deadlines;
        *self.trouble.get_or_insert_with(Instant::now) + interrupt + resync
    }

    /// Another Ctrl-C, and the question behind the last one of a step.
    fn interrupt_again(&mut self) {
        let Some(interrupt) = &mut self.interrupt else {
            return;
        };
        let now = Instant::now();
        if interrupt.left == 0 {
            let time = interrupt.until.saturating_duration_since(now);
            // A flood may be a short one, as long as it leaves time for the answer.
            interrupt.insistence = ladder::more(interrupt.insistence, time.saturating_mul(2));
            let fit = (time / 2).as_millis() / interrupt.insistence.pace().as_millis().max(1);
            let fit = usize::try_from(fit).unwrap_or(usize::MAX).max(1);
            interrupt.left = interrupt.insistence.times().min(fit);
            self.wire.drop_outgoing();
        }
        interrupt.left -= 1;
        interrupt.again = now + interrupt.insistence.pace();
        // Where the line takes none, more would only be in the way.
        if self.wire.has_sent_all() {
            self.wire.send(b"\x03");
        }
        if interrupt.left == 0 || self.flying.is_empty() {
            interrupt.left = 0;
            interrupt.again = now + interrupt.wait;
            interrupt.wait *= 2;
            self.ask_what_was_interrupted(true);
        }
    }

    fn ask_what_was_interrupted(&mut self, again: bool) {
        if self.flavour.stays() {
            self.wire.send(AFTER_INTERRUPT);
        }
        if again && !self.wire.flow_control() {
            // What the board has not read may as well be lost, and what comes when its buffer is full keeps no Ctrl-C
            // from it.
            self.has_read();
        }
        let (token, question) = self.question(if again { Ask::Afresh } else { Ask::Plainly });
        let now = Instant::now();
        if self.unread.room.flushed {
            // What came with the Ctrl-C may be lost with it.
            self.has_read();
            self.await_pong(token, now, FLUSHED, SILENCE / 2);
        } else if self.has_room_for(question.len()) {
            self.ask(token, &question, again);
            self.await_pong(token, now, SILENCE, SILENCE);
        } else if self.barrier.is_none() {
            self.await_pong(token, now, SILENCE, SILENCE);
        }
        if again && self.flavour.stays() {
            // Perhaps it left the agent, and the line swallowed the question or the answer.
            self.probe = None;
            self.suspect(None);
        }
    }

    /// The board goes on with what it does. Nobody waits for that any longer, but for those who have just come.
    pub(super) fn give_up_interrupting(&mut self) {
        self.interrupt = None;
        self.ahead = None;
        self.trouble = None;
        self.stuck = true;
        self.forget_pings();
        self.release_answers();
        // Where nothing can be compiled any more, it looks as if the board did not react.
        let no_memory = !self.flavour.stays() && self.out_of_memory > 0;
        let board = match self.wire.take_output() {
            printed if printed.is_empty() => BoardState::Silent,
            printed => BoardState::Printing(printed),
        };
        let unresponsive = |purpose, source| {
            if no_memory {
                return Raised::out_of_memory().into_error(&[]);
            }
            let stuck = ladder::stuck(board.clone(), purpose, Tried::Interrupts, source);
            stuck.in_phase(Phase::Interrupt)
        };
        for flying in std::mem::take(&mut self.flying) {
            let timeout = || {
                let timeout = ErrorKind::Timeout {
                    after: flying.job.deadline,
                    received: Vec::new(),
                };
                Error::from(timeout).in_phase(Phase::Execute)
            };
            let error = if flying.abandoned.is_some() {
                unresponsive(Purpose::EndCall, flying.timed_out.then(timeout))
            } else {
                ErrorKind::FateUnknown(Some(Box::new(unresponsive(Purpose::TakeCall, None)))).into()
            };
            self.answer(flying.job.sink, Err(error));
        }
        let now = Instant::now();
        for job in std::mem::take(&mut self.queue) {
            if now < job.since + self.options.deadlines.interrupt {
                self.queue.push_back(job);
            } else {
                self.answer(job.sink, Err(unresponsive(Purpose::TakeCall, None)));
            }
        }
    }
}
