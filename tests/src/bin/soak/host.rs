//! The resources that the tool itself takes on its machine.

use std::fmt;
use std::fs;

use belay_tests::Held;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

/// How much more may be allocated at the end: buffers that were needed once and are kept.
const MORE_ALLOCATED: usize = 1 << 20;
/// How much more resident memory there may be at the end. The allocator does not return it piece by piece.
const MORE_RESIDENT: usize = 24 << 20;

/// The resources that are in use at one moment, while no work is in progress.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taken {
    /// The resident memory of the process, as the system reports it.
    resident: usize,
    /// What has been allocated and not freed.
    allocated: usize,
    /// File descriptors and tasks.
    held: Held,
}

impl Taken {
    /// The resources in use now.
    pub(crate) fn now() -> Self {
        let stats = ALLOCATOR.stats();
        Self {
            resident: resident(),
            allocated: stats.bytes_allocated.saturating_sub(stats.bytes_deallocated),
            held: Held::now(),
        }
    }

    /// What has grown more than it may since then.
    pub(crate) async fn growth(self) -> Option<String> {
        // What was closed last may not have ended yet.
        let held = self.held.settled().await;
        let now = Self::now();
        let leaked = now.allocated > self.allocated + MORE_ALLOCATED;
        let grown = now.resident > self.resident + MORE_RESIDENT;
        let memory = (leaked || grown).then(|| format!("memory has grown from {self:#} to {now:#}"));
        memory.or(held.err())
    }
}

/// The memory; the alternate form (`#`) also shows how much of it is allocated.
impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} kB", self.resident >> 10)?;
        if f.alternate() {
            write!(f, " ({} kB allocated)", self.allocated >> 10)?;
        }
        Ok(())
    }
}

/// The resident memory in bytes, 0 where the system does not report it.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
    kilobytes.unwrap_or(0) << 10
}
