//! Many tasks on one device, and on many.

use belay::SessionState;
use belay::prelude::*;
use belay_tests::{connected, soon};
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

/// Has many callers call at once, and gives when each of them was done, counted in calls.
async fn crowd(counter: &CounterDevice, calls: u32) -> Vec<u32> {
    let mut callers = JoinSet::new();
    for who in 0..CALLERS {
        let counter = counter.clone();
        callers.spawn(async move {
            let mut last = 0;
            for n in 0..calls {
                let (whose, which, total) = counter.count(who, n).await.unwrap();
                assert_eq!((whose, which), (who, n), "each caller gets its own answer");
                assert!(
                    total > last,
                    "calls are made in the order in which a caller makes them"
                );
                last = total;
            }
            last
        });
    }
    soon("the end of all calls", callers.join_all()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_tasks_call_one_device_a_thousand_times_each() {
    let (_board, device) = connected().await;
    let counter = CounterDevice::attach(&device).await.unwrap();
    let ends = crowd(&counter, 1_000).await;
    assert_eq!(ends.iter().max(), Some(&16_000), "every call ran once");
    // Who waits longest goes next: nobody is done long before the others.
    let first = ends.iter().min().unwrap();
    assert!(*first > 12_000, "somebody was done after {first} of 16000 calls");
    assert_eq!(device.session().deployment_stats().misses, 1);
    assert_eq!(device.session().state(), SessionState::Ready);
    device.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_devices_are_called_at_once() {
    let mut devices = JoinSet::new();
    for _ in 0..8 {
        devices.spawn(async {
            let (_board, device) = connected().await;
            let counter = CounterDevice::attach(&device).await.unwrap();
            let ends = crowd(&counter, 1_000).await;
            assert_eq!(ends.iter().max(), Some(&16_000));
            device.close().await.unwrap();
        });
    }
    devices.join_all().await;
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
