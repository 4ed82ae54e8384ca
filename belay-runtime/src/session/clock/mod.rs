//! The board's counter of microseconds beside the host's clock.

mod estimator;
pub(super) mod known;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::Session;
use super::connection::Connection;
use super::returned::Returned;
use crate::agent::clock;
use crate::error::{Phase, Result};
use crate::link::Request;
use crate::python::{Arguments, Timestamp};
use estimator::Range;
use known::Known;
pub use known::{ClockEstimate, Moment};

/// How many exchanges are made to measure: enough for one that nothing holds up.
const EXCHANGES: usize = 8;
/// How long before a second of the host's the board is told to set its clock then.
const AHEAD: Duration = Duration::from_millis(150);

/// The clock of a board, beside that of this machine: see [`Device::clock`](crate::Device::clock).
///
/// What is measured is the counter that `time.ticks_us()` gives on the board. Each exchange with the board says between
/// which two moments the counter was so much. Of these ranges, and of what two of them say of how fast the counter runs, the
/// middle of what is possible is the estimate, and its uncertainty how wide that is. It holds as long as the board's crystal
/// is within a thousandth of what it should be, and changes by less than five millionths within ten minutes.
///
/// The counter begins again every 18 minutes on most boards, which does not show here as long as there is an exchange within
/// a few days. A reset of the board, and a sleep that stops the counter, have the estimate begun anew.
#[derive(Debug, Clone)]
pub struct Clock {
    session: Session,
}

impl Clock {
    pub(crate) fn new(session: &Session) -> Self {
        let session = session.clone();
        Self { session }
    }

    /// Makes some exchanges with the board, and says what is known then. The first one in a session takes more time, as it
    /// brings the board what it needs for them.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) on a board without `time.ticks_us` or
    /// `time.monotonic_ns`, or with a few kilobytes of memory; and whatever can become of any call.
    ///
    /// # Cancel safety
    ///
    /// The exchanges that were made are of use.
    ///
    /// ```no_run
    /// # async fn example(device: belay_runtime::Device) -> belay_runtime::Result<()> {
    /// let clock = device.clock().measure().await?;
    /// println!("{:+.1} ppm, told within {:?}", clock.drift_ppm, clock.uncertainty);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn measure(&self) -> Result<ClockEstimate> {
        let session = &self.session;
        let deadline = session.execute_deadline();
        let measuring = session.unless_closing(async {
            let _turn = session.shared(deadline).await?;
            let connection = session.connection(deadline).await?;
            let exchanging = async {
                connection.provide_clock().await?;
                for _ in 1..EXCHANGES {
                    self.exchange(&connection).await?;
                }
                self.exchange(&connection).await
            };
            let last = exchanging.await;
            last.inspect_err(|error| session.report(&connection, error))
        });
        Box::pin(measuring).await
    }

    /// What is known; nothing before the first exchange since the board was connected or reset.
    pub fn estimate(&self) -> Option<ClockEstimate> {
        self.known().state().estimate(self.session.epoch())
    }

    /// When the board's counter was `ticks`: what `time.ticks_us()` gave not long ago, or is going to give before long.
    /// Nothing before the first exchange since the board was connected or reset.
    pub fn moment(&self, ticks: u64) -> Option<Moment> {
        let known = self.known();
        let state = known.state();
        let now = Instant::now();
        let estimator = state.of(self.session.epoch())?;
        let range = estimator.moment(ticks, state.micros(now))?;
        Some(state.moment(range, now))
    }

    /// Sets the board's clock to this machine's time, in UTC, as `ntptime` does: at the moment at which a second begins, by
    /// the estimate, which is measured where there is none. The moment by which that was missed is given, which is a few
    /// microseconds unless the board was held up.
    ///
    /// # Errors
    ///
    /// As [`measure`](Self::measure); [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) where there is no clock that
    /// Python can set.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future interrupts the board; whether its clock was set is not known then.
    pub async fn set_rtc(&self) -> Result<Duration> {
        if self.estimate().is_none() {
            self.measure().await?;
        }
        let session = &self.session;
        let deadline = session.execute_deadline();
        let setting = session.unless_closing(async {
            let _turn = session.shared(deadline).await?;
            let connection = session.connection(deadline).await?;
            let (second, ticks) = self.next_second()?;
            let ask = clock::set_rtc(second, ticks)?;
            let late: u64 = match connection.ask(ask, deadline.max(Duration::from_secs(3))).await {
                Ok(late) => late.to()?,
                Err(error) if error.exception().is_some_and(|raised| raised.is("ImportError")) => {
                    return Err(connection.unsupported("a clock that Python can set"));
                }
                Err(error) => {
                    session.report(&connection, &error);
                    return Err(error.in_phase(Phase::Execute));
                }
            };
            Ok(Duration::from_micros(late))
        });
        Box::pin(setting).await
    }

    /// The next second of this machine's clock for which there is time enough, and what the counter is when it begins.
    fn next_second(&self) -> Result<(Told, u64)> {
        let known = self.known();
        let state = known.state();
        let (now, time) = (Instant::now(), SystemTime::now());
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let second = Duration::from_secs((since + AHEAD).as_secs() + 1);
        let at = now + second.saturating_sub(since);
        let ticks = state.of(self.session.epoch());
        let ticks = ticks.and_then(|estimator| estimator.ticks(state.micros(at)));
        // It was reset since it was measured.
        let ticks = ticks.ok_or_else(|| self.session.error(crate::error::ErrorKind::Reset))?;
        Ok((told(UNIX_EPOCH + second)?, ticks))
    }

    async fn exchange(&self, connection: &Arc<Connection>) -> Result<ClockEstimate> {
        let deadline = connection.execute_deadline();
        let function = clock::NOW.to_owned();
        let arguments = Arguments::new();
        let asked = Instant::now();
        let answer = connection
            .link
            .request(Request::Call { function, arguments }, deadline)
            .await;
        let answer = answer.map_err(|error| connection.explain(error, None))?;
        let came = Instant::now();
        let (ticks, period): (u64, u64) = Returned::from(answer).to()?;
        let known = self.known();
        let mut state = known.state();
        let between = Range {
            from: state.micros(asked),
            to: state.micros(came),
        };
        state.add(connection.epoch(), period, ticks, between);
        state.measured = Some((connection.epoch(), came));
        // It is there: one was added.
        state
            .estimate(connection.epoch())
            .ok_or_else(|| self.session.error(crate::error::ErrorKind::Reset))
    }

    fn known(&self) -> Arc<Known> {
        self.session.moments()
    }
}

impl Session {
    /// A value with its moment, as good as that can be told; all others as they are.
    pub(super) fn with_moment(&self, returned: &Returned) -> Option<Returned> {
        // Most have none.
        returned.stamp()?;
        self.moments().of(returned)
    }

    /// What is known of the board's clock.
    pub(super) fn moments(&self) -> Arc<Known> {
        self.inner.context.get_or_insert_with(Known::default)
    }

    /// Measures the board's clock, unless that was done not long ago.
    pub(super) async fn keep_clock(&self) {
        let due = self.moments().state().is_due(self.epoch());
        if due && let Err(error) = Clock::new(self).measure().await {
            tracing::debug!(device = self.name(), %error, "the board's clock could not be measured");
        }
    }
}

/// A second, as boards are told it: year, month, day, weekday from 0 for Monday, hour, minute, second.
type Told = (u16, u8, u8, u8, u8, u8, u8);

fn told(second: SystemTime) -> Result<Told> {
    let literal = crate::python::to_literal(&Timestamp(second))?;
    let (year, month, day, hour, minute, second, weekday, _): (u16, u8, u8, u8, u8, u8, u8, u16) =
        crate::python::from_repr(literal.as_bytes())?;
    Ok((year, month, day, weekday, hour, minute, second))
}
