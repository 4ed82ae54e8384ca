//! What a board's counter of microseconds was when, from exchanges with it. It has no clock of its own: moments are
//! microseconds from one of the host's.
//!
//! Each exchange says between which two moments the counter was so much, which cannot be wrong. How fast the counter runs is
//! known within bounds: those of any crystal at first, and then those that two exchanges leave. So whatever is said of another
//! moment is a range, too, and the estimate is the middle of where all ranges overlap. The exchanges with the smallest round
//! trip decide it.

/// How far any board's crystal may be from what it should be, as a part of it.
const CRYSTAL: f64 = 1e-3;
/// How far it may get from that within the time that is looked at, as it becomes warmer or colder.
const WANDER: f64 = 5e-6;
/// How long an exchange is of use, in microseconds.
const WINDOW: f64 = 600e6;
/// How many exchanges are kept.
const KEPT: usize = 24;
/// Two moments that are no further apart than this may be told in the wrong order, in microseconds: the counter is whole.
const WHOLE: f64 = 1.0;

/// A range of moments, or of rates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Range {
    pub(super) from: f64,
    pub(super) to: f64,
}

impl Range {
    const ALL: Self = Self {
        from: f64::NEG_INFINITY,
        to: f64::INFINITY,
    };

    pub(super) fn middle(self) -> f64 {
        f64::midpoint(self.from, self.to)
    }

    /// How far the middle is from the ends.
    pub(super) fn half(self) -> f64 {
        (self.to - self.from).abs() / 2.0
    }

    fn and(self, other: Self) -> Self {
        Self {
            from: self.from.max(other.from),
            to: self.to.min(other.to),
        }
    }

    fn wider(self, by: f64) -> Self {
        Self {
            from: self.from - by,
            to: self.to + by,
        }
    }

    fn is_empty(self) -> bool {
        self.from > self.to
    }
}

/// One exchange.
#[derive(Debug, Clone, Copy)]
struct Exchange {
    /// The counter, as if it never began again.
    ticks: f64,
    /// The moments between which it was that.
    between: Range,
}

/// What is known of a counter.
#[derive(Debug, Clone)]
pub(super) struct Estimator {
    /// After how many it begins again; 0 if it does not.
    period: u64,
    /// In the order of the counter.
    exchanges: Vec<Exchange>,
}

impl Estimator {
    pub(super) fn new(period: u64) -> Self {
        Self {
            period,
            exchanges: Vec::new(),
        }
    }

    pub(super) fn period(&self) -> u64 {
        self.period
    }

    /// How many exchanges the estimate is made of.
    pub(super) fn exchanges(&self) -> usize {
        self.exchanges.len()
    }

    /// The counter was this at some moment in this range. Where that cannot be, since it has stood still for instance, all
    /// that was known before is forgotten.
    pub(super) fn add(&mut self, ticks: u64, between: Range) {
        let exchange = Exchange {
            ticks: self.unwrapped(ticks, between.to),
            between: between.wider(WHOLE),
        };
        let fits = !self.at(exchange.ticks).and(exchange.between).is_empty();
        let at = { self.exchanges.iter() }.filter(|other| other.ticks <= exchange.ticks);
        let at = at.count();
        self.exchanges.insert(at, exchange);
        if !fits || self.rate_of_all().is_empty() {
            self.exchanges = vec![exchange];
        }
        let newest = self.exchanges.iter().map(|exchange| exchange.between.to);
        let newest = newest.fold(f64::NEG_INFINITY, f64::max);
        self.exchanges
            .retain(|exchange| newest - exchange.between.to <= WINDOW);
        if self.exchanges.len() > KEPT {
            self.thin_out();
        }
    }

    /// Forgets one exchange: of the two that are closest to each other the one that says less.
    fn thin_out(&mut self) {
        let gap = |at: &usize| self.exchanges[at + 1].ticks - self.exchanges[*at].ticks;
        let pairs = 0..self.exchanges.len().saturating_sub(1);
        let Some(at) = pairs.min_by(|a, b| gap(a).total_cmp(&gap(b))) else {
            return;
        };
        let width = |at: usize| self.exchanges[at].between.half();
        let worse = if width(at) > width(at + 1) { at } else { at + 1 };
        self.exchanges.remove(worse);
    }

    /// The counter at a moment near this one, as if it never began again.
    fn unwrapped(&self, ticks: u64, near: f64) -> f64 {
        let (Some(last), false) = (self.exchanges.last(), self.period == 0) else {
            return whole(ticks);
        };
        let expected = last.ticks + (near - last.between.middle()) / self.rate().middle();
        let period = whole(self.period);
        let turns = ((expected - whole(ticks)) / period).round();
        whole(ticks) + turns * period
    }

    /// How many of the host's microseconds one of the board's takes.
    pub(super) fn rate(&self) -> Range {
        let rate = self.rate_of_all();
        let known = if rate.is_empty() { CRYSTALS } else { rate };
        known.wider(WANDER)
    }

    fn rate_of_all(&self) -> Range {
        let mut rate = CRYSTALS;
        for (at, early) in self.exchanges.iter().enumerate() {
            for late in &self.exchanges[at + 1..] {
                let ticks = late.ticks - early.ticks;
                if ticks > 0.0 {
                    let between = Range {
                        from: (late.between.from - early.between.to) / ticks,
                        to: (late.between.to - early.between.from) / ticks,
                    };
                    rate = rate.and(between.wider(WANDER));
                }
            }
        }
        rate
    }

    /// When the counter was, or will be, this.
    fn at(&self, ticks: f64) -> Range {
        let rate = self.rate();
        let mut all = Range::ALL;
        for exchange in &self.exchanges {
            let past = ticks - exchange.ticks;
            let (least, most) = if past < 0.0 {
                (rate.to, rate.from)
            } else {
                (rate.from, rate.to)
            };
            all = all.and(Range {
                from: exchange.between.from + past * least,
                to: exchange.between.to + past * most,
            });
        }
        all
    }

    /// When the counter was this, at a moment near this one; nothing before the first exchange.
    pub(super) fn moment(&self, ticks: u64, near: f64) -> Option<Range> {
        let at = self.at(self.unwrapped(ticks, near));
        at.from.is_finite().then_some(at)
    }

    /// What the counter will be at a moment; nothing before the first exchange.
    pub(super) fn ticks(&self, moment: f64) -> Option<u64> {
        let last = self.exchanges.last()?;
        let mut ticks = last.ticks + (moment - last.between.middle()) / self.rate().middle();
        // The best exchange need not be the last one.
        ticks += (moment - self.at(ticks).middle()) / self.rate().middle();
        let ticks = if self.period == 0 {
            ticks
        } else {
            ticks.rem_euclid(whole(self.period))
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a float beyond the range becomes its end"
        )]
        Some(ticks as u64)
    }
}

const CRYSTALS: Range = Range {
    from: 1.0 - CRYSTAL,
    to: 1.0 + CRYSTAL,
};

#[expect(
    clippy::cast_precision_loss,
    reason = "microseconds of a hundred years are exact"
)]
fn whole(ticks: u64) -> f64 {
    ticks as f64
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
