//! What the tool itself takes of the machine that it runs on.

use std::fmt;
use std::fs;

use belay_tests::Held;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

/// How much more may be allocated at the end: buffers that were needed once, and are kept.
const MORE_ALLOCATED: usize = 1 << 20;
/// How much more the system may have given at the end. It is not given back piece by piece.
const MORE_RESIDENT: usize = 24 << 20;

/// What is taken at one moment, while nothing is under way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taken {
    /// What the system says that the process has in memory.
    resident: usize,
    /// What has been allocated and not freed.
    allocated: usize,
    /// Descriptors and tasks.
    held: Held,
}

impl Taken {
    /// What is taken now.
    pub(crate) fn now() -> Self {
        let stats = ALLOCATOR.stats();
        Self {
            resident: resident(),
            allocated: stats.bytes_allocated.saturating_sub(stats.bytes_deallocated),
            held: Held::now(),
        }
    }

    /// What there is more of now than before, if it is more than it may be.
    pub(crate) async fn growth(self) -> Option<String> {
        // What was closed last may be at its end only now.
        let held = self.held.settled().await;
        let now = Self::now();
        let leaked = now.allocated > self.allocated + MORE_ALLOCATED;
        let grown = now.resident > self.resident + MORE_RESIDENT;
        let memory = (leaked || grown).then(|| format!("memory has grown from {self:#} to {now:#}"));
        memory.or(held.err())
    }
}

/// The memory, and with `#` how much of it is allocated.
impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} kB", self.resident >> 10)?;
        if f.alternate() {
            write!(f, " ({} kB allocated)", self.allocated >> 10)?;
        }
        Ok(())
    }
}

/// What the system says, 0 where it says nothing.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
    kilobytes.unwrap_or(0) << 10
}
