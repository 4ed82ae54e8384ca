//! How long things are waited for.

use std::time::Duration;

/// What stands for "for ever": no clock overflows with a few times as much.
pub(crate) const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// The same time, or for ever if it is longer than that.
pub(crate) fn bounded(time: Duration) -> Duration {
    time.min(LONGEST)
}
