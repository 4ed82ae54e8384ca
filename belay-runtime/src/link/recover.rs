//! When the board is not in the agent any more: finding that out without disturbing it, coming back, leaving.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::ending::End;
use super::engine::{Engine, Step};
use super::own_words::{take_out_mark, take_out_unmarked};
use super::start;
use super::timing::{AFTER_INTERRUPT, MERCY, Probe};
use super::unread::Sent;
use super::wire::{Item, Wire};
use super::{Deadlines, ResetPolicy, ladder};
use crate::agent::Request;
use crate::error::{ErrorKind, Phase, Purpose, Result, Tried};
use crate::protocol::{Event, Insistence, Operation, Sign};
use crate::transport::{ModemLines, TransportError};

/// The first wait for an answer to a probe.
const PROBE: Duration = Duration::from_millis(200);
/// The longest.
const LONGEST_PROBE: Duration = Duration::from_secs(5);
/// Asks a REPL, of either kind, for the raw REPL's banner: the friendly one has to be at the beginning of a
/// line to obey. To the agent it is nothing.
pub(super) const ASK_FOR_BANNER: &[u8] = b"\r\x01";
/// How long the modem lines are held to reset a board.
const PULSE: Duration = Duration::from_millis(100);

impl Engine {
    /// The raw REPL's state machine has seen something in what is not a frame.
    pub(super) async fn on_event(&mut self, event: Event) -> Result<(), End> {
        if !self.flavour.stays() {
            return self.on_raw_event(&event);
        }
        if let Event::EndClaimed { .. } = &event
            && let Some(mark) = self.take_mark()
        {
            let left_with = self.probe.take().and_then(|probe| probe.left_with);
            if let Some(printed) = self.wire.output_held_back() {
                take_out_mark(printed, left_with.as_deref(), &mark);
            }
            self.wire.let_output_go();
            return self.come_back().await;
        }
        match event {
            Event::Sign(Sign::RawBanner) if self.probe.is_some() => self.ask_for_mark(),
            // Something ran there, so what came before has been read; the mark has not got through.
            Event::EndClaimed { traceback }
                if self.probe.as_ref().is_some_and(|probe| probe.marked) && self.may_heed_sign() =>
            {
                self.unread.clear();
                if let Some(printed) = self.wire.output_held_back() {
                    take_out_unmarked(printed, &traceback);
                }
            }
            Event::EndClaimed { traceback } if self.probe.is_none() && self.may_heed_sign() => {
                self.suspect(Some(traceback));
            }
            Event::Sign(_) if self.probe.is_none() && self.may_heed_sign() => self.suspect(None),
            _ => {}
        }
        Ok(())
    }

    /// What only the raw REPL can have answered, once it has come.
    fn take_mark(&mut self) -> Option<Vec<u8>> {
        let asked = self.probe.as_ref().is_some_and(|probe| probe.marked);
        if asked { self.wire.take_mark() } else { None }
    }

    /// Something looks as if the board was at a prompt: it is asked, in a way that a running call does not notice.
    pub(super) fn suspect(&mut self, left_with: Option<Vec<u8>>) {
        if self.probe.is_none() && self.unread.has_any_room_for(ASK_FOR_BANNER.len()) {
            self.wire.hold_back_output();
            self.probe = Some(Probe {
                again: Instant::now() + PROBE,
                wait: PROBE,
                marked: false,
                left_with,
            });
            self.say(ASK_FOR_BANNER, Sent::Other);
        }
    }

    pub(super) fn probe_again(&mut self) {
        let more = self.has_room_for(ASK_FOR_BANNER.len());
        // Most likely a program has printed what looked so.
        self.wire.let_output_go();
        let Some(probe) = &mut self.probe else { return };
        if probe.wait >= LONGEST_PROBE {
            // Nothing but output that looks like a prompt. If it was more, pings will bring it up again.
            self.probe = None;
            return;
        }
        probe.wait *= 2;
        probe.again = Instant::now() + probe.wait;
        if more {
            probe.marked = false;
            self.say(ASK_FOR_BANNER, Sent::Other);
        }
    }

    /// There was a banner. A program may have printed it; only the raw REPL can answer this.
    pub(super) fn ask_for_mark(&mut self) {
        let token = self.token();
        let Some(probe) = &mut self.probe else { return };
        if !probe.marked {
            self.wire.hold_back_output();
            // A ping may stand in the prompt's line by now.
            let source = self.wire.expect_mark(token);
            let source = [ASK_FOR_BANNER, source.as_bytes()].concat();
            probe.marked = self.unread.has_any_room_for(source.len());
            if probe.marked {
                self.say(&source, Sent::Other);
            }
        }
    }

    /// The board is in the raw REPL. If the agent is still in its memory it goes on where it was.
    pub(super) async fn come_back(&mut self) -> Result<(), End> {
        let until = self
            .end_of_trouble()
            .min(Instant::now() + self.options.deadlines.resync);
        self.stuck = false;
        self.watch_interrupted();
        let reads = self.flavour.reads_at_once(self.wire.flow_control());
        let resumed = start::resume(&mut self.wire, reads, &self.options.deadlines, until).await;
        match resumed {
            Ok(Some(boot)) if boot == self.boot => {
                self.interrupt = None;
                self.ping();
                // Nothing runs, so there is nothing to interrupt until it is known what got through.
                self.mind_head(MERCY);
                Ok(())
            }
            Ok(_) => Err(End::Reset),
            Err(error) if self.wire.is_gone() => Err(End::Failed(error.in_phase(Phase::Resync))),
            Err(_) => {
                // The line is too bad to come back over. It may get better: the next request finds out.
                self.wire.repl.abandon();
                self.give_up_interrupting();
                Ok(())
            }
        }
    }

    /// Leaves the agent and the raw REPL.
    pub(super) async fn leave(&mut self) -> Result<()> {
        let until = Instant::now() + self.options.deadlines.close;
        self.wire.transport().closes_soon();
        self.let_clean_up(Instant::now() + self.options.deadlines.close / 2)
            .await?;
        if !self.go_to_prompt(until).await? {
            let board = self.wire.state();
            let stuck = ladder::stuck(board, Purpose::Leave, Tried::Interrupts, None);
            return Err(stuck.in_phase(Phase::Close));
        }
        self.wire.mute();
        self.wire.operate(Operation::Exit, until).await
    }

    /// Interrupts what is under way and gives it time to clean up, which another Ctrl-C would cut short.
    async fn let_clean_up(&mut self, until: Instant) -> Result<()> {
        if !self.flying.is_empty() && self.interrupt.is_none() {
            self.interrupt();
        }
        while self.interrupt.is_some() && Instant::now() < until {
            let Ok(step) = timeout_at(until, self.step(false)).await else {
                break;
            };
            match step.map_err(TransportError::from)? {
                // A board that was reset is at a prompt.
                Step::Item(item) => {
                    if self.on_item(item).await.is_err() {
                        break;
                    }
                }
                Step::Timer => self.on_timer(),
                Step::Command(_) => {}
            }
        }
        Ok(())
    }

    /// Interrupts what is under way and has the board at the raw prompt, if it gets there in time.
    async fn go_to_prompt(&mut self, until: Instant) -> Result<bool> {
        let busy = !self.flying.is_empty() || self.barrier.is_some();
        let now = Instant::now();
        let first = until.saturating_duration_since(now) / 4;
        match (self.flavour.stays(), busy) {
            (false, true) => match ladder::enter(&mut self.wire, first, now, first.saturating_mul(4)).await {
                Err(error) if matches!(error.kind(), ErrorKind::Unresponsive { .. }) => Ok(false),
                entered => entered.map(|()| true),
            },
            (false, false) => Ok(true),
            (true, busy) => self.quit(busy, until).await,
        }
    }

    /// Has the agent end, so that the board is at the raw prompt, and what keeps it busy before.
    async fn quit(&mut self, busy: bool, until: Instant) -> Result<bool> {
        let line = self.lines.control(self.next, &Request::Quit);
        let mut insistence = Insistence::Gentle;
        let mut left = if busy { insistence.times() } else { 0 };
        while Instant::now() < until {
            let asked = left == 0;
            let wait = if asked {
                self.wire.send(AFTER_INTERRUPT);
                self.wire.send(&line);
                PROBE
            } else {
                left -= 1;
                self.wire.send(b"\x03");
                insistence.pace()
            };
            let again = (Instant::now() + wait).min(until);
            while let Some(item) = self.wire.next_before(again).await? {
                match item {
                    Item::Repl(Event::Done { .. }) => return Ok(true),
                    // The farewell was lost, but not what comes after it.
                    Item::Repl(Event::EndClaimed { .. }) if self.wire.repl.accept_end() => return Ok(true),
                    _ => {}
                }
            }
            if asked && busy {
                insistence = ladder::more(insistence, until.saturating_duration_since(Instant::now()));
                left = insistence.times();
            }
        }
        Ok(false)
    }

    pub(super) async fn reset(
        &mut self,
        policy: ResetPolicy,
        done: oneshot::Sender<Result<()>>,
    ) -> Result<(), End> {
        let until = Instant::now() + self.options.deadlines.reset;
        let result = match policy {
            ResetPolicy::None => {
                let _ = done.send(Ok(()));
                return Ok(());
            }
            ResetPolicy::Soft => self.soft_reset(until).await,
            ResetPolicy::Lines => match self.wire.pulse().await {
                Err(error) if matches!(error.kind(), ErrorKind::Unsupported { .. }) => {
                    // Nothing has happened to the board.
                    let _ = done.send(Err(error));
                    return Ok(());
                }
                result => result,
            },
        };
        let end = match &result {
            Ok(()) => End::Reset,
            Err(error) => End::Failed(
                ErrorKind::Protocol {
                    what: format!("the reset failed: {error}").into(),
                    received: self.wire.tail(),
                }
                .into(),
            ),
        };
        self.wire.close(self.options.deadlines.close).await;
        let _ = done.send(result);
        Err(end)
    }

    async fn soft_reset(&mut self, until: Instant) -> Result<()> {
        let Deadlines { enter, interrupt, .. } = self.options.deadlines;
        self.wire.drop_outgoing();
        if self.flavour.stays() {
            // The agent may be deaf to Ctrl-C, if what it has called has made it so.
            let line = self.lines.control(self.next, &Request::Quit);
            self.wire.send(b"\x03");
            self.wire.send(AFTER_INTERRUPT);
            self.wire.send(&line);
        }
        ladder::restart(&mut self.wire, Purpose::Reset, enter.min(interrupt / 2), until).await
    }
}

impl Wire {
    /// Resets the board by the modem lines, as auto-reset circuits expect it.
    pub(super) async fn pulse(&mut self) -> Result<()> {
        let lines = self.transport().set_lines(false, true)?;
        if lines == ModemLines::Unsupported {
            let feature = "a reset by the modem lines";
            let firmware = self.transport().description().to_owned();
            return Err(ErrorKind::Unsupported {
                feature: feature.into(),
                firmware: firmware.into(),
            }
            .into());
        }
        tokio::time::sleep(PULSE).await;
        self.transport().restore_lines()?;
        Ok(())
    }
}
