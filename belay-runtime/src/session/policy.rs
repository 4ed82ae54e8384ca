//! The policy for lost connections and reset boards.

use std::time::Duration;

/// What a session does when its port is lost or its board was reset.
///
/// Whatever the policy, only tasks that are marked `idempotent` are repeated. Every other call that was in flight ends
/// with an error that says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReconnectPolicy {
    attempts: u32,
    first_pause: Duration,
    longest_pause: Duration,
    setups: bool,
    threads: bool,
}

impl ReconnectPolicy {
    /// Does nothing: the session is faulted, and its calls fail until [`Device::reset`](crate::Device::reset). This is
    /// the default.
    pub const fn never() -> Self {
        Self {
            attempts: 0,
            first_pause: Duration::from_millis(100),
            longest_pause: Duration::from_secs(5),
            setups: true,
            threads: true,
        }
    }

    /// Tries to reconnect up to this many times, with pauses from 100 ms that double up to 5 s. After a reset, the
    /// setups that had run are run again in their order with their arguments, and the threads that have `auto_restart`
    /// are started again.
    pub const fn attempts(attempts: u32) -> Self {
        let mut policy = Self::never();
        policy.attempts = attempts;
        policy
    }

    /// Sets the pause before the second attempt, which doubles with each further one, and the longest pause. There is
    /// no pause before the first attempt.
    #[must_use]
    pub const fn back_off(mut self, first: Duration, longest: Duration) -> Self {
        self.first_pause = first;
        self.longest_pause = longest;
        self
    }

    /// Sets whether the setups that had run are run again.
    #[must_use]
    pub const fn replay_setups(mut self, replay: bool) -> Self {
        self.setups = replay;
        self
    }

    /// Sets whether the threads that have `auto_restart` are started again.
    #[must_use]
    pub const fn restart_threads(mut self, restart: bool) -> Self {
        self.threads = restart;
        self
    }

    pub(super) fn is_never(&self) -> bool {
        self.attempts == 0
    }

    /// The policy for a reset that the user asks for: at least one attempt.
    pub(super) fn at_least_once(mut self) -> Self {
        self.attempts = self.attempts.max(1);
        self
    }

    /// Whether the setups that had run are run again.
    pub fn replays_setups(&self) -> bool {
        self.setups
    }

    /// Whether the threads that have `auto_restart` are started again.
    pub fn restarts_threads(&self) -> bool {
        self.threads
    }

    /// The pause before each attempt, the first one included.
    pub(super) fn pauses(&self) -> impl Iterator<Item = Duration> + Send + use<> {
        let (first, longest) = (self.first_pause, self.longest_pause);
        (0..self.attempts).map(move |attempt| match attempt {
            0 => Duration::ZERO,
            n => first.saturating_mul(1 << (n - 1).min(16)).min(longest),
        })
    }
}

impl Default for ReconnectPolicy {
    fn default() -> Self {
        Self::never()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let policy =
            ReconnectPolicy::attempts(5).back_off(Duration::from_millis(100), Duration::from_millis(350));
        let pauses: Vec<_> = policy.pauses().map(|pause| pause.as_millis()).collect();
        assert_eq!(pauses, [0, 100, 200, 350, 350]);
    }

    #[test]
    fn without_a_policy_a_reset_by_the_user_still_connects_once() {
        assert_eq!(ReconnectPolicy::never().pauses().count(), 0);
        assert_eq!(ReconnectPolicy::never().at_least_once().pauses().count(), 1);
    }
}
