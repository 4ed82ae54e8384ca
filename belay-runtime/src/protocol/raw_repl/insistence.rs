//! How hard a board is told to stop what it runs.

use std::time::Duration;

/// The pause between two successive Ctrl-Cs.
const PACE: Duration = Duration::from_millis(1);

/// How hard a board is told to stop what it runs.
///
/// A program that catches `KeyboardInterrupt` is stopped by a Ctrl-C that comes while it handles another one, or between
/// two rounds of its loop; how likely that is depends on how many come, and how closely.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Insistence {
    /// With one Ctrl-C and another for what the program does about the first.
    #[default]
    Gentle,
    /// With some forty, a millisecond apart.
    Burst,
    /// With a thousand, which takes a second or two.
    Flood,
}

impl Insistence {
    /// How many Ctrl-Cs are sent one behind the other.
    pub fn times(self) -> usize {
        match self {
            Self::Gentle => 1,
            Self::Burst => 39,
            Self::Flood => 1_000,
        }
    }

    /// The pause behind each of them. It is long enough for the slowest lines, so that nothing piles up there.
    pub fn pace(self) -> Duration {
        PACE
    }

    /// How many of the Ctrl-Cs are due when the timer for the next one is so late: each takes at most twice its
    /// pause. On a busy host fewer of them are sent, or there would be no time left for the board's answer.
    pub fn due(self, late: Duration) -> usize {
        let skipped = late.saturating_sub(PACE).as_micros() / PACE.as_micros();
        usize::try_from(skipped).map_or(usize::MAX, |skipped| skipped.saturating_add(1))
    }

    /// The next harder step. Beyond a flood there is only another flood.
    #[must_use]
    pub fn more(self) -> Self {
        match self {
            Self::Gentle => Self::Burst,
            Self::Burst | Self::Flood => Self::Flood,
        }
    }
}
