//! What is known of a board's counter, in which epoch.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::estimator::{Estimator, Range};
use crate::agent::clock::Stamp;
use crate::session::returned::Returned;

/// How long it is of use that somebody has asked for the counter, where events have moments.
const LATELY: Duration = Duration::from_secs(60);

/// A moment of this machine's clock, and how far it may be from what it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Moment {
    /// The moment.
    pub time: SystemTime,
    /// How far the real one may be from it.
    pub uncertainty: Duration,
}

/// What is known of a board's clock, from the exchanges with it.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct ClockEstimate {
    /// How far a moment that is told for now may be from the real one.
    pub uncertainty: Duration,
    /// How much faster than this machine's the board's clock runs, in millionths.
    pub drift_ppm: f64,
    /// How far the real drift may be from that.
    pub drift_uncertainty_ppm: f64,
    /// How many exchanges it is made of.
    pub exchanges: usize,
}

/// What is known of the board of a session.
#[derive(Debug, Default)]
pub(in crate::session) struct Known(Mutex<State>);

impl Known {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A value with its moment, as good as that can be told; nothing where it has none.
    pub(in crate::session) fn of(&self, returned: &Returned) -> Option<Returned> {
        let (stamp, asked, came, epoch) = returned.stamp()?;
        let mut state = self.state();
        let between = Range {
            from: state.micros(asked),
            to: state.micros(came),
        };
        let Stamp { ticks, period, repr } = stamp;
        let range = if state.is_beyond(epoch) {
            // It was told before a reset, and is read after it.
            let mut alone = Estimator::new(*period);
            alone.add(*ticks, between);
            alone.moment(*ticks, between.to)?
        } else {
            state.add(epoch, *period, *ticks, between);
            state.of(epoch)?.moment(*ticks, between.to)?
        };
        let Moment { time, uncertainty } = state.moment(range, came);
        let time = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Some(Returned::at(time, uncertainty, repr))
    }
}

#[derive(Debug)]
pub(super) struct State {
    /// What moments are counted from.
    origin: Instant,
    /// What is known, and of which epoch.
    estimator: Option<(u64, Estimator)>,
    /// When somebody last asked for the counter, and in which epoch.
    pub(super) measured: Option<(u64, Instant)>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            origin: Instant::now(),
            estimator: None,
            measured: None,
        }
    }
}

impl State {
    pub(super) fn of(&self, epoch: u64) -> Option<&Estimator> {
        let (of, estimator) = self.estimator.as_ref()?;
        (*of == epoch).then_some(estimator)
    }

    /// Whether something is known of a later epoch.
    fn is_beyond(&self, epoch: u64) -> bool {
        self.estimator.as_ref().is_some_and(|(of, _)| *of > epoch)
    }

    /// Whether it is some time since somebody asked for the counter in this epoch.
    pub(super) fn is_due(&self, epoch: u64) -> bool {
        let lately = |(of, at): (u64, Instant)| of == epoch && at.elapsed() < LATELY;
        !self.measured.is_some_and(lately)
    }

    pub(super) fn add(&mut self, epoch: u64, period: u64, ticks: u64, between: Range) {
        let known = |(of, estimator): &(u64, Estimator)| *of == epoch && estimator.period() == period;
        if !self.estimator.as_ref().is_some_and(known) {
            self.estimator = Some((epoch, Estimator::new(period)));
        }
        if let Some((_, estimator)) = &mut self.estimator {
            estimator.add(ticks, between);
        }
    }

    pub(super) fn estimate(&self, epoch: u64) -> Option<ClockEstimate> {
        let estimator = self.of(epoch)?;
        let now = self.micros(Instant::now());
        let moment = estimator.moment(estimator.ticks(now)?, now)?;
        let rate = estimator.rate();
        let ppm = |of: f64| of * 1e6;
        Some(ClockEstimate {
            uncertainty: micros(moment.half()),
            drift_ppm: ppm(1.0 / rate.middle() - 1.0),
            drift_uncertainty_ppm: ppm(rate.half()),
            exchanges: estimator.exchanges(),
        })
    }

    /// A moment as the estimator has it. It may be before the origin.
    pub(super) fn micros(&self, moment: Instant) -> f64 {
        let since = moment.saturating_duration_since(self.origin).as_secs_f64();
        let before = self.origin.saturating_duration_since(moment).as_secs_f64();
        (since - before) * 1e6
    }

    /// The middle of a range, by this machine's clock as it is now.
    pub(super) fn moment(&self, range: Range, near: Instant) -> Moment {
        let ago = self.micros(near) - range.middle();
        let (now, past) = (SystemTime::now(), near.elapsed());
        let near = now.checked_sub(past).unwrap_or(now);
        let time = if ago < 0.0 {
            near.checked_add(micros(-ago))
        } else {
            near.checked_sub(micros(ago))
        };
        let time = time.unwrap_or(near);
        let uncertainty = micros(range.half());
        Moment { time, uncertainty }
    }
}

/// So many microseconds, which a float may say of any size.
fn micros(many: f64) -> Duration {
    Duration::try_from_secs_f64(many / 1e6).unwrap_or_default()
}
