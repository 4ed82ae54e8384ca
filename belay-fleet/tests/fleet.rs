//! Boards behind servers, over Zenoh on this machine: announced, leased, used, and free again whatever becomes of who has
//! them.

use std::net::TcpListener;
use std::time::Duration;

use belay::transport::Address;
use belay_fleet::{BoardEvent, Fleet, FleetError, Query, Server};
use belay_sim::Board;
use futures_util::StreamExt as _;

const PATIENCE: Duration = Duration::from_secs(60);

async fn soon<T>(what: &str, happening: impl Future<Output = T>) -> T {
    let happened = tokio::time::timeout(PATIENCE, happening).await;
    happened.unwrap_or_else(|_| panic!("{what} did not happen within {PATIENCE:?}"))
}

/// A port of this machine that nobody has.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// One that listens there, or is connected to it, and finds nobody else.
fn config(kind: &str, port: u16) -> zenoh::Config {
    let mut config = zenoh::Config::default();
    let mut set = |key: &str, value: &str| config.insert_json5(key, value).unwrap();
    set("scouting/multicast/enabled", "false");
    set("listen/endpoints", "[]");
    set(
        &format!("{kind}/endpoints"),
        &format!(r#"["tcp/127.0.0.1:{port}"]"#),
    );
    config
}

async fn server(port: u16, host: &str) -> Server {
    soon("a server", Server::open(config("listen", port), host))
        .await
        .unwrap()
}

async fn fleet(port: u16) -> Fleet {
    soon("a fleet", Fleet::open(config("connect", port)))
        .await
        .unwrap()
}

async fn board() -> (Board, Address) {
    let board = Board::unix().start().await.unwrap();
    let address = board.port().parse().unwrap();
    (board, address)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_board_elsewhere_is_seen_leased_and_used_as_if_it_were_here() {
    let port = free_port();
    let server = server(port, "lab1").await;
    let (_board, address) = board().await;
    let fleet = fleet(port).await;
    let mut boards = fleet.boards().await.unwrap();
    server.announce("unix", address, [("bench", "3")]).await.unwrap();
    assert_eq!(
        soon("an arrival", boards.next()).await,
        Some(BoardEvent::Arrived("belay/lab1/unix".to_owned()))
    );
    let query = Query::new().tag("bench", "3");
    let lease = soon("a lease", fleet.acquire(&query, "first")).await.unwrap();
    let device = Box::pin(soon("a device", lease.builder().connect()))
        .await
        .unwrap();
    assert_eq!(device.execute_as::<u32>("6 * 7").await.unwrap(), 42);

    // More than the window, both ways.
    let contents: Vec<u8> = (0..150_000u32)
        .map(|at| at.wrapping_mul(at).to_le_bytes()[1])
        .collect();
    device.files().write("/long.bin", &*contents).await.unwrap();
    assert_eq!(device.files().read("/long.bin").await.unwrap(), contents);
    let endless = tokio::time::timeout(Duration::from_millis(300), device.execute("while True: pass"));
    assert!(endless.await.is_err());
    assert_eq!(device.execute_as::<u32>("6 * 7").await.unwrap(), 42);
    // A reset opens the port again, under the same lease.
    soon("a reset", device.reset()).await.unwrap();
    assert_eq!(device.execute_as::<u32>("6 * 7").await.unwrap(), 42);

    let held = fleet.try_acquire("zenoh:belay/lab1/unix", "second").await;
    assert!(matches!(held, Err(FleetError::Held { by, .. }) if by == "first"));
    assert_eq!(
        fleet.list(&query).await.unwrap()[0].held_by.as_deref(),
        Some("first")
    );
    soon("an end", device.close()).await.unwrap();
    drop((device, lease));
    let second = soon("a lease", fleet.acquire(&query, "second")).await.unwrap();
    let device = Box::pin(soon("a device", second.builder().connect()))
        .await
        .unwrap();
    assert_eq!(device.execute_as::<u32>("6 * 7").await.unwrap(), 42);

    // Withdrawn, as when it is unplugged: who uses it is told, at once.
    assert!(server.withdraw("unix"));
    assert_eq!(
        soon("a departure", boards.next()).await,
        Some(BoardEvent::Departed("belay/lab1/unix".to_owned()))
    );
    assert!(soon("an error", device.execute("1")).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_board_whose_holder_is_not_heard_of_is_free_within_its_deadline() {
    let port = free_port();
    let server = server(port, "lab1").await;
    let (_board, address) = board().await;
    server.announce("unix", address, [("", "")]).await.unwrap();
    let fleet = fleet(port).await;
    // A runtime of its own, which ends in mid-call as a program does that is killed.
    let killed = std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let lease = runtime.block_on(async {
            let fleet = self::fleet(port).await;
            let lease = soon("a lease", fleet.acquire(&Query::new(), "killed"))
                .await
                .unwrap();
            let device = Box::pin(soon("a device", lease.builder().connect()))
                .await
                .unwrap();
            tokio::spawn(async move { device.execute("while True: pass").await });
            tokio::time::sleep(Duration::from_millis(100)).await;
            (lease, fleet)
        });
        runtime.shutdown_background();
        std::mem::forget(lease);
    });
    killed.join().unwrap();
    let begun = std::time::Instant::now();
    let lease = soon("a lease", fleet.acquire(&Query::new(), "next"))
        .await
        .unwrap();
    println!("free after {:?}", begun.elapsed());
    let device = Box::pin(soon("a device", lease.builder().connect()))
        .await
        .unwrap();
    assert_eq!(device.execute_as::<u32>("6 * 7").await.unwrap(), 42);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_want_a_board_at_once_one_has_it() {
    let port = free_port();
    let server = server(port, "lab1").await;
    let (_board, address) = board().await;
    server.announce("unix", address, [("", "")]).await.unwrap();
    let fleets = [fleet(port).await, fleet(port).await, fleet(port).await];
    let mut total = 0;
    for race in 0..1000 {
        let wanted = fleets.iter().enumerate().map(|(who, fleet)| async move {
            for _ in 0..(race + who * 7) % 5 {
                tokio::task::yield_now().await;
            }
            fleet.try_acquire("belay/lab1/unix", &who.to_string()).await
        });
        let got = futures_util::future::join_all(wanted).await;
        let won = got.iter().filter(|got| got.is_ok()).count();
        // The one before may just be letting it go; two never have it.
        assert!(won <= 1, "race {race}: {got:?}");
        total += won;
    }
    println!("{total} of 1000 races had a winner");
    assert!(total > 100, "only {total} races had a winner");
}
