//! The task that owns the port. It moves bytes, commands and timer events between port and conversation, and has the
//! port for itself when the conversation resumes or ends.

use std::pin::Pin;
use std::task::Poll;

use tokio::sync::{mpsc, oneshot};
use tokio::task::coop::consume_budget;
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};

use super::conversation::{Command, Conversation, Handled, Way};
use super::ending::End;
use super::line::Item;
use super::liveness::PROBE;
use super::port::Port;
use super::start;
use super::timing::AFTER_INTERRUPT;
use super::wire::Wire;
use super::{Deadlines, ResetPolicy, ladder};
use crate::error::{ErrorKind, Phase, Purpose, Result, Tried};
use crate::protocol::{Event, Insistence, Operation};

/// The sources of work. They take turns at being polled first, so that one that never runs dry cannot starve the
/// others.
const SOURCES: [Source; 3] = [Source::Timer, Source::Commands, Source::Port];

#[derive(Debug, Clone, Copy)]
enum Source {
    Timer,
    Commands,
    Port,
}

pub(super) struct Pump {
    port: Port,
    commands: mpsc::UnboundedReceiver<Command>,
    conversation: Conversation,
    timer: Pin<Box<Sleep>>,
    /// Which source of work is looked at first the next time.
    turn: usize,
}

impl Pump {
    pub(super) fn new(
        port: Port,
        commands: mpsc::UnboundedReceiver<Command>,
        conversation: Conversation,
    ) -> Self {
        Self {
            port,
            commands,
            conversation,
            timer: Box::pin(sleep_until(Instant::now())),
            turn: 0,
        }
    }

    /// Works until the conversation is at its end, and tells everybody who waits.
    pub(super) async fn run(mut self) {
        // Handles what came while the board was being connected.
        let mut handled = self.conversation.go_on(Instant::now());
        let end = loop {
            if let Err(way) = handled
                && let Err(end) = self.go(way).await
            {
                break end;
            }
            handled = self.step(true).await;
        };
        self.finish(end).await;
    }

    /// Waits for the next event, and hands it to the conversation; commands only if `commands_too`.
    async fn step(&mut self, commands_too: bool) -> Handled {
        if self.conversation.asks_what_is_unsent() {
            let unsent = self.port.unsent();
            self.conversation.on_unsent(Instant::now(), unsent);
        }
        let wanted = self.conversation.next_instant();
        if let Some(wanted) = wanted
            && (wanted < self.timer.deadline() || self.timer.is_elapsed())
        {
            self.timer.as_mut().reset(wanted);
        }
        let first = self.turn;
        self.turn = (first + 1) % SOURCES.len();
        // Work that is always ready must not starve other tasks either.
        consume_budget().await;
        let Self {
            port,
            commands,
            conversation,
            timer,
            ..
        } = self;
        std::future::poll_fn(|cx| {
            for at in 0..SOURCES.len() {
                match SOURCES[(first + at) % SOURCES.len()] {
                    Source::Timer => {
                        if wanted.is_some() && timer.as_mut().poll(cx).is_ready() {
                            conversation.on_instant(Instant::now());
                            return Poll::Ready(Ok(()));
                        }
                    }
                    Source::Commands => {
                        if commands_too && let Poll::Ready(command) = commands.poll_recv(cx) {
                            let command = command.unwrap_or_else(nobody_is_left);
                            return Poll::Ready(conversation.on_command(Instant::now(), command));
                        }
                    }
                    Source::Port => match port.poll(cx, conversation.line()) {
                        Poll::Ready(Ok(bytes)) => {
                            return Poll::Ready(conversation.on_bytes(Instant::now(), bytes));
                        }
                        Poll::Ready(Err(error)) => return Poll::Ready(Err(Way::End(error.into()))),
                        Poll::Pending => conversation.on_pause(),
                    },
                }
            }
            Poll::Pending
        })
        .await
    }

    fn wire(&mut self) -> Wire<'_> {
        Wire {
            line: self.conversation.line(),
            port: &mut self.port,
        }
    }

    /// Does what needs the port for itself.
    async fn go(&mut self, way: Way) -> Result<(), End> {
        match way {
            Way::Back => self.come_back().await,
            Way::Reset(policy, done) => self.reset(policy, done).await,
            Way::Close(done) => {
                let left = self.leave().await;
                self.port.close(self.conversation.deadlines().close).await;
                // An error means that nobody waits for the result.
                let _ = done.send(left.map_err(|error| error.in_phase(Phase::Close)));
                Err(End::Closed)
            }
            Way::End(end) => Err(end),
        }
    }

    /// The board is in the raw REPL. If the agent is still in its memory, it is resumed.
    async fn come_back(&mut self) -> Result<(), End> {
        loop {
            let deadlines = self.conversation.deadlines();
            let until = self.conversation.begin_to_come_back(Instant::now());
            let reads = self.conversation.reads_at_once();
            let resumed = start::resume(&mut self.wire(), reads, &deadlines, until).await;
            let handled = match resumed {
                Err(error) if self.port.is_gone() => {
                    return Err(End::Failed(error.in_phase(Phase::Resync)));
                }
                resumed => self.conversation.came_back(Instant::now(), &resumed),
            };
            match handled {
                Err(Way::Back) => {}
                Err(Way::End(end)) => return Err(end),
                // A reset or a close is commanded, and no command was taken here.
                Ok(()) | Err(Way::Reset(..) | Way::Close(_)) => return Ok(()),
            }
        }
    }

    /// Leaves the agent and the raw REPL.
    async fn leave(&mut self) -> Result<()> {
        let close = self.conversation.deadlines().close;
        let until = Instant::now() + close;
        self.port.closes_soon();
        self.conversation.begin_to_leave(Instant::now());
        self.let_clean_up(Instant::now() + close / 2).await?;
        if !self.go_to_prompt(until).await? {
            let board = self.conversation.line().state();
            let stuck = ladder::stuck(board, Purpose::Leave, Tried::Interrupts, None);
            return Err(stuck.in_phase(Phase::Close));
        }
        self.conversation.line().mute();
        self.wire().operate(Operation::Exit, until).await
    }

    /// Gives the interrupted code time to clean up, which another Ctrl-C would cut short.
    async fn let_clean_up(&mut self, until: Instant) -> Result<()> {
        while self.conversation.interrupts() && Instant::now() < until {
            match timeout_at(until, self.step(false)).await {
                Ok(Ok(())) => {}
                Ok(Err(Way::Back)) => {
                    // A board that was reset is at a prompt.
                    if self.come_back().await.is_err() {
                        break;
                    }
                }
                Ok(Err(Way::End(End::Lost(error)))) => return Err(error.into()),
                Ok(Err(_)) | Err(_) => break,
            }
        }
        Ok(())
    }

    /// Interrupts what is in flight and brings the board to its raw prompt. Returns whether it got there in time.
    async fn go_to_prompt(&mut self, until: Instant) -> Result<bool> {
        let busy = self.conversation.is_busy();
        let now = Instant::now();
        let first = until.saturating_duration_since(now) / 4;
        match (self.conversation.flavour.stays(), busy) {
            (false, true) => match ladder::enter(&mut self.wire(), first, now, first.saturating_mul(4)).await
            {
                Err(error) if matches!(error.kind(), ErrorKind::Unresponsive { .. }) => Ok(false),
                entered => entered.map(|()| true),
            },
            (false, false) => Ok(true),
            (true, busy) => self.quit(busy, until).await,
        }
    }

    /// Has the agent quit, so that the board is at its raw prompt, after interrupting what keeps it busy. A body that
    /// reads the line may be mistaken for the agent, and refuses what it has not asked for: if asking the agent to
    /// quit has no effect, the board counts as busy.
    async fn quit(&mut self, mut busy: bool, until: Instant) -> Result<bool> {
        let line = self.conversation.farewell();
        let mut wire = self.wire();
        let mut insistence = Insistence::Gentle;
        let mut left = if busy { insistence.times() } else { 0 };
        let mut due = Instant::now();
        while Instant::now() < until {
            let asked = left == 0;
            let wait = if asked {
                wire.line.send(AFTER_INTERRUPT);
                wire.line.send(&line);
                PROBE
            } else {
                left = left.saturating_sub(insistence.due(due.elapsed()));
                wire.line.send(b"\x03");
                insistence.pace()
            };
            let again = (Instant::now() + wait).min(until);
            due = again;
            while let Some(item) = wire.next_before(again).await? {
                match item {
                    Item::Repl(Event::Done { .. }) => return Ok(true),
                    // The agent's farewell was lost, but not the end of its execution behind that.
                    Item::Repl(Event::EndClaimed { .. }) if wire.line.repl.accept_end() => return Ok(true),
                    _ => {}
                }
            }
            if asked && busy {
                insistence = ladder::more(insistence, until.saturating_duration_since(Instant::now()));
                left = insistence.times();
            }
            busy |= asked;
        }
        Ok(false)
    }

    async fn reset(&mut self, policy: ResetPolicy, done: oneshot::Sender<Result<()>>) -> Result<(), End> {
        let deadlines = self.conversation.deadlines();
        let until = Instant::now() + deadlines.reset;
        let result = match policy {
            ResetPolicy::None => {
                let _ = done.send(Ok(()));
                return Ok(());
            }
            ResetPolicy::Soft => self.soft_reset(until).await,
            ResetPolicy::Lines => match self.port.pulse().await {
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
                    received: self.conversation.line().tail(),
                }
                .into(),
            ),
        };
        self.port.close(deadlines.close).await;
        let _ = done.send(result);
        Err(end)
    }

    async fn soft_reset(&mut self, until: Instant) -> Result<()> {
        let Deadlines {
            enter,
            interrupt,
            reset,
            ..
        } = self.conversation.deadlines();
        let now = Instant::now();
        self.conversation.begin_to_reset(now);
        self.let_clean_up(now + (interrupt / 2).min(reset / 4)).await?;
        let farewell = self.conversation.farewell();
        let stays = self.conversation.flavour.stays();
        let mut wire = self.wire();
        wire.line.drop_outgoing();
        if stays {
            // Code that the agent has called may have disabled Ctrl-C, so the agent is also asked to quit.
            wire.line.send(b"\x03");
            wire.line.send(AFTER_INTERRUPT);
            wire.line.send(&farewell);
        }
        ladder::restart(&mut wire, Purpose::Reset, enter.min(interrupt / 2), until).await
    }

    /// Closes the port, and tells everybody who waits.
    async fn finish(mut self, end: End) {
        self.conversation.hear_the_rest();
        self.conversation.release_answers();
        self.port.close(self.conversation.deadlines().close).await;
        self.conversation.finish(&end);
        self.commands.close();
        while let Ok(command) = self.commands.try_recv() {
            self.conversation.refuse(command);
        }
    }
}

/// All handles of the link are gone: it is closed, with nobody to be told the result.
fn nobody_is_left() -> Command {
    Command::Close(oneshot::channel().0)
}
