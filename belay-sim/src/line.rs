//! One direction of the cable: the bytes that are travelling, and the faults that hit them.

use std::{
    collections::VecDeque,
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use crate::fault::{Fault, NOISE, Rates};

/// How many bytes may be travelling before the sender has to wait.
const CAPACITY: usize = 4096;

/// One direction of the cable.
#[derive(Debug, Default)]
pub(crate) struct Line {
    waiting: VecDeque<u8>,
    /// Delays: how many of the waiting bytes are in front of each, and when it ends.
    gaps: VecDeque<(usize, Instant)>,
    rates: Rates,
    random: fastrand::Rng,
    /// Faults that happen once, each with the number of bytes before it.
    planned: Vec<(u64, Fault)>,
    cut: bool,
    /// A fault of one of this line's bytes that concerns the whole cable.
    broken: Option<Break>,
    /// How many bytes were sent.
    carried: Arc<AtomicU64>,
    /// How long the sender has to be silent before its bytes are delivered, and when that time is over.
    quiet: Option<Duration>,
    quiet_from: Option<Instant>,
    /// Whether any byte was delivered since this was last asked.
    delivered: bool,
    /// The time that one byte takes.
    pace: Option<Duration>,
    next_due: Option<Instant>,
}

/// A fault of the whole cable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Break {
    Cut,
    Vanish,
}

impl Line {
    /// A line that counts the bytes that are sent, including lost ones, in `carried`.
    pub(crate) fn counting(carried: &Arc<AtomicU64>) -> Self {
        Self {
            carried: Arc::clone(carried),
            ..Self::default()
        }
    }

    /// Returns, once, a fault of one of this line's bytes that concerns the whole cable.
    pub(crate) fn take_break(&mut self) -> Option<Break> {
        self.broken.take()
    }

    pub(crate) fn set_rates(&mut self, rates: Rates, seed: u64) {
        self.rates = rates;
        self.random = fastrand::Rng::with_seed(seed);
    }

    /// Plans a fault for the `nth` byte from now; the next one is number 0.
    pub(crate) fn plan(&mut self, nth: u64, fault: Fault) {
        self.planned.push((nth, fault));
    }

    /// Holds back what is sent until the sender has been silent for this long.
    pub(crate) fn set_quiet(&mut self, quiet: Option<Duration>) {
        self.quiet = quiet;
        self.quiet_from = None;
    }

    /// Where the sides take turns: starts the silence anew, since it is still the other side's turn.
    pub(crate) fn stay_quiet(&mut self) {
        self.quiet_from = self.quiet.map(|quiet| Instant::now() + quiet);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether any byte was delivered since the last call of this.
    pub(crate) fn take_delivered(&mut self) -> bool {
        std::mem::take(&mut self.delivered)
    }

    pub(crate) fn set_cut(&mut self, cut: bool) {
        self.cut = cut;
        if cut {
            self.clear();
        }
    }

    /// Sets the speed in bits per second; a byte takes ten bits.
    pub(crate) fn set_baud(&mut self, baud: Option<u32>) {
        self.pace = baud.map(|baud| Duration::from_secs(10) / baud.max(1));
        self.next_due = None;
    }

    pub(crate) fn heal(&mut self) {
        self.rates = Rates::default();
        self.planned.clear();
        self.cut = false;
        self.set_baud(None);
    }

    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
        self.gaps.clear();
        self.next_due = None;
    }

    /// Whether the sender may send more.
    pub(crate) fn has_room(&self) -> bool {
        // Where bytes are held back until the sender is silent, all of them have to fit, or its silence would
        // never be seen.
        self.waiting.len() < CAPACITY || self.quiet.is_some()
    }

    /// Takes the bytes that the sender has sent, and passes them straight on if the cable has no faults.
    pub(crate) fn carry(&mut self, bytes: &[u8], sink: impl Write) -> io::Result<()> {
        self.carried.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        let clean = !self.cut && self.planned.is_empty() && self.rates.is_zero();
        self.stay_quiet();
        if clean && self.pace.is_none() && self.quiet.is_none() && self.waiting.is_empty() {
            let sent = write_some(sink, bytes)?;
            self.delivered |= sent > 0;
            self.waiting.extend(&bytes[sent..]);
            return Ok(());
        }
        for &byte in bytes {
            if self.cut || self.broken.is_some() {
                break;
            }
            self.spoil(byte);
        }
        self.deliver(sink)
    }

    /// Puts one byte on the line, with the fault that hits it.
    fn spoil(&mut self, byte: u8) {
        let mut fault = if self.rates.is_zero() {
            None
        } else {
            self.rates.draw(&mut self.random)
        };
        self.planned.retain_mut(|(nth, planned)| {
            if *nth == 0 {
                fault = Some(*planned);
                return false;
            }
            *nth -= 1;
            true
        });
        match fault {
            None => self.waiting.push_back(byte),
            Some(Fault::Drop) => {}
            Some(Fault::Repeat) => self.waiting.extend([byte, byte]),
            Some(Fault::Flip(mask)) => {
                let mask = if mask == 0 { 1 << self.random.u8(..8) } else { mask };
                self.waiting.push_back(byte ^ mask);
            }
            Some(Fault::Delay(by)) => {
                self.gaps.push_back((self.waiting.len(), Instant::now() + by));
                self.waiting.push_back(byte);
            }
            Some(Fault::Noise) => {
                self.waiting.extend(NOISE);
                self.waiting.push_back(byte);
            }
            Some(Fault::Cut) => self.broken = Some(Break::Cut),
            Some(Fault::Vanish) => self.broken = Some(Break::Vanish),
        }
    }

    /// Delivers the bytes that are due.
    pub(crate) fn deliver(&mut self, mut sink: impl Write) -> io::Result<()> {
        loop {
            let due = self.due(Instant::now());
            if due == 0 {
                return Ok(());
            }
            let (front, _) = self.waiting.as_slices();
            let due = due.min(front.len());
            let sent = write_some(&mut sink, &front[..due])?;
            self.delivered |= sent > 0;
            self.waiting.drain(..sent);
            for (before, _) in &mut self.gaps {
                *before = before.saturating_sub(sent);
            }
            if let (Some(pace), Some(next)) = (self.pace, &mut self.next_due) {
                *next += pace * u32::try_from(sent).unwrap_or(u32::MAX);
            }
            if sent < due {
                return Ok(());
            }
        }
    }

    /// How many of the waiting bytes are due.
    fn due(&mut self, now: Instant) -> usize {
        while self.gaps.front().is_some_and(|&(_, until)| until <= now) {
            self.gaps.pop_front();
        }
        let free = self
            .gaps
            .front()
            .map_or(self.waiting.len(), |&(before, _)| before);
        if self.quiet_from.is_some_and(|quiet| quiet > now) {
            return 0;
        }
        let Some(pace) = self.pace else { return free };
        if self.waiting.is_empty() {
            return 0;
        }
        let next = *self.next_due.get_or_insert(now + pace);
        if next > now {
            return 0;
        }
        let paced = (now - next).as_nanos() / pace.as_nanos().max(1) + 1;
        free.min(usize::try_from(paced).unwrap_or(usize::MAX))
    }

    /// Whether bytes are due and wait only until the receiver can take them.
    pub(crate) fn waits_for_sink(&mut self) -> bool {
        !self.waiting.is_empty() && self.due(Instant::now()) > 0
    }

    /// When the next byte is due, if bytes wait for their time.
    pub(crate) fn wakes_at(&mut self) -> Option<Instant> {
        if self.waiting.is_empty() {
            // The line is idle: the next byte need not keep a distance from the one before.
            self.next_due = None;
            return None;
        }
        let gap = self
            .gaps
            .front()
            .filter(|&&(before, _)| before == 0)
            .map(|&(_, until)| until);
        let quiet = self.quiet_from.filter(|&quiet| quiet > Instant::now());
        gap.or(self.next_due).max(quiet)
    }
}

/// Writes as much as the sink takes without blocking.
fn write_some(mut sink: impl Write, bytes: &[u8]) -> io::Result<usize> {
    match sink.write(bytes) {
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
            ) =>
        {
            Ok(0)
        }
        result => result,
    }
}
