//! The simulated line: two directions, each with its own delay and faults.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use belay_runtime::transport::TransportError;
use tokio::time::Instant;

use crate::choices::Choices;
use crate::port::Port;
use crate::trace::{Passed, Trace, Way};

/// What can happen to a byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is lost.
    Drop,
    /// It comes twice.
    Repeat,
    /// One of its bits is inverted.
    Flip,
    /// It comes late, and so does everything behind it.
    Delay,
    /// A byte that was not sent comes before it.
    Insert,
    /// It and a number of bytes behind it are lost.
    Gap,
}

/// All kinds of faults.
pub(crate) const FAULTS: [Fault; 6] = [
    Fault::Drop,
    Fault::Repeat,
    Fault::Flip,
    Fault::Delay,
    Fault::Insert,
    Fault::Gap,
];

/// After how long TCP sends again what was lost, in packets of which so many in a thousand are: what is behind it waits for
/// that, too, and for twice as long if it is lost again.
const AGAIN: Duration = Duration::from_millis(200);
const LOST: u64 = 10;

/// How often both ends may look at the line before any time passes. All the calls of a schedule together take a few
/// thousand looks.
const LOOKS: u32 = 200_000;

/// The properties of a line without faults.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Nature {
    /// How long a byte travels.
    pub(crate) latency: Duration,
    /// How many bytes the line carries per millisecond; `None` if it is not limited.
    pub(crate) speed: Option<usize>,
    /// Whether the line has flow control: the sender waits while the board cannot take more.
    pub(crate) flow_control: bool,
    /// What it follows from which packets are lost, on the way over a network: they are sent again, and come late.
    pub(crate) losses: Option<u64>,
}

impl Nature {
    /// How much of the time that anything takes may be the line's.
    pub(crate) fn takes(&self) -> Duration {
        let carries = match self.speed {
            Some(_) => Duration::from_secs(3),
            None => Duration::from_millis(700),
        };
        let again = self.losses.map_or(Duration::ZERO, |_| AGAIN * 20);
        self.latency * 20 + carries + again
    }
}

/// The faults of one direction.
#[derive(Debug, Clone)]
pub(crate) struct Faults {
    /// Faults that each happen once, at a position counted from the time at which the faults begin.
    pub(crate) once: Vec<(u64, Fault)>,
    /// On average one in how many bytes is hit by a fault of one of the kinds below.
    pub(crate) rate: Option<u64>,
    /// The kinds of those faults.
    pub(crate) kinds: Vec<Fault>,
    /// Decides the details.
    pub(crate) choices: Choices,
}

#[derive(Debug)]
pub(crate) struct Lane {
    /// The bytes that are travelling, and when each arrives.
    pub(crate) bytes: VecDeque<(Instant, u8)>,
    faults: Option<Faults>,
    /// How many bytes have passed since the faults began, and which byte the next random fault hits.
    passed: u64,
    next: u64,
    /// How many more bytes are lost.
    gap: u64,
    /// When the last byte arrives, and how many bytes arrive in that millisecond.
    last: Option<Instant>,
    in_last: usize,
    /// Which packets are lost of those that a network carries, and when the last one was sent.
    losses: Option<Choices>,
    packet: Option<Instant>,
    pub(crate) waker: Option<Waker>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) nature: Nature,
    pub(crate) to_board: Lane,
    pub(crate) to_host: Lane,
    pub(crate) writer: Option<Waker>,
    /// How often the port was opened; a port that was opened before the last time is dead.
    pub(crate) opened: u64,
    /// Whether the port is missing.
    vanished: bool,
    /// Whether the cable is cut, so that nothing gets through.
    cut: bool,
    /// Whether the board is to be reset from outside.
    power: bool,
    /// How often an end has accessed the line at this time, and whom to wake if that becomes an endless loop.
    looked: (Instant, u32),
    watcher: Option<Waker>,
    pub(crate) trace: Trace,
}

/// A shared handle to the line, for both ends and for whatever disturbs it.
#[derive(Debug, Clone)]
pub(crate) struct Line(Arc<Mutex<Inner>>);

impl Lane {
    fn new(losses: Option<u64>) -> Self {
        Self {
            bytes: VecDeque::new(),
            faults: None,
            passed: 0,
            next: u64::MAX,
            gap: 0,
            last: None,
            in_last: 0,
            losses: losses.map(Choices::seeded),
            packet: None,
            waker: None,
        }
    }

    fn begin(&mut self, mut faults: Faults) {
        self.passed = 0;
        self.next = match faults.rate {
            Some(rate) => faults.choices.gap(rate),
            None => u64::MAX,
        };
        faults.once.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        self.faults = Some(faults);
    }

    /// The fault that hits this byte, if any.
    fn fault(&mut self) -> Option<Fault> {
        let faults = self.faults.as_mut()?;
        let at = self.passed;
        self.passed += 1;
        if faults.once.last().is_some_and(|(place, _)| *place <= at) {
            return faults.once.pop().map(|(_, fault)| fault);
        }
        if at >= self.next {
            self.next = at + faults.choices.gap(faults.rate.unwrap_or(u64::MAX / 4));
            let kinds = &faults.kinds;
            return Some(kinds[faults.choices.index(kinds.len())]);
        }
        None
    }

    fn push(&mut self, byte: u8, now: Instant, nature: &Nature) {
        let mut at = now + nature.latency;
        if let Some(last) = self.last
            && at <= last
        {
            at = last;
            if let Some(speed) = nature.speed
                && self.in_last >= speed
            {
                at = last + Duration::from_millis(1);
            }
        }
        if self.last == Some(at) {
            self.in_last += 1;
        } else {
            self.in_last = 1;
            self.last = Some(at);
        }
        self.bytes.push_back((at, byte));
    }

    /// Whether what is sent now is lost at first: all that is sent at one moment is one packet.
    fn lose_packet(&mut self, now: Instant, nature: &Nature) {
        let Some(losses) = &mut self.losses else { return };
        if self.packet.replace(now) == Some(now) {
            return;
        }
        let mut late = now + nature.latency;
        let mut again = AGAIN;
        while losses.chance(LOST) {
            late += again;
            again *= 2;
        }
        self.last = self.last.max(Some(late));
    }

    pub(crate) fn send(&mut self, bytes: &[u8], now: Instant, nature: &Nature) {
        self.lose_packet(now, nature);
        if self.faults.is_none() {
            for byte in bytes {
                self.push(*byte, now, nature);
            }
        } else {
            for byte in bytes {
                self.send_badly(*byte, now, nature);
            }
        }
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn send_badly(&mut self, byte: u8, now: Instant, nature: &Nature) {
        if self.gap > 0 {
            self.gap -= 1;
            return;
        }
        let fault = self.fault();
        let mut choose = |limit| {
            self.faults
                .as_mut()
                .map_or(0, |faults| faults.choices.below(limit))
        };
        match fault {
            None => self.push(byte, now, nature),
            Some(Fault::Drop) => {}
            Some(Fault::Repeat) => {
                self.push(byte, now, nature);
                self.push(byte, now, nature);
            }
            Some(Fault::Flip) => {
                let bit = choose(8);
                self.push(byte ^ 1 << bit, now, nature);
            }
            Some(Fault::Delay) => {
                let late = now + Duration::from_millis(1 + choose(60));
                self.last = self.last.max(Some(late));
                self.push(byte, now, nature);
            }
            Some(Fault::Insert) => {
                let other = choose(256).to_le_bytes()[0];
                self.push(other, now, nature);
                self.push(byte, now, nature);
            }
            Some(Fault::Gap) => self.gap = choose(40),
        }
    }

    fn heal(&mut self) {
        self.faults = None;
        self.gap = 0;
    }

    /// When the next byte arrives.
    pub(crate) fn next_arrival(&self) -> Option<Instant> {
        self.bytes.front().map(|(at, _)| *at)
    }
}

impl Inner {
    /// Counts an access of one of the ends. Virtual time stands still while there is anything to do, so an
    /// end that accesses the line in an endless loop would stop it for ever.
    pub(crate) fn look(&mut self, now: Instant) {
        let (at, looks) = &mut self.looked;
        *looks = if *at == now { *looks + 1 } else { 0 };
        *at = now;
        if *looks > LOOKS
            && let Some(watcher) = self.watcher.take()
        {
            watcher.wake();
        }
    }

    /// Whether bytes that are sent now are lost. With flow control they wait instead.
    pub(crate) fn loses(&self) -> bool {
        self.cut && !self.nature.flow_control
    }

    /// Whether bytes that were sent have to wait.
    pub(crate) fn holds(&self) -> bool {
        self.cut && self.nature.flow_control
    }

    /// Reconnects the cable; the bytes that waited arrive now.
    fn mend(&mut self) {
        self.cut = false;
        for waker in [self.to_board.waker.take(), self.to_host.waker.take()]
            .into_iter()
            .flatten()
        {
            waker.wake();
        }
    }
}

impl Line {
    /// A line without faults.
    pub(crate) fn new(nature: Nature, trace: Trace) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            nature,
            to_board: Lane::new(nature.losses),
            to_host: Lane::new(nature.losses.map(|seed| seed.wrapping_add(1))),
            writer: None,
            opened: 0,
            vanished: false,
            cut: false,
            power: false,
            looked: (Instant::now(), 0),
            watcher: None,
            trace,
        })))
    }

    pub(crate) fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens the host's end. An end that was opened before is dead from now on.
    ///
    /// # Errors
    ///
    /// When the port is not there.
    pub(crate) fn open(&self) -> Result<Port, TransportError> {
        let mut inner = self.inner();
        if inner.vanished {
            return Err(TransportError::Vanished("the simulated port".into()));
        }
        inner.opened += 1;
        // Closing a port discards what was not read.
        inner.to_host.bytes.clear();
        let opened = inner.opened;
        drop(inner);
        Ok(Port::new(self.clone(), opened))
    }

    /// Begins faults in one direction.
    pub(crate) fn spoil(&self, way: Way, faults: Faults) {
        let mut inner = self.inner();
        match way {
            Way::ToBoard => inner.to_board.begin(faults),
            Way::ToHost => inner.to_host.begin(faults),
        }
    }

    /// Ends all faults.
    pub(crate) fn heal(&self) {
        let mut inner = self.inner();
        inner.to_board.heal();
        inner.to_host.heal();
        inner.mend();
        inner.vanished = false;
    }

    /// Reconnects the cable.
    pub(crate) fn mend(&self) {
        self.inner().mend();
    }

    /// Brings the port back.
    pub(crate) fn appear(&self) {
        self.inner().vanished = false;
    }

    /// Cuts the cable.
    pub(crate) fn cut(&self) {
        self.inner().cut = true;
    }

    /// Removes the port: it fails, and cannot be opened again.
    pub(crate) fn vanish(&self) {
        let mut inner = self.inner();
        inner.vanished = true;
        inner.opened += 1;
        for waker in [inner.to_host.waker.take(), inner.writer.take()]
            .into_iter()
            .flatten()
        {
            waker.wake();
        }
    }

    /// Resets the board, as its button does.
    pub(crate) fn press_reset(&self) {
        let mut inner = self.inner();
        inner.power = true;
        if let Some(waker) = inner.to_board.waker.take() {
            waker.wake();
        }
    }

    /// Whether the board has been reset from outside since the last call of this.
    pub(crate) fn take_reset(&self) -> bool {
        std::mem::take(&mut self.inner().power)
    }

    /// Hands the board each byte that has arrived, for as long as `take` accepts them. Returns when more will
    /// arrive.
    pub(crate) fn receive(
        &self,
        now: Instant,
        waker: Option<&Waker>,
        mut take: impl FnMut(u8) -> bool,
    ) -> Option<Instant> {
        let mut inner = self.inner();
        inner.look(now);
        let mut taken = Vec::new();
        while let Some((at, byte)) = inner.to_board.bytes.front().copied() {
            if inner.holds() || at > now || !take(byte) {
                break;
            }
            taken.push(byte);
            inner.to_board.bytes.pop_front();
        }
        if !taken.is_empty() {
            inner.trace.bytes(now, Way::ToBoard, &taken);
            if let Some(writer) = inner.writer.take() {
                writer.wake();
            }
        }
        if let Some(waker) = waker {
            inner.to_board.waker = Some(waker.clone());
        }
        inner.to_board.next_arrival().filter(|at| *at > now)
    }

    /// Sends bytes from the board.
    pub(crate) fn say(&self, bytes: &[u8]) {
        let now = Instant::now();
        let mut inner = self.inner();
        if inner.vanished || inner.loses() {
            return;
        }
        let nature = inner.nature;
        inner.to_host.send(bytes, now, &nature);
    }

    /// Resolves when one of the ends keeps virtual time from passing.
    pub(crate) async fn time_stands_still(&self) {
        poll_fn(|cx| {
            let mut inner = self.inner();
            if inner.looked.1 > LOOKS {
                return Poll::Ready(());
            }
            inner.watcher = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// When the last byte that the board has sent will have arrived, if the line has a limited speed.
    pub(crate) fn said_until(&self) -> Option<Instant> {
        let inner = self.inner();
        // A network takes what is on its way.
        let waits = inner.nature.speed.is_some() && inner.nature.losses.is_none();
        inner.to_host.last.filter(|_| waits)
    }

    /// Adds a note to the trace.
    pub(crate) fn note(&self, what: &dyn std::fmt::Display) {
        self.inner().trace.note(Instant::now(), what);
    }

    /// Records what goes over the line from now on.
    pub(crate) fn keep(&self) {
        self.inner().trace.keep();
    }

    /// The recording.
    pub(crate) fn take_kept(&self) -> Vec<Passed> {
        self.inner().trace.take_kept()
    }

    /// A hash of all bytes and their times.
    pub(crate) fn digest(&self) -> u64 {
        self.inner().trace.digest()
    }
}
