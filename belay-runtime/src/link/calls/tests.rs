//! How requests are launched, and which of them got there.

use super::*;

const DEADLINE: Duration = Duration::from_secs(1);
const WINDOW: usize = 3;

struct Bench {
    calls: Calls,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        let now = Instant::now();
        let lines = Lines::new(Flavour::Resident, 1, true);
        let calls = Calls::new(Flavour::Resident, lines, now);
        Self { calls, now }
    }

    fn push(&mut self, id: u64, expression: &str) -> bool {
        let request = Request::Evaluate(expression.to_owned());
        let job = Job::of_ours(request, Sink::Batch(id), DEADLINE, self.now);
        self.calls.push(Job { id, ..job })
    }

    fn launch(&mut self) -> Option<Launched> {
        self.calls.launch(WINDOW, false, |_| true, self.now)
    }

    /// Launches so many.
    fn launched(many: u64) -> Self {
        let mut bench = Self::new();
        for id in 0..many {
            bench.push(id, "1");
            bench.launch().unwrap();
        }
        bench
    }

    fn ids(&self) -> Vec<u64> {
        self.calls.flying.iter().map(|flying| flying.job.id).collect()
    }
}

fn ids<'a>(flying: impl IntoIterator<Item = &'a Flying>) -> Vec<u64> {
    flying.into_iter().map(|flying| flying.job.id).collect()
}

#[test]
fn as_many_are_under_way_as_may_be_and_a_long_one_alone() {
    let mut bench = Bench::new();
    assert!(bench.push(0, "1"), "nothing was to do before");
    assert!(!bench.push(1, "1"));
    assert!(bench.launch().unwrap().first);
    assert!(!bench.launch().unwrap().first);
    bench.push(2, &"1".repeat(100));
    assert!(bench.launch().is_none(), "it goes alone");
    bench.calls.remove(0);
    bench.calls.remove(0);
    assert!(bench.launch().unwrap().first);
    bench.push(3, "1");
    assert!(bench.launch().is_none(), "and nothing beside it");
    let mut bench = Bench::launched(WINDOW as u64);
    bench.push(9, "1");
    assert!(bench.launch().is_none());
}

#[test]
fn nothing_is_sent_beside_what_is_about_to_be_interrupted() {
    let mut bench = Bench::launched(2);
    assert_eq!(
        bench.calls.cancel(1, bench.now),
        Cancelled::Flying { alone: false }
    );
    bench.push(2, "1");
    assert!(bench.launch().is_none());
    assert_eq!(bench.calls.cancel(2, bench.now), Cancelled::Queued);
    assert_eq!(bench.calls.cancel(2, bench.now), Cancelled::Unknown);
}

#[test]
fn where_a_board_has_no_room_only_one_is_sent_that_has_read_all() {
    let mut bench = Bench::new();
    bench.push(0, "1");
    assert!(bench.calls.launch(WINDOW, false, |_| false, bench.now).is_none());
    assert!(bench.calls.launch(WINDOW, true, |_| false, bench.now).is_some());
}

#[test]
fn what_the_board_expects_tells_which_requests_got_there() {
    let mut bench = Bench::launched(3);
    bench.calls.cancel(0, bench.now);
    let third = bench.calls.flying(2).number;
    let Arrived {
        lost,
        unwanted,
        answered,
    } = bench.calls.expects(third);
    assert_eq!((ids(&lost), ids(&unwanted), answered), (vec![2], vec![0], 1));
    assert_eq!(bench.ids(), [1]);
    for flying in lost {
        let (number, _) = bench.calls.launch_again(flying);
        assert_eq!(number, third, "it is the one that is expected");
    }
    assert_eq!(bench.ids(), [1, 2]);
}

#[test]
fn numbers_that_come_around_are_told_from_those_before_them() {
    let mut bench = Bench::new();
    for id in 0..=u64::from(NUMBERS) {
        bench.push(id, "1");
        let launched = bench.launch().unwrap();
        assert_eq!(bench.calls.place(launched.number.char()), Some(0));
        if id < u64::from(NUMBERS) {
            bench.calls.remove(0);
        }
    }
    let first = Number::default();
    assert_eq!(bench.calls.flying(0).number, first);
    assert_eq!(bench.calls.expects(first).lost.len(), 1, "it has not got there");
    assert_eq!(bench.calls.place(b'-'), None);
}
