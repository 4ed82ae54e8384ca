//! How hard a board is told to stop what it runs.

use std::time::Duration;

/// The pause between two Ctrl-Cs that come one behind the other.
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
    /// How many Ctrl-Cs come one behind the other.
    pub fn times(self) -> usize {
        match self {
            Self::Gentle => 1,
            Self::Burst => 39,
            Self::Flood => 1_000,
        }
    }

    /// The pause behind each of them. It is slow enough for the slowest lines, so that nothing piles up before them.
    pub fn pace(self) -> Duration {
        PACE
    }

    /// How many of the Ctrl-Cs are due where a timer for the next one came so late: each takes twice its pause at most. On
    /// a busy host there are fewer of them, or there would be no time left for the board's answer.
    pub fn due(self, late: Duration) -> usize {
        let skipped = late.saturating_sub(PACE).as_micros() / PACE.as_micros();
        usize::try_from(skipped).map_or(usize::MAX, |skipped| skipped.saturating_add(1))
    }

    /// What may help where this has not. There is nothing beyond a flood but to try it again.
    #[must_use]
    pub fn more(self) -> Self {
        match self {
            Self::Gentle => Self::Burst,
            Self::Burst | Self::Flood => Self::Flood,
        }
    }
}
