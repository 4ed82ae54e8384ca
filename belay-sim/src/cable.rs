//! The handle by which the cable between port and board is controlled.

use std::{
    os::fd::OwnedFd,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::Sender,
    },
    time::Duration,
};

use rustix::io::write;

use crate::{
    error::{Error, Result},
    fault::{Direction, Fault, Rates},
    pump::Command,
};

/// The cable between a port and its board. It can be made faulty while it is in use.
///
/// Every fault is off at first. A change takes effect for the bytes that reach the cable after it; the
/// methods do not wait for that.
#[derive(Debug, Clone)]
pub struct Cable {
    commands: Sender<Command>,
    wake: Arc<OwnedFd>,
    counts: Arc<Counts>,
}

/// Counts of what has gone over the cable since the board was started.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) to_board: Arc<AtomicU64>,
    pub(crate) to_host: Arc<AtomicU64>,
    pub(crate) turns: Arc<AtomicU64>,
}

impl Cable {
    pub(crate) fn new(commands: Sender<Command>, wake: Arc<OwnedFd>, counts: Arc<Counts>) -> Self {
        Self {
            commands,
            wake,
            counts,
        }
    }

    pub(crate) fn send(&self, command: Command) -> Result<()> {
        self.commands.send(command).map_err(|_| Error::Stopped)?;
        write(&self.wake, &1_u64.to_ne_bytes())
            .map_err(|error| Error::io("waking the cable")(error.into()))?;
        Ok(())
    }

    /// Sets the rates of random faults. The same seed and the same bytes give the same faults.
    ///
    /// # Errors
    /// When the board has stopped.
    pub fn set_rates(&self, direction: Direction, rates: Rates, seed: u64) -> Result<()> {
        self.send(Command::Rates(direction, rates, seed))
    }

    /// Lets a fault happen exactly once, at the `nth` byte from now; the next byte is number 0.
    ///
    /// # Errors
    /// When the board has stopped.
    pub fn once(&self, direction: Direction, nth: u64, fault: Fault) -> Result<()> {
        self.send(Command::Plan(direction, nth, fault))
    }

    /// Limits both directions to a speed in bits per second, with ten bits to the byte; `None` is no limit.
    ///
    /// # Errors
    /// When the board has stopped.
    pub fn set_baud(&self, baud: Option<u32>) -> Result<()> {
        self.send(Command::Baud(baud))
    }

    /// How many bytes were sent in this direction since the board was started, including those that the cable
    /// lost.
    pub fn carried(&self, direction: Direction) -> u64 {
        match direction {
            Direction::ToBoard => &self.counts.to_board,
            Direction::ToHost => &self.counts.to_host,
        }
        .load(Ordering::Relaxed)
    }

    /// How often the direction has changed from the board's output to input for the board, since the board
    /// was started. Where both sides send at once, the number is reproducible only if they [take
    /// turns](Self::take_turns).
    pub fn turns(&self) -> u64 {
        self.counts.turns.load(Ordering::Relaxed)
    }

    /// Makes the two sides take turns, as over a half-duplex line: what one side sends is held back until
    /// that side has sent nothing for `quiet`. The same conversation is then carried in the same pieces each
    /// time, however busy the machine is. `None` ends that.
    ///
    /// # Errors
    /// When the board has stopped.
    pub fn take_turns(&self, quiet: Option<Duration>) -> Result<()> {
        self.send(Command::TakeTurns(quiet))
    }

    /// Cuts the cable: until it is [healed](Self::heal), all bytes are lost in both directions.
    ///
    /// # Errors
    /// When the board has stopped.
    pub fn cut(&self) -> Result<()> {
        self.send(Command::Cut(true))
    }

    /// Makes the cable a good one again: no faults, no speed limit, not cut.
    ///
    /// # Errors
    /// When the board has stopped.
    pub fn heal(&self) -> Result<()> {
        self.send(Command::Heal)
    }
}
