//! The state of threads on the board.

use std::time::Duration;

/// What a thread on the board is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ThreadState {
    /// It runs.
    Running,
    /// It waits at a stop point for an exclusive task to end.
    Paused,
    /// It was asked to stop, and has not reached a stop point yet or is cleaning up.
    Stopping,
    /// It ended because it was asked to stop, or because its `max_runtime_ms` was over.
    Stopped,
    /// Its body returned.
    Finished,
    /// Its body raised an exception, and it is not started again.
    Failed,
    /// The board was reset, or went out of reach, while it was running.
    Lost,
}

impl ThreadState {
    /// Whether it has not ended yet.
    pub fn is_running(self) -> bool {
        matches!(self, Self::Running | Self::Paused | Self::Stopping)
    }
}

/// A thread on the board, as it was at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ThreadInfo {
    /// Its number, which no other thread of the session has.
    pub id: u32,
    /// Its name.
    pub name: String,
    /// What it is doing.
    pub state: ThreadState,
    /// How long it had been running when the board was last asked.
    pub run_time: Duration,
    /// How many times it was started again after an exception.
    pub restarts: u32,
}

impl ThreadInfo {
    /// A thread with this number and name that has just been started.
    pub fn new(id: u32, name: impl Into<String>) -> Self {
        Self {
            id,
            name: name.into(),
            state: ThreadState::Running,
            run_time: Duration::ZERO,
            restarts: 0,
        }
    }
}
