//! Servers and fleets on this machine that find each other and nobody else.

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use belay::transport::Address;
use belay_fleet::{Config, Fleet, Server};
use belay_sim::Board;

pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) async fn soon<T>(what: &str, happening: impl Future<Output = T>) -> T {
    let happened = tokio::time::timeout(PATIENCE, happening).await;
    happened.unwrap_or_else(|_| panic!("{what} did not happen within {PATIENCE:?}"))
}

/// Where a server of a test can listen: an address of this machine that no other test has, whatever runs beside it.
pub(crate) fn place() -> String {
    static PLACES: AtomicU8 = AtomicU8::new(1);
    let [.., high, low] = std::process::id().to_be_bytes();
    format!("127.{high}.{low}.{}:7447", PLACES.fetch_add(1, Ordering::Relaxed))
}

/// One that listens there, or is connected to it, and finds nobody else.
pub(crate) fn config(kind: &str, place: &str) -> Config {
    config_of(kind, &[place.to_owned()])
}

/// The same, of several.
pub(crate) fn config_of(kind: &str, places: &[String]) -> Config {
    let mut config = Config::default();
    let mut set = |key: &str, value: &str| config.insert_json5(key, value).unwrap();
    let endpoints: Vec<String> = places.iter().map(|place| format!("\"tcp/{place}\"")).collect();
    set("scouting/multicast/enabled", "false");
    set("listen/endpoints", "[]");
    set(
        &format!("{kind}/endpoints"),
        &format!("[{}]", endpoints.join(",")),
    );
    config
}

pub(crate) async fn server(place: &str, host: &str) -> Server {
    soon("a server", Server::open(config("listen", place), host))
        .await
        .unwrap()
}

pub(crate) async fn fleet(place: &str) -> Fleet {
    soon("a fleet", Fleet::open(config("connect", place)))
        .await
        .unwrap()
}

pub(crate) async fn board() -> (Board, Address) {
    let board = Board::unix().start().await.unwrap();
    let address = board.port().parse().unwrap();
    (board, address)
}

/// The number that an environment variable says, if it does.
pub(crate) fn variable(name: &str, otherwise: u64) -> u64 {
    let said = std::env::var(name).ok();
    said.map_or(otherwise, |said| said.parse().expect("a number"))
}
