//! Many who want a board at the same time, by seeds.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use belay::transport::{Connector, StreamTransport};
use belay_fleet::{Fleet, Query};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::harness::{fleet, place, server, soon, variable};

const BOARD: &str = "belay/lab1/port";
/// How many races there are, unless this variable says it, and the first seed.
const RACES: u64 = 100;

/// A port that holds what comes against who it is that has it: nobody else is ever heard.
#[derive(Debug, Default)]
struct Port {
    open: AtomicU64,
    opened: AtomicU64,
    /// What has happened that must not.
    twice: AtomicU64,
    mixed: AtomicU64,
}

impl Port {
    fn connector(self: &Arc<Self>) -> Connector {
        let port = Arc::clone(self);
        Connector::new("a port", move || {
            let port = Arc::clone(&port);
            async move {
                let (near, far) = tokio::io::duplex(256);
                port.opened.fetch_add(1, Ordering::SeqCst);
                if port.open.fetch_add(1, Ordering::SeqCst) != 0 {
                    port.twice.fetch_add(1, Ordering::SeqCst);
                }
                tokio::spawn(async move {
                    port.echo(far).await;
                    port.open.fetch_sub(1, Ordering::SeqCst);
                });
                Ok::<_, std::io::Error>(StreamTransport::new(near, "a port"))
            }
        })
    }

    /// Gives back what comes, until the port is closed.
    async fn echo(&self, mut line: tokio::io::DuplexStream) {
        let mut first = None;
        while let Ok(who) = line.read_u8().await {
            if *first.get_or_insert(who) != who {
                self.mixed.fetch_add(1, Ordering::SeqCst);
            }
            if line.write_u8(who).await.is_err() {
                return;
            }
        }
    }
}

/// One who wants the board: takes it if it is free, speaks, and says what he has heard. Some lose patience while they ask.
async fn wants(fleet: &Fleet, who: u8, mut random: fastrand::Rng) -> Option<u64> {
    for _ in 0..random.u32(..20) {
        tokio::task::yield_now().await;
    }
    let taking = fleet.try_acquire(BOARD, "somebody");
    let lease = if random.u8(..50) == 0 {
        let patience = Duration::from_micros(random.u64(..3000));
        tokio::time::timeout(patience, taking).await.ok()?.ok()?
    } else {
        taking.await.ok()?
    };
    let mut line = lease.connector().open().await.ok()?;
    let mut wrong = 0;
    for _ in 0..random.u8(1..6) {
        line.write_u8(who).await.ok()?;
        wrong += u64::from(line.read_u8().await.ok()? != who);
        if random.bool() {
            tokio::task::yield_now().await;
        }
    }
    if random.bool() {
        line.close(Duration::from_secs(1)).await;
    }
    Some(wrong)
}

async fn free(fleet: &Fleet) {
    while fleet.list(&Query::new()).await.unwrap()[0].held_by.is_some() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_want_a_board_at_once_one_speaks_to_it() {
    let (races, seed) = (variable("BELAY_RACES", RACES), variable("BELAY_SEED", 1));
    let place = place();
    let server = server(&place, "lab1").await;
    let port = Arc::new(Port::default());
    server
        .announce("port", port.connector(), [("", "")])
        .await
        .unwrap();
    let fleets = [fleet(&place).await, fleet(&place).await, fleet(&place).await];
    let (mut won, mut wrong) = (0, 0);
    for race in seed..seed + races {
        let all = fleets.iter().zip(1..).flat_map(|(fleet, who)| {
            (0..2).map(move |again| {
                let who = who + 3 * again;
                wants(fleet, who, fastrand::Rng::with_seed(race * 8 + u64::from(who)))
            })
        });
        // Who had it last may just be giving it back.
        soon("a board that is free", free(&fleets[0])).await;
        let spoke = soon("a race", futures_util::future::join_all(all)).await;
        won += spoke.iter().flatten().count();
        wrong += spoke.iter().flatten().sum::<u64>();
        let open = port.open.load(Ordering::SeqCst);
        assert!(open <= 1, "race {race}: the port is open {open} times");
    }
    let [opened, twice, mixed] =
        [&port.opened, &port.twice, &port.mixed].map(|count| count.load(Ordering::SeqCst));
    println!(
        "races: {races} of seed {seed}, the port opened {opened} times, {won} spoke, {wrong} wrong, {twice} twice, {mixed} mixed"
    );
    assert_eq!((wrong, twice, mixed), (0, 0, 0));
    assert!(opened >= races / 2, "only {opened} of {races} races had a winner");
}
