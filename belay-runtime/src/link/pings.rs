//! Asks the board whether it is there and what it has received, and acts on the answer.

use tokio::time::Instant;

use super::calls::{Arrived, Flying, Sink};
use super::conversation::Conversation;
use super::liveness::SILENCE;
use super::recover::ASK_FOR_BANNER;
use super::unread::{SIGNS, Sent};
use crate::agent::{Number, Pong, ReplyKind};
use crate::error::{ErrorKind, MAY_READ, NOT_THROUGH};

/// Fills up a long line of which some bytes were lost on the way, so that the board stops waiting for the rest of it.
pub(super) const FILLER: [u8; 64] = [b' '; 64];
/// How many answers a ping asks for if the one before it was not answered: some of them may be damaged.
const PONGS: u8 = 4;

/// How a ping is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    Plainly,
    /// For a board that may be at any prompt.
    Afresh,
    /// For a board at its raw prompt that may have lost the agent.
    Looking,
}

impl Conversation {
    /// Asks whether the board is there, and what it has received.
    pub(super) fn ping(&mut self) {
        self.ping_since(self.now, Ask::Plainly);
    }

    /// Asks the same of a board that may be at another prompt than the raw REPL's. To the agent, the line is the
    /// same.
    pub(super) fn ping_afresh(&mut self) {
        self.ping_since(self.now, Ask::Afresh);
    }

    /// Asks the same of a board at its raw prompt, where the agent may be missing.
    pub(super) fn look_for_agent(&mut self) {
        if self.liveness.looks_for_agent() {
            // The question has ended without an answer: damaged, most likely. The board has read it, but it is too
            // long to be sent again to a board that may be busy after all.
            self.liveness.unread.clear();
            self.ask_for_prompt();
            return;
        }
        let since = self.liveness.asked_since().unwrap_or(self.now);
        self.ping_since(since, Ask::Looking);
        self.liveness.begin_looking_for_agent();
    }

    fn ping_since(&mut self, since: Instant, how: Ask) {
        let (token, question) = self.question(how);
        self.watch_ping(token, &question);
        self.ask(token, &question, how != Ask::Plainly);
        self.liveness.asked(token, since, self.now + SILENCE, SILENCE);
    }

    /// The ping, and the token of its answer.
    pub(super) fn question(&mut self, how: Ask) -> (u32, Vec<u8>) {
        let token = self.liveness.token();
        let pongs = if !self.flavour.stays() || how == Ask::Plainly {
            1
        } else {
            PONGS
        };
        let line = self.calls.ping(token, pongs);
        let question = if self.flavour.stays() {
            line
        } else {
            self.source_of_ping(&line, how == Ask::Looking)
        };
        (token, question)
    }

    pub(super) fn ask(&mut self, token: u32, question: &[u8], afresh: bool) {
        if self.flavour.stays() {
            self.say(question, Sent::Ping(token));
        } else {
            self.type_ping(question, token, afresh);
        }
    }

    /// Sends bytes that a busy board does not read before it has ended what it does.
    pub(super) fn say(&mut self, bytes: &[u8], what: Sent) {
        self.liveness.unread.add(what, bytes.len());
        self.line.send(bytes);
    }

    pub(super) fn ping_again(&mut self) {
        if !self.liveness.is_asking() {
            return;
        }
        self.line.give_up_frame();
        if self.liveness.is_late() {
            // Most likely a program has printed the text that looked like a prompt.
            self.line.let_output_go();
        }
        let (token, question) = self.question(Ask::Afresh);
        if !self.liveness.unread.has_room_for(question.len()) {
            self.liveness.wait_longer(self.now);
            if self.flavour.stays() {
                self.suspect(None);
            } else {
                self.ask_for_prompt_without_sign();
            }
            return;
        }
        if self.flavour.stays() {
            // A board that waits for the rest of a long line must get that many bytes before it looks at anything
            // else.
            let filled = FILLER.len() + question.len();
            if self.calls.any_is_long() && self.liveness.unread.has_room_for(filled) {
                self.say(&FILLER, Sent::Other);
            }
            if self.liveness.is_late() {
                self.suspect(None);
            }
        }
        self.watch_ping(token, &question);
        self.ask(token, &question, true);
        self.liveness.asked_again(token, self.now);
    }

    /// The board is at a prompt, so it has lost what was sent before.
    pub(super) fn on_prompt(&mut self) {
        if let Some(since) = self.liveness.at_prompt() {
            self.ping_since(since, Ask::Afresh);
        }
    }

    /// Follows up a sign of a prompt: asks the prompt for its banner. The ping follows once that has come.
    pub(super) fn ask_for_prompt(&mut self) {
        if self.liveness.is_asking() {
            self.liveness.asked_for_banner();
            let question = self.line.repl.ask();
            self.say(question, Sent::Other);
        }
    }

    /// The same without a sign, as long as that leaves room to follow up the signs that may come.
    fn ask_for_prompt_without_sign(&mut self) {
        let signs = usize::try_from(SIGNS).unwrap_or(usize::MAX);
        let room = ASK_FOR_BANNER.len() * (signs + 1);
        if self.liveness.unread.has_any_room_for(room) {
            self.ask_for_prompt();
        }
    }

    /// The board has answered a ping: `number` is the next request that it expects.
    pub(super) fn on_pong(&mut self, number: u8, got: &Pong) {
        self.liveness.unread.answered(Sent::Ping(got.token));
        self.watch.pong(got, self.flavour.stays());
        let Some(expected) = Number::from_char(number) else {
            return;
        };
        let Some(asked) = self.liveness.pong(got.token, self.now) else {
            return;
        };
        self.line.repl.settle(asked);
        let robbed = self.judge(expected);
        let Arrived {
            mut lost,
            unwanted,
            answered,
        } = self.calls.expects(expected);
        if self.watch.is_untold()
            && let Some(flying) = lost.pop_front()
        {
            if let Sink::Reply(_) = flying.job.sink {
                self.hand_over(flying.job.sink, Err(ErrorKind::Interrupted.into()));
            } else {
                lost.push_front(flying);
            }
        }
        for flying in lost {
            if flying.abandoned.is_some() {
                self.drop_abandoned(flying, false, robbed);
            } else {
                self.send_again(flying);
            }
        }
        for flying in unwanted {
            self.drop_abandoned(flying, true, robbed);
        }
        for at in 0..answered {
            self.calls.flying_mut(at).incoming.nothing_is_coming();
        }
        if answered == 0 {
            // What was printed so far belongs to none of the requests that are still to run.
            let wanted = self.calls.any_wants_printed();
            self.keep_printed(wanted);
        }
        self.ask_again_before(answered);
        if self.calls.none_flies() {
            self.liveness.rest();
        }
    }

    /// A damaged frame has come, which is acted on at once, and not only after a silence.
    pub(super) fn on_damaged(&mut self, number: u8, kind: u8) {
        if kind == ReplyKind::Question.byte() && self.calls.place(number).is_some() {
            // A body that asks the host something reads the line.
            self.liveness.unread.all_is_read();
        }
        let may_be_pong = kind == ReplyKind::Pong.byte() && Number::from_char(number).is_some();
        self.liveness.damaged(self.now, may_be_pong);
    }

    /// Ends an abandoned request, which the board has ended or (`had` is false) never received.
    fn drop_abandoned(&mut self, flying: Flying, had: bool, robbed: bool) {
        self.calls.head_lives(self.now);
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

    /// Sends a request again that did not reach the board.
    fn send_again(&mut self, flying: Flying) {
        let (number, line) = self.calls.launch_again(flying);
        self.transmit(&line, Sent::Request(number));
    }

    /// The board refused a line because it was damaged or came after a damaged one, and expects `number` next. It may
    /// refuse a damaged line in many pieces, so nothing is sent again before it has discarded all of them.
    pub(super) fn on_refusal(&mut self, number: u8) {
        if self.flavour.stays() {
            // It also refuses whatever follows, so it reads all of it at once.
            self.liveness.unread.clear();
        } else {
            // Each line is refused in one piece.
            self.liveness.unread.refused();
        }
        if self.recall_refused(number) || self.line.has_sent_all() && self.answer_is_refused() {
            return;
        }
        if !self.liveness.is_asking() && self.calls.place(number).is_some() {
            self.ping();
        }
    }
}
