//! Finds out that the board has left the agent, without disturbing it, and resumes the agent.

use tokio::time::Instant;

use super::conversation::{Conversation, Handled, Way};
use super::ending::End;
use super::own_words::take_out_unmarked;
use super::timing::MERCY;
use super::unread::Sent;
use crate::error::Result;
use crate::protocol::{Event, Sign};

/// Asks a REPL, of either kind, for the raw REPL's banner: the friendly one obeys only at the beginning of a line.
/// The agent ignores this.
pub(super) const ASK_FOR_BANNER: &[u8] = b"\r\x01";

impl Conversation {
    /// The raw REPL's state machine has found something in the bytes that are not a frame.
    pub(super) fn on_event(&mut self, event: Event) -> Handled {
        if !self.flavour.stays() {
            return self.on_raw_event(&event).map_err(Way::End);
        }
        if let Event::EndClaimed { .. } = &event
            && self.line.has_answered_for_mark()
        {
            let left_with = self.liveness.clear_suspicion();
            self.line.hold_back_output();
            self.line.take_out_marks(left_with.as_deref());
            self.line.let_output_go();
            return Err(Way::Back);
        }
        match event {
            Event::Sign(Sign::RawBanner) if self.liveness.is_suspected() => {
                self.liveness.unread.answered_with_banner();
                self.ask_for_mark();
            }
            // A source has run, so what was sent before it has been read; the mark has not got through.
            Event::EndClaimed { traceback }
                if self.liveness.is_asked_for_mark() && self.liveness.unread.may_heed_sign() =>
            {
                self.liveness.unread.clear();
                if let Some(printed) = self.line.output_held_back() {
                    take_out_unmarked(printed, &traceback);
                }
            }
            Event::EndClaimed { traceback } if self.liveness.is_suspected() => {
                self.liveness.seems_left(traceback);
            }
            Event::EndClaimed { traceback } if self.liveness.unread.may_heed_sign() => {
                self.suspect(Some(traceback));
            }
            Event::Sign(sign) if !self.liveness.is_suspected() && self.liveness.unread.may_heed_sign() => {
                if sign == Sign::RawBanner {
                    self.liveness.unread.answered_late_with_banner();
                }
                self.suspect(None);
            }
            _ => {}
        }
        Ok(())
    }

    /// Something looks as if the board were at a prompt: asks it, in a way that a running call does not notice.
    pub(super) fn suspect(&mut self, left_with: Option<Vec<u8>>) {
        if self.liveness.is_suspected() {
            return;
        }
        if self.liveness.unread.has_any_room_for(ASK_FOR_BANNER.len()) {
            self.ask_for_banner(left_with);
        } else {
            // The answer to an earlier request for a banner may come next, and tell.
            self.line.hold_back_output();
        }
    }

    pub(super) fn ask_for_banner(&mut self, left_with: Option<Vec<u8>>) {
        self.line.hold_back_output();
        self.liveness.suspect(left_with, self.now);
        self.say(ASK_FOR_BANNER, Sent::BannerWanted);
    }

    pub(super) fn probe_again(&mut self) {
        let more = self.liveness.unread.has_room_for(ASK_FOR_BANNER.len());
        // Most likely a program has printed the text that looked like a prompt.
        self.line.let_output_go();
        if self.liveness.suspect_longer(self.now) && more {
            self.liveness.set_asked_for_mark(false);
            self.say(ASK_FOR_BANNER, Sent::BannerWanted);
        }
    }

    /// A banner has come. A program may have printed it, so the board is asked for a mark: only the raw REPL can
    /// answer that.
    pub(super) fn ask_for_mark(&mut self) {
        let token = self.liveness.token();
        if self.liveness.is_asked_for_mark() {
            return;
        }
        self.line.hold_back_output();
        // There may be a ping in the prompt's line by now.
        let source = self.line.ask_for_mark(token);
        let source = [ASK_FOR_BANNER, source.as_bytes()].concat();
        if self.liveness.unread.has_any_room_for(source.len()) {
            self.liveness.set_asked_for_mark(true);
            self.say(&source, Sent::BannerWanted);
        }
    }

    /// The board is in the raw REPL, and the agent is about to be resumed. Returns the deadline for that.
    pub(super) fn begin_to_come_back(&mut self, now: Instant) -> Instant {
        self.now = now;
        // A prompt answers only after it has read everything before.
        self.liveness.unread.all_is_read();
        self.liveness.is_reached();
        self.watch.interrupted();
        let end = self.liveness.end_of_trouble(now);
        end.min(now + self.options.deadlines.resync)
    }

    /// Handles the result of resuming the agent: the agent of this boot, or another or none, or a line that is too
    /// bad.
    pub(super) fn came_back(&mut self, now: Instant, resumed: &Result<Option<u64>>) -> Handled {
        self.now = now;
        match resumed {
            Ok(Some(boot)) if *boot == self.boot => {
                self.line.forget_marks();
                self.liveness.interrupt_is_over();
                self.ping();
                // Nothing runs, so nothing has to be interrupted before it is known what got through.
                self.mind_head(MERCY);
            }
            Ok(_) => return Err(Way::End(End::Reset)),
            Err(_) => {
                // The line may get better: the next request finds out.
                self.line.repl.abandon();
                self.give_up_interrupting();
            }
        }
        self.go_on(now)
    }
}
