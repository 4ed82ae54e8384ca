//! One direction of the cable: bytes on their way, and what happens to them there.

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

/// How many bytes may be on the way before the sender has to wait.
const CAPACITY: usize = 4096;

/// One direction of the cable.
#[derive(Debug, Default)]
pub(crate) struct Line {
    waiting: VecDeque<u8>,
    /// Bytes that may go only later: how many stand before the gap, and when it ends.
    gaps: VecDeque<(usize, Instant)>,
    rates: Rates,
    random: fastrand::Rng,
    /// Faults at the n-th byte from now.
    planned: Vec<(u64, Fault)>,
    cut: bool,
    /// What has happened to the whole cable at one of this line's bytes.
    broken: Option<Break>,
    /// How many bytes were sent.
    carried: Arc<AtomicU64>,
    /// How long the sender has to have sent nothing before anything goes on, and when that is over.
    quiet: Option<Duration>,
    quiet_from: Option<Instant>,
    /// Whether anything was handed over since this was asked.
    delivered: bool,
    /// The time that one byte takes.
    pace: Option<Duration>,
    next_due: Option<Instant>,
}

/// What happens to the whole cable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Break {
    Cut,
    Vanish,
}

impl Line {
    /// A line that counts the bytes that are sent, lost ones included.
    pub(crate) fn counting(carried: &Arc<AtomicU64>) -> Self {
        Self {
            carried: Arc::clone(carried),
            ..Self::default()
        }
    }

    /// What has happened to the whole cable at one of this line's bytes, told once.
    pub(crate) fn take_break(&mut self) -> Option<Break> {
        self.broken.take()
    }

    pub(crate) fn set_rates(&mut self, rates: Rates, seed: u64) {
        self.rates = rates;
        self.random = fastrand::Rng::with_seed(seed);
    }

    /// Lets a fault happen once, at the `nth` byte from now; the next one is the 0th.
    pub(crate) fn plan(&mut self, nth: u64, fault: Fault) {
        self.planned.push((nth, fault));
    }

    /// Holds what is sent until nothing has been sent for so long.
    pub(crate) fn set_quiet(&mut self, quiet: Option<Duration>) {
        self.quiet = quiet;
        self.quiet_from = None;
    }

    /// Where sides take turns: it is still the other one's.
    pub(crate) fn stay_quiet(&mut self) {
        self.quiet_from = self.quiet.map(|quiet| Instant::now() + quiet);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether anything was handed over since this was asked the last time.
    pub(crate) fn take_delivered(&mut self) -> bool {
        std::mem::take(&mut self.delivered)
    }

    pub(crate) fn set_cut(&mut self, cut: bool) {
        self.cut = cut;
        if cut {
            self.clear();
        }
    }

    /// Sets the speed in bits per second, ten of which are a byte.
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

    /// Whether the sender may send.
    pub(crate) fn has_room(&self) -> bool {
        // What is held has to fit, or its end would not be seen.
        self.waiting.len() < CAPACITY || self.quiet.is_some()
    }

    /// Carries what the sender has sent: straight through when nothing is wrong with the cable.
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

    /// Puts one byte on the line, with what happens to it.
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

    /// Hands over what is due.
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

    /// How many of the waiting bytes may go now.
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

    /// Whether bytes wait only for the receiver to take them.
    pub(crate) fn waits_for_sink(&mut self) -> bool {
        !self.waiting.is_empty() && self.due(Instant::now()) > 0
    }

    /// When the next byte is due, if bytes wait for a time to come.
    pub(crate) fn wakes_at(&mut self) -> Option<Instant> {
        if self.waiting.is_empty() {
            // The line was idle: the next byte starts afresh.
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

/// Writes what the sink takes at once.
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
