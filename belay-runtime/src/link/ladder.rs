//! Brings a board to its prompt whatever it is doing, with steps that become harder, each of which is logged. A call
//! that is to be ended goes through the same steps in [`timing`](super::timing), while everything else goes on.

use std::time::Duration;

use tokio::time::Instant;

use super::line::{Item, Line};
use super::own_words::{take_out_interrupted, take_out_stems};
use super::wire::Wire;
use super::{Deadlines, ResetPolicy};
use crate::error::{BoardState, Error, ErrorKind, Phase, Purpose, Result, Stuck, Tried};
use crate::protocol::{Event, Insistence, Operation, Sign};

/// How often in a row a board may answer that it cannot run what it is told: the first of these answers may be to
/// something older.
const UNABLE: u32 = 8;
/// How long nothing may follow such an answer before it counts as the last one.
const QUIET: Duration = Duration::from_millis(100);

/// The outcome of one attempt.
enum Attempt {
    Done,
    /// The board answers, but with this traceback: it cannot run what it is told.
    Unable(Vec<u8>),
    Late,
}

/// Enters the raw REPL, as far as that is possible without a reset.
pub(super) async fn enter(
    wire: &mut Wire<'_>,
    first: Duration,
    begun: Instant,
    within: Duration,
) -> Result<()> {
    enter_after(wire, Tried::Interrupts, first, begun + within).await
}

/// Enters the raw REPL of a board that is being connected, in the way that the reset policy asks for.
pub(super) async fn connect(
    wire: &mut Wire<'_>,
    policy: ResetPolicy,
    deadlines: &Deadlines,
    opening: Instant,
) -> Result<()> {
    let (first, until) = (deadlines.enter, opening + deadlines.open);
    match policy {
        ResetPolicy::None => enter_after(wire, Tried::Interrupts, first, until).await,
        ResetPolicy::Soft => {
            let until = Instant::now() + deadlines.reset;
            restart(wire, Purpose::Connect, first, until).await?;
            enter_after(wire, Tried::SoftReset, first, until).await
        }
        ResetPolicy::Lines => {
            wire.port.pulse().await?;
            let half = Instant::now() + until.saturating_duration_since(Instant::now()) / 2;
            match enter_after(wire, Tried::Lines, first, half).await {
                Err(error) if matches!(error.kind(), ErrorKind::Unresponsive { .. }) => {}
                result => return result,
            }
            if restart(wire, Purpose::Connect, first / 2, until).await.is_err() && !wire.is_gone() {
                tracing::info!(
                    "the board does not stop: its reset line again, and Ctrl-C from the beginning"
                );
                wire.port.pulse().await?;
                if let Attempt::Done = wire.attempt_entry(Insistence::Flood, until).await? {
                    return Ok(());
                }
            }
            enter_after(wire, Tried::Lines, first, until).await
        }
    }
}

/// Attempts to enter the raw REPL until this instant. A board that is still booting may lose one attempt. A slow
/// board gets more time with each attempt, because the next one interrupts the answer to this one.
async fn enter_after(wire: &mut Wire<'_>, tried: Tried, first: Duration, until: Instant) -> Result<()> {
    let (mut patience, mut insistence, mut unable) = (first, Insistence::Gentle, 0);
    wire.line.forget_tail();
    loop {
        let end = (Instant::now() + patience).min(until);
        let board = match wire.attempt_entry(insistence, end).await? {
            Attempt::Done => return Ok(()),
            Attempt::Unable(answer) => {
                unable += 1;
                if unable < UNABLE && Instant::now() < until {
                    continue;
                }
                BoardState::Unable(answer)
            }
            Attempt::Late if Instant::now() < until => {
                patience = patience.saturating_mul(2);
                insistence = more(insistence, patience.min(until.saturating_duration_since(end)));
                continue;
            }
            Attempt::Late => wire.line.state(),
        };
        return Err(stuck(board, Purpose::Connect, tried, None).in_phase(Phase::Enter));
    }
}

/// Resets the interpreter, which needs neither an earlier answer from the board nor free memory on it.
pub(super) async fn restart(
    wire: &mut Wire<'_>,
    purpose: Purpose,
    first: Duration,
    until: Instant,
) -> Result<()> {
    let steps = [
        (Insistence::Gentle, first),
        (Insistence::Burst, first),
        (Insistence::Flood, first.saturating_mul(2)),
    ];
    wire.line.forget_tail();
    for (insistence, patience) in steps {
        if !leaves_time(insistence, patience) {
            continue;
        }
        tell(insistence);
        let end = (Instant::now() + patience).min(until);
        if let Attempt::Done = wire.attempt_restart(insistence, end, until).await? {
            return Ok(());
        }
    }
    // The program may end by itself, and then the board obeys. A caller that connects has nothing better to wait for.
    let wait = purpose == Purpose::Connect;
    if wait && let Attempt::Done = wire.await_restart(until, until).await? {
        return Ok(());
    }
    let board = wire.line.state();
    Err(stuck(board, purpose, Tried::SoftReset, None).in_phase(Phase::Reset))
}

/// The next harder step, if there is enough time for it.
pub(super) fn more(insistence: Insistence, time: Duration) -> Insistence {
    let more = insistence.more();
    if leaves_time(more, time) {
        tell(more);
        return more;
    }
    insistence
}

/// Whether so many Ctrl-Cs leave time for the board's answer.
fn leaves_time(insistence: Insistence, time: Duration) -> bool {
    let times = u32::try_from(insistence.times()).unwrap_or(u32::MAX);
    // Timers fire late, and the rest is for the answer.
    times == 1 || insistence.pace().saturating_mul(times) * 2 <= time
}

pub(super) fn tell(insistence: Insistence) {
    match insistence {
        Insistence::Gentle => {}
        Insistence::Burst => tracing::info!("the board does not stop: Ctrl-C in a burst"),
        Insistence::Flood => tracing::info!("the board does not stop: a flood of Ctrl-C"),
    }
}

pub(super) fn stuck(board: BoardState, purpose: Purpose, tried: Tried, source: Option<Error>) -> Error {
    let stuck = Stuck {
        board,
        purpose,
        tried,
    };
    let source = source.map(Box::new);
    ErrorKind::Unresponsive { stuck, source }.into()
}

/// The error of a board that has memory to run a few words and not for what a connection needs.
pub(super) fn out_of_memory(traceback: Vec<u8>, policy: ResetPolicy) -> Error {
    let tried = match policy {
        ResetPolicy::None => Tried::Interrupts,
        ResetPolicy::Soft => Tried::SoftReset,
        ResetPolicy::Lines => Tried::Lines,
    };
    stuck(BoardState::Unable(traceback), Purpose::Connect, tried, None).in_phase(Phase::Enter)
}

impl Line {
    /// What the board is doing, as far as the last received bytes show it.
    pub(super) fn state(&self) -> BoardState {
        match self.tail() {
            tail if tail.is_empty() => BoardState::Silent,
            tail => BoardState::Printing(tail),
        }
    }

    /// Publishes the output that was held back on the way to a prompt, without the protocol text.
    pub(super) fn let_go_on_the_way(&mut self) {
        self.take_out_late_marks();
        let stem = self.repl.mark_stem();
        if let Some(printed) = self.output_held_back() {
            take_out_stems(printed, stem.as_bytes());
            take_out_interrupted(printed);
        }
        self.let_output_go();
    }
}

impl Wire<'_> {
    async fn attempt_entry(&mut self, insistence: Insistence, until: Instant) -> Result<Attempt> {
        self.line.hold_back_output();
        self.start(Operation::Insist(insistence))?;
        let attempt = self.await_entry(until).await;
        self.line.let_go_on_the_way();
        attempt
    }

    async fn await_entry(&mut self, until: Instant) -> Result<Attempt> {
        let mut unable = None;
        loop {
            let received = self.line.received();
            let quiet = match unable {
                Some(_) => until.min(Instant::now() + QUIET),
                None => until,
            };
            match self.next_before(quiet).await? {
                Some(Item::Repl(Event::Entered)) => return Ok(Attempt::Done),
                // This may answer something older, with the answer to this attempt still to come: the next attempt
                // would interrupt that.
                Some(Item::Repl(Event::Unable { traceback })) => unable = Some(traceback),
                Some(_) => {}
                None if self.line.received() != received && Instant::now() < until => {}
                None => return Ok(unable.map_or(Attempt::Late, Attempt::Unable)),
            }
        }
    }

    /// Once the board has announced the restart, `boot.py` has half of the time that is left until `until`. If it has
    /// not ended by then, entering the raw REPL will interrupt it.
    async fn attempt_restart(
        &mut self,
        insistence: Insistence,
        end: Instant,
        until: Instant,
    ) -> Result<Attempt> {
        self.line.hold_back_output();
        self.start(Operation::Restart(insistence))?;
        let attempt = self.await_restart(end, until).await;
        self.line.let_go_on_the_way();
        attempt
    }

    async fn await_restart(&mut self, mut end: Instant, until: Instant) -> Result<Attempt> {
        let mut late = Attempt::Late;
        loop {
            let item = match self.next_before(end).await {
                Ok(Some(item)) => item,
                Ok(None) => return Ok(late),
                // A board with its own server, as with WebREPL, ends the connection by its reset.
                Err(_) if matches!(late, Attempt::Done) => return Ok(late),
                Err(error) => return Err(error),
            };
            match item {
                Item::Repl(Event::Restarted { .. }) => return Ok(Attempt::Done),
                Item::Repl(Event::Sign(Sign::SoftReboot(_))) => {
                    let now = Instant::now();
                    end = now + until.saturating_duration_since(now) / 2;
                    late = Attempt::Done;
                    // From now on the output is that of `boot.py`.
                    self.line.let_go_on_the_way();
                }
                _ => {}
            }
        }
    }
}
