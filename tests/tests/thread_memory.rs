//! The host's memory for the threads that it has started: none is kept for those that ended long ago.

use belay::prelude::*;
use belay_tests::{connected, soon};
use futures_util::future::join_all;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

/// Threads that end at once.
#[belay::device]
pub trait Short {
    /// ```python
    /// len(text)
    /// ```
    #[thread(multiple)]
    async fn blink(&self, text: &str) -> Result<ThreadHandle>;
}

/// How many threads are started, and how many of them run at the same time.
const THREADS: usize = 10_000;
const AT_ONCE: usize = 20;
/// The length of the argument of each thread.
const GIVEN: usize = 200;
/// How much more may be allocated at the end than after the first threads: buffers that were needed once and are kept.
const MORE: usize = 256 << 10;

fn allocated() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated.saturating_sub(stats.bytes_deallocated)
}

async fn start_some(short: &ShortDevice) {
    let text = "x".repeat(GIVEN);
    let started = join_all((0..AT_ONCE).map(|_| short.blink(&text))).await;
    for thread in started {
        soon("the end of the thread", thread.unwrap().join())
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn ten_thousand_threads_leave_no_trace_on_the_host() {
    let (_board, device) = connected().await;
    let short = ShortDevice::attach(&device).await.unwrap();
    for _ in 0..THREADS / AT_ONCE / 10 {
        start_some(&short).await;
    }
    let before = allocated();
    for _ in 0..THREADS / AT_ONCE {
        start_some(&short).await;
    }
    let grown = allocated().saturating_sub(before);
    assert!(grown < MORE, "{grown} bytes are kept");
    device.close().await.unwrap();
}

#[tokio::test]
async fn how_a_thread_ended_is_known_for_as_long_as_there_is_a_handle_of_it() {
    let (_board, device) = connected().await;
    let short = ShortDevice::attach(&device).await.unwrap();
    let first = short.blink(&"x".repeat(GIVEN)).await.unwrap();
    soon("the end of the thread", first.join()).await.unwrap();
    for _ in 0..10 {
        start_some(&short).await;
    }
    let id = first.id();
    assert_eq!(first.state(), belay::ThreadState::Finished);
    soon("the end", device.threads().join(id)).await.unwrap();
    drop(first);
    start_some(&short).await;
    // This thread ended long ago; joining it still works.
    soon("the end", device.threads().join(id)).await.unwrap();
    device.close().await.unwrap();
}
