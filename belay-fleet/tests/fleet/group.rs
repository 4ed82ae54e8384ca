//! One call on many boards.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use belay::prelude::*;
use belay_fleet::{FleetError, Group, Query};
use futures_util::StreamExt as _;

use crate::harness::{board, fleet, place, server, soon};

/// What each board of the group has.
#[belay::device]
pub trait Cell {
    /// Counts how often it was set up since the board was switched on.
    ///
    /// ```python
    /// import sys
    /// opened = sys.modules.get("opened", 0) + 1
    /// sys.modules["opened"] = opened
    /// ```
    #[setup]
    async fn open(&self) -> Result<()>;

    /// ```python
    /// return opened
    /// ```
    #[task]
    async fn times(&self) -> Result<u32>;

    /// ```python
    /// return 100 // by
    /// ```
    #[task]
    async fn divide(&self, by: u32) -> Result<u32>;

    /// ```python
    /// while True:
    ///     pass
    /// ```
    #[task]
    async fn forever(&self) -> Result<()>;

    /// ```python
    /// for i in range(count):
    ///     yield i
    /// ```
    #[task]
    fn numbers(&self, count: u32) -> impl Stream<Item = Result<u32>>;
}

async fn all<R>(
    calls: impl Stream<Item = (String, Result<R, FleetError>)>,
) -> BTreeMap<String, Result<R, FleetError>> {
    soon("a call on all", calls.collect()).await
}

fn away(group: &Group<CellDevice>) -> usize {
    group
        .members()
        .iter()
        .filter(|member| member.device.is_err())
        .count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_on_a_group_gives_each_board_its_own_result() {
    let place = place();
    let server = server(&place, "lab1").await;
    let mut boards = Vec::new();
    for name in ["a", "b", "c"] {
        let (board, address) = board().await;
        server.announce(name, address, [("kind", "cell")]).await.unwrap();
        boards.push(board);
    }
    let fleet = fleet(&place).await;
    let group = soon(
        "a group",
        fleet.group::<CellDevice>(&Query::new().tag("kind", "cell"), "test"),
    )
    .await;
    let group = group.unwrap().within(Duration::from_secs(30)).at_once(2);
    soon("three boards", group.ready(3)).await;

    // No more than two at once.
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let results = all(group.call(|cell| {
        let (running, most) = (Arc::clone(&running), Arc::clone(&most));
        async move {
            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            let times = cell.times().await;
            running.fetch_sub(1, Ordering::SeqCst);
            times
        }
    }))
    .await;
    assert_eq!(results.len(), 3);
    for (board, times) in results {
        assert!(board.starts_with("belay/lab1/"), "{board}");
        assert_eq!(times.unwrap(), 1);
    }
    assert_eq!(most.load(Ordering::SeqCst), 2);

    // What fails on one is no matter of the others, in which order ever they are done.
    let next = AtomicUsize::new(0);
    let results = all(group.call(|cell| {
        let by = u32::try_from(next.fetch_add(1, Ordering::SeqCst)).unwrap();
        async move { cell.divide(by).await }
    }))
    .await;
    let told = |board: &str| results[&format!("belay/lab1/{board}")].as_ref();
    assert!(
        matches!(told("a"), Err(FleetError::Device(error)) if error.to_string().contains("ZeroDivisionError"))
    );
    assert_eq!((told("b").unwrap(), told("c").unwrap()), (&100, &50));

    let mut numbers: Vec<_> = soon(
        "their streams",
        group.merged(|cell| Box::pin(cell.numbers(3))).collect::<Vec<_>>(),
    )
    .await
    .into_iter()
    .map(|(board, number)| (board, number.unwrap()))
    .collect();
    numbers.sort();
    let expected =
        ["a", "b", "c"].map(|board| (0..3).map(move |number| (format!("belay/lab1/{board}"), number)));
    assert_eq!(numbers, expected.into_iter().flatten().collect::<Vec<_>>());

    // Who takes too long is interrupted, and can be called again.
    let group = group.within(Duration::from_secs(1));
    let results = all(group.call(|cell| async move { cell.forever().await })).await;
    for (board, result) in results {
        assert!(
            matches!(result, Err(FleetError::Late { .. })),
            "{board}: {result:?}"
        );
    }
    let group = group.within(Duration::from_secs(30));
    let results = all(group.call(|cell| async move { cell.divide(4).await })).await;
    assert!(
        results.values().all(|result| matches!(result, Ok(25))),
        "{results:?}"
    );
    let failed = soon("an end", group.close()).await;
    assert!(failed.is_empty(), "{failed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_board_that_is_unplugged_is_away_and_is_set_up_again_when_it_is_back() {
    let place = place();
    let server = server(&place, "lab1").await;
    let (_stays, address) = board().await;
    server.announce("stays", address, [("", "")]).await.unwrap();
    let (mut goes, address) = board().await;
    server.announce("goes", address, [("", "")]).await.unwrap();
    let fleet = fleet(&place).await;
    let group = soon("a group", fleet.group::<CellDevice>(&Query::new(), "test"))
        .await
        .unwrap();
    let group = group.within(Duration::from_secs(30));
    soon("both boards", group.ready(2)).await;

    // As `belay serve` does when a plug is pulled.
    goes.vanish().unwrap();
    server.withdraw("goes");
    soon("a board that is gone", async {
        while away(&group) == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let results = all(group.call(|cell| async move { cell.times().await })).await;
    assert_eq!(results["belay/lab1/stays"].as_ref().unwrap(), &1);
    let goes_now = &results["belay/lab1/goes"];
    assert!(matches!(goes_now, Err(FleetError::Away { .. })), "{goes_now:?}");

    let address: belay::transport::Address = goes.appear().unwrap().parse().unwrap();
    server.announce("goes", address, [("", "")]).await.unwrap();
    soon("both boards", group.ready(2)).await;
    let results = all(group.call(|cell| async move { cell.times().await })).await;
    assert_eq!(results["belay/lab1/stays"].as_ref().unwrap(), &1);
    assert_eq!(results["belay/lab1/goes"].as_ref().unwrap(), &2);

    // A board that is switched off and on is set up again, too, though its port has never gone.
    goes.restart().unwrap();
    soon("a call on what was set up again", async {
        loop {
            let results = all(group.call(|cell| async move { cell.times().await })).await;
            if matches!(results["belay/lab1/goes"], Ok(1)) {
                return;
            }
        }
    })
    .await;
}
