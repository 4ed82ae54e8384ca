//! When the board is not in the agent any more: finding that out without disturbing it, and coming back.

use tokio::time::Instant;

use super::conversation::{Conversation, Handled, Way};
use super::ending::End;
use super::own_words::take_out_unmarked;
use super::timing::MERCY;
use super::unread::Sent;
use crate::error::Result;
use crate::protocol::{Event, Sign};

/// Asks a REPL, of either kind, for the raw REPL's banner: the friendly one has to be at the beginning of a
/// line to obey. To the agent it is nothing.
pub(super) const ASK_FOR_BANNER: &[u8] = b"\r\x01";

impl Conversation {
    /// The raw REPL's state machine has seen something in what is not a frame.
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
            // Something ran there, so what came before has been read; the mark has not got through.
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

    /// Something looks as if the board was at a prompt: it is asked, in a way that a running call does not notice.
    pub(super) fn suspect(&mut self, left_with: Option<Vec<u8>>) {
        if self.liveness.is_suspected() {
            return;
        }
        if self.liveness.unread.has_any_room_for(ASK_FOR_BANNER.len()) {
            self.ask_for_banner(left_with);
        } else {
            // What was asked for earlier may come next, and tell.
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
        // Most likely a program has printed what looked so.
        self.line.let_output_go();
        if self.liveness.suspect_longer(self.now) && more {
            self.liveness.set_asked_for_mark(false);
            self.say(ASK_FOR_BANNER, Sent::BannerWanted);
        }
    }

    /// There was a banner. A program may have printed it; only the raw REPL can answer this.
    pub(super) fn ask_for_mark(&mut self) {
        let token = self.liveness.token();
        if self.liveness.is_asked_for_mark() {
            return;
        }
        self.line.hold_back_output();
        // A ping may stand in the prompt's line by now.
        let source = self.line.ask_for_mark(token);
        let source = [ASK_FOR_BANNER, source.as_bytes()].concat();
        if self.liveness.unread.has_any_room_for(source.len()) {
            self.liveness.set_asked_for_mark(true);
            self.say(&source, Sent::BannerWanted);
        }
    }

    /// The board is in the raw REPL, and is about to be brought back into the agent. Gives the end of the time for that.
    pub(super) fn begin_to_come_back(&mut self, now: Instant) -> Instant {
        self.now = now;
        // Only a prompt that has read all that came before it says so.
        self.liveness.unread.all_is_read();
        self.liveness.is_reached();
        self.watch.interrupted();
        let end = self.liveness.end_of_trouble(now);
        end.min(now + self.options.deadlines.resync)
    }

    /// The board is back in the agent of this boot, or has none, or the line is too bad to come back over.
    pub(super) fn came_back(&mut self, now: Instant, resumed: &Result<Option<u64>>) -> Handled {
        self.now = now;
        match resumed {
            Ok(Some(boot)) if *boot == self.boot => {
                self.line.forget_marks();
                self.liveness.interrupt_is_over();
                self.ping();
                // Nothing runs, so there is nothing to interrupt until it is known what got through.
                self.mind_head(MERCY);
            }
            Ok(_) => return Err(Way::End(End::Reset)),
            Err(_) => {
                // It may get better: the next request finds out.
                self.line.repl.abandon();
                self.give_up_interrupting();
            }
        }
        self.go_on(now)
    }
}
