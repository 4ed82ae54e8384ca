//! The estimate held against a clock that drifts, over a line that takes its time.

use proptest::prelude::*;

use super::*;

const SECOND: f64 = 1e6;
/// Where counters of microseconds begin again.
const PERIOD: u64 = 1 << 30;

/// A board's counter, in the host's microseconds.
#[derive(Debug, Clone, Copy)]
struct Board {
    /// What it was at the moment 0.
    began: f64,
    /// How much too fast it is, as a part.
    drift: f64,
    /// How far that wanders, as a part, and how long it takes for once there and back.
    wander: f64,
    turn: f64,
}

impl Board {
    /// The counter at a moment, as if it never began again.
    fn exact(self, moment: f64) -> f64 {
        let phase = std::f64::consts::TAU / self.turn;
        let wandered = self.wander / phase * (1.0 - (moment * phase).cos());
        self.began + moment * (1.0 + self.drift) + wandered
    }

    /// A moment before the counter began is one of a period before.
    #[expect(clippy::cast_possible_truncation)]
    fn ticks(self, moment: f64) -> u64 {
        let exact = self.exact(moment).floor() as i128;
        let ticks = exact.rem_euclid(i128::from(PERIOD));
        u64::try_from(ticks).expect("it is less than the period")
    }
}

fn exchange(estimator: &mut Estimator, board: Board, sent: f64, there: f64, back: f64) {
    let came = sent + there + back;
    let between = Range { from: sent, to: came };
    estimator.add(board.ticks(sent + there), between);
}

/// That what is said of a moment is true.
fn holds(estimator: &Estimator, board: Board, moment: f64) -> Range {
    let said = estimator.moment(board.ticks(moment), moment).unwrap();
    let error = (said.middle() - moment).abs();
    assert!(
        error <= said.half() + WHOLE,
        "off by {error} of {} at {moment} with {board:?}",
        said.half()
    );
    said
}

prop_compose! {
    fn boards()(
        began in 0.0..2e9,
        drift in -4e-4..4e-4,
        wander in 0.0..2e-6,
        turn in 600e6..6000e6,
    ) -> Board {
        Board { began, drift, wander, turn }
    }
}

proptest! {
    #[test]
    fn the_error_is_never_larger_than_is_said(
        board in boards(),
        exchanges in prop::collection::vec((1e3..60e6, 50.0..20e3, 50.0..20e3), 1..120),
    ) {
        let mut estimator = Estimator::new(PERIOD);
        let mut now = 0.0;
        for (pause, there, back) in exchanges {
            now += pause;
            exchange(&mut estimator, board, now, there, back);
            now += there + back;
            for before in [0.0, 0.3 * SECOND, 20.0 * SECOND] {
                holds(&estimator, board, now - before);
                holds(&estimator, board, now + before);
            }
            prop_assert!(estimator.exchanges() <= KEPT);
        }
    }

    #[test]
    fn it_becomes_as_good_as_the_best_exchange_and_knows_the_drift(board in boards(), seed: u64) {
        let mut estimator = Estimator::new(PERIOD);
        let mut random = seed | 1;
        let mut next = || {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            f64::from(u32::try_from(random >> 40).unwrap()) / f64::from(1 << 24)
        };
        let mut now = 0.0;
        for nth in 0..300 {
            // One in ten is quick.
            let slow = if nth % 10 == 0 { 1.0 } else { 30.0 };
            exchange(&mut estimator, board, now, 200.0 + 100.0 * slow * next(), 200.0 + 100.0 * slow * next());
            now += SECOND;
        }
        let said = holds(&estimator, board, now);
        // The slow ones are uncertain by 1.7 ms on average; a quick one by 0.25 ms, and by more the longer it is ago.
        prop_assert!(said.half() < 1_000.0, "{said:?}");
        let rate = estimator.rate();
        let real = 1.0 / (1.0 + board.drift);
        prop_assert!(rate.from - 1e-9 <= real && real <= rate.to + 1e-9, "{rate:?} {real}");
        prop_assert!(rate.half() < 20e-6, "{rate:?}");
    }

    #[test]
    fn what_the_counter_will_be_is_what_it_is_then(board in boards(), ahead in 0.0..10e6) {
        let mut estimator = Estimator::new(PERIOD);
        for nth in 0..30 {
            exchange(&mut estimator, board, f64::from(nth) * SECOND, 300.0, 300.0);
        }
        let then = 30.0 * SECOND + ahead;
        let ticks = estimator.ticks(then).unwrap();
        let said = estimator.moment(ticks, then).unwrap();
        prop_assert!((said.middle() - then).abs() < 5.0, "{said:?} {then}");
    }

    #[test]
    fn whatever_comes_something_is_said_and_little_is_kept(
        period in prop_oneof![Just(0), Just(1), Just(PERIOD), any::<u64>()],
        exchanges in prop::collection::vec((any::<u64>(), -1e12..1e12, 0.0..1e9), 1..80),
    ) {
        let mut estimator = Estimator::new(period);
        for (ticks, from, width) in exchanges {
            estimator.add(ticks, Range { from, to: from + width });
            prop_assert!((1..=KEPT).contains(&estimator.exchanges()));
            let said = estimator.moment(ticks, from).unwrap();
            prop_assert!(said.middle().is_finite(), "{said:?}");
            prop_assert!(estimator.ticks(from).is_some());
        }
    }
}

#[test]
fn nothing_is_said_before_the_first_exchange() {
    let estimator = Estimator::new(PERIOD);
    assert_eq!(estimator.moment(5, 0.0), None);
    assert_eq!(estimator.ticks(0.0), None);
}

#[test]
fn a_counter_that_begins_again_goes_on() {
    let board = Board {
        began: f64::from(1 << 30) - 5.0 * SECOND,
        drift: 3e-5,
        wander: 0.0,
        turn: 600e6,
    };
    let mut estimator = Estimator::new(PERIOD);
    // Each time it is asked, it has begun again several times but for the first.
    for moment in [0.0, 10.0, 500.0, 5000.0, 40_000.0, 400_000.0] {
        let moment = moment * SECOND;
        exchange(&mut estimator, board, moment, 300.0, 300.0);
        holds(&estimator, board, moment + 4.0 * SECOND);
        holds(&estimator, board, moment - 4.0 * SECOND);
    }
}

#[test]
fn a_counter_that_stood_still_is_begun_anew() {
    let mut board = Board {
        began: 0.0,
        drift: 0.0,
        wander: 0.0,
        turn: 600e6,
    };
    let mut estimator = Estimator::new(PERIOD);
    for nth in 0..10 {
        exchange(&mut estimator, board, f64::from(nth) * SECOND, 300.0, 300.0);
    }
    assert_eq!(estimator.exchanges(), 10);
    // It has slept for three seconds.
    board.began -= 3.0 * SECOND;
    exchange(&mut estimator, board, 20.0 * SECOND, 300.0, 300.0);
    assert_eq!(estimator.exchanges(), 1);
    let said = holds(&estimator, board, 20.0 * SECOND);
    assert!(said.half() < 400.0);
}
