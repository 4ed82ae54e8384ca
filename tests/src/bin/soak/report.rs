//! The counts of what has happened so far.

use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many complaints are printed.
const SHOWN: u64 = 50;

#[derive(Debug, Default)]
pub(crate) struct Report {
    operations: AtomicU64,
    excused: AtomicU64,
    wrong: AtomicU64,
    hung: AtomicU64,
    lost: AtomicU64,
}

impl Report {
    /// An operation gave the right result.
    pub(crate) fn right(&self) {
        self.operations.fetch_add(1, Ordering::Relaxed);
    }

    /// An operation ended in an error that was to be expected.
    pub(crate) fn excused(&self) {
        self.right();
        self.excused.fetch_add(1, Ordering::Relaxed);
    }

    /// How many operations ended in an error that was to be expected.
    pub(crate) fn count_of_excused(&self) -> u64 {
        self.excused.load(Ordering::Relaxed)
    }

    /// An operation gave a wrong result.
    pub(crate) fn wrong(&self, complaint: &str) {
        self.complain(&self.wrong, "wrong", complaint);
    }

    /// An operation did not end.
    pub(crate) fn hung(&self, complaint: &str) {
        self.complain(&self.hung, "hung", complaint);
    }

    /// An operation ended in an error that nothing explains.
    pub(crate) fn lost(&self, complaint: &str) {
        self.complain(&self.lost, "lost", complaint);
    }

    fn complain(&self, count: &AtomicU64, what: &str, complaint: &str) {
        self.right();
        count.fetch_add(1, Ordering::Relaxed);
        if self.failures() <= SHOWN {
            eprintln!("\n{what}: {complaint}");
        }
    }

    fn failures(&self) -> u64 {
        let counts = [&self.wrong, &self.hung, &self.lost];
        counts.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    /// Whether there were operations, and none has failed.
    pub(crate) fn is_clean(&self) -> bool {
        self.failures() == 0 && self.operations.load(Ordering::Relaxed) > 0
    }

    pub(crate) fn progress(&self, seconds_left: u64) {
        eprint!("\r{self}, {seconds_left} s left  ");
        let _ = std::io::stderr().flush();
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [operations, wrong, hung, lost] = [&self.operations, &self.wrong, &self.hung, &self.lost]
            .map(|count| count.load(Ordering::Relaxed));
        write!(
            f,
            "{operations} operations, {wrong} wrong, {hung} hung, {lost} lost"
        )
    }
}
