//! How a board is brought to its prompt whatever it is at: harder with each step, and each step is told in the log.
//! A call that is to end takes the same steps in [`timing`](super::timing), beside everything else.

use std::time::Duration;

use tokio::time::Instant;

use super::line::{Item, Line};
use super::own_words::{take_out_interrupted, take_out_stems};
use super::wire::Wire;
use super::{Deadlines, ResetPolicy};
use crate::error::{BoardState, Error, ErrorKind, Phase, Purpose, Result, Stuck, Tried};
use crate::protocol::{Event, Insistence, Operation, Sign};

/// How often in a row a board may answer that it cannot run what it is told: the first answer may be one to
/// something older.
const UNABLE: u32 = 8;
/// How long nothing may come behind such an answer, before it is taken for the last one.
const QUIET: Duration = Duration::from_millis(100);

/// What came of one attempt.
enum Attempt {
    Done,
    /// It answers, but not what it should.
    Unable(Vec<u8>),
    Late,
}

/// Enters the raw REPL of a board that is to be connected, as far as that takes no reset.
pub(super) async fn enter(
    wire: &mut Wire<'_>,
    first: Duration,
    begun: Instant,
    within: Duration,
) -> Result<()> {
    enter_after(wire, Tried::Interrupts, first, begun + within).await
}

/// Brings a board that is to be connected into the raw REPL, in whatever way the policy allows.
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

/// A board may still be booting, and so may lose one attempt; or it is slow, and then is given more time with each,
/// because the next one interrupts what it is about to answer.
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

/// Resets the interpreter, which needs neither an answer before nor any memory.
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
    // What the board does may come to an end, and then it obeys. Who connects has nothing better to wait for.
    let wait = purpose == Purpose::Connect;
    if wait && let Attempt::Done = wire.await_restart(until, until).await? {
        return Ok(());
    }
    let board = wire.line.state();
    Err(stuck(board, purpose, Tried::SoftReset, None).in_phase(Phase::Reset))
}

/// What is tried next in so much time.
pub(super) fn more(insistence: Insistence, time: Duration) -> Insistence {
    let more = insistence.more();
    if leaves_time(more, time) {
        tell(more);
        return more;
    }
    insistence
}

/// Whether there is time left for the answer behind so many Ctrl-Cs.
fn leaves_time(insistence: Insistence, time: Duration) -> bool {
    let times = u32::try_from(insistence.times()).unwrap_or(u32::MAX);
    // A timer takes longer than it is told, and the rest is for the answer.
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

/// The board has room for a few words and not for what a connection needs.
pub(super) fn out_of_memory(traceback: Vec<u8>, policy: ResetPolicy) -> Error {
    let tried = match policy {
        ResetPolicy::None => Tried::Interrupts,
        ResetPolicy::Soft => Tried::SoftReset,
        ResetPolicy::Lines => Tried::Lines,
    };
    stuck(BoardState::Unable(traceback), Purpose::Connect, tried, None).in_phase(Phase::Enter)
}

impl Line {
    /// What the board does, as far as what came last shows it.
    pub(super) fn state(&self) -> BoardState {
        match self.tail() {
            tail if tail.is_empty() => BoardState::Silent,
            tail => BoardState::Printing(tail),
        }
    }

    /// Hands out what was held back on the way to a prompt.
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
                // It may be said of something older, and then the answer to this is still to come: what is tried next
                // would interrupt that.
                Some(Item::Repl(Event::Unable { traceback })) => unable = Some(traceback),
                Some(_) => {}
                None if self.line.received() != received && Instant::now() < until => {}
                None => return Ok(unable.map_or(Attempt::Late, Attempt::Unable)),
            }
        }
    }

    /// Once the board has announced the restart, `boot.py` has half of the time that is left until `until`: if it is
    /// not at its end by then, that is for whoever enters the raw REPL.
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
        while let Some(item) = self.next_before(end).await? {
            match item {
                Item::Repl(Event::Restarted { .. }) => return Ok(Attempt::Done),
                Item::Repl(Event::Sign(Sign::SoftReboot(_))) => {
                    let now = Instant::now();
                    end = now + until.saturating_duration_since(now) / 2;
                    late = Attempt::Done;
                    // What comes from now on is what `boot.py` prints.
                    self.line.let_go_on_the_way();
                }
                _ => {}
            }
        }
        Ok(late)
    }
}
