//! Many tasks on one device, and on many devices.

use std::sync::Arc;

use belay::SessionState;
use belay::prelude::*;
use belay_tests::{connected, soon};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

#[belay::device]
pub trait Counter {
    /// ```python
    /// total = 0
    /// ```
    #[setup]
    async fn open(&self) -> Result<()>;

    /// ```python
    /// global total
    /// total += 1
    /// return [who, n, total]
    /// ```
    #[task]
    async fn count(&self, who: u32, n: u32) -> Result<(u32, u32, u32)>;
}

const CALLERS: u32 = 16;

const CALLS: u32 = 1_000;

/// How many calls one caller may be ahead of another: as many as can be in flight at once. A caller that calls again
/// waits behind all others, so that each is served once in a round.
const LEAD: u32 = 8;
/// The same on several threads of the host, where the operating system's scheduling decides who calls next.
const LEAD_OF_THREADS: u32 = CALLS / 5;

/// Has many callers call at once, and gives the order in which the board has run their calls.
async fn crowd(counter: &CounterDevice) -> Vec<u32> {
    let together = Arc::new(Barrier::new(CALLERS as usize));
    let mut callers = JoinSet::new();
    for who in 0..CALLERS {
        let (counter, together) = (counter.clone(), Arc::clone(&together));
        callers.spawn(async move {
            together.wait().await;
            let mut mine = Vec::new();
            for n in 0..CALLS {
                let (whose, which, total) = counter.count(who, n).await.unwrap();
                assert_eq!((whose, which), (who, n), "each caller gets its own answer");
                mine.push((total, who));
            }
            assert!(
                mine.is_sorted(),
                "calls are made in the order in which a caller makes them"
            );
            mine
        });
    }
    let calls = soon("the end of all calls", callers.join_all()).await;
    let mut calls: Vec<(u32, u32)> = calls.into_iter().flatten().collect();
    calls.sort_unstable();
    let numbers = calls.iter().map(|(total, _)| *total);
    assert!(numbers.eq(1..=CALLERS * CALLS), "every call ran once");
    calls.into_iter().map(|(_, who)| who).collect()
}

/// The largest difference between the callers served most and least often, as long as all of them still had calls to
/// make.
fn lead(order: &[u32]) -> u32 {
    let mut served = [0; CALLERS as usize];
    let mut lead = 0;
    for who in order {
        served[*who as usize] += 1;
        let (least, most) = (served.iter().min().unwrap(), served.iter().max().unwrap());
        lead = lead.max(most - least);
    }
    lead
}

/// Has many callers call one device, and gives how far one caller was ahead of another.
async fn crowd_on_one_device() -> u32 {
    let (_board, device) = connected().await;
    let counter = CounterDevice::attach(&device).await.unwrap();
    let lead = lead(&crowd(&counter).await);
    assert_eq!(device.session().deployment_stats().misses, 1);
    assert_eq!(device.session().state(), SessionState::Ready);
    device.close().await.unwrap();
    lead
}

#[tokio::test]
async fn sixteen_tasks_call_one_device_a_thousand_times_each_and_are_served_in_turn() {
    let lead = crowd_on_one_device().await;
    assert!(lead <= LEAD, "somebody was {lead} calls ahead");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixteen_tasks_in_many_threads_call_one_device_a_thousand_times_each() {
    let lead = crowd_on_one_device().await;
    assert!(lead <= LEAD_OF_THREADS, "somebody was {lead} calls ahead");
}

/// Has many callers call each of eight devices at once, and gives how far one caller was ahead of another.
async fn crowds_on_eight_devices() -> Vec<u32> {
    let mut devices = JoinSet::new();
    for _ in 0..8 {
        devices.spawn(async {
            let (_board, device) = connected().await;
            let counter = CounterDevice::attach(&device).await.unwrap();
            let lead = lead(&crowd(&counter).await);
            device.close().await.unwrap();
            lead
        });
    }
    devices.join_all().await
}

#[tokio::test]
async fn sixteen_tasks_on_each_of_eight_devices_at_once_are_served_in_turn() {
    let leads = crowds_on_eight_devices().await;
    assert!(
        leads.iter().all(|lead| *lead <= LEAD),
        "somebody was ahead: {leads:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_tasks_on_each_of_eight_devices_in_many_threads_leave_nobody_behind() {
    let leads = crowds_on_eight_devices().await;
    assert!(
        leads.iter().all(|lead| *lead <= LEAD_OF_THREADS),
        "somebody was ahead: {leads:?}"
    );
}

#[test]
fn devices_and_all_that_belongs_to_them_can_be_shared_between_threads() {
    fn shared<T: Send + Sync + 'static>() {}
    fn sent<T: Send>(_: T) {}
    shared::<Device>();
    shared::<belay::DeviceBuilder>();
    shared::<belay::Session>();
    shared::<ThreadHandle>();
    shared::<CounterDevice>();
    shared::<Error>();
    let _ = |device: &'static CounterDevice| sent(device.count(1, 2));
}
