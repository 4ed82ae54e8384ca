//! Who has no certificate of the authority is nobody, and the guide says how to have one.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use belay_fleet::{Config, Fleet, Query, Server};

use crate::harness::{board, place, soon};

const GUIDE: &str = include_str!("../../../docs/src/fleets.md");

/// What the guide has in blocks of this language behind the words on authorities.
fn blocks(language: &str) -> impl Iterator<Item = &'static str> {
    let (_, behind) = GUIDE
        .split_once("have an authority of your own")
        .expect("the guide says so");
    let fence = format!("```{language}\n");
    let blocks: Vec<_> = behind.split(&fence).skip(1).collect();
    let code = |block: &'static str| block.split("```").next().expect("a block ends");
    blocks.into_iter().map(code)
}

/// An authority and a machine that it has signed, by the commands of the guide.
fn certified(folder: &Path, host: &str) {
    for commands in blocks("sh").take(2) {
        let commands = commands.replace("DNS:lab1", &format!("IP:{host}"));
        let made = Command::new("sh")
            .args(["-ec", &commands])
            .current_dir(folder)
            .output();
        let made = made.expect("there is a shell");
        assert!(made.status.success(), "{made:?}");
    }
}

/// The configuration of the guide, with the certificates of this folder.
fn config(folder: &Path, kind: &str, place: &str) -> Config {
    let text = blocks("json5").next().expect("the guide has it");
    let path = folder.join("zenoh.json5");
    let here = folder.display().to_string();
    fs::write(&path, text.replace("/etc/belay", &here)).expect("it can be written");
    let mut config = Config::from_file(path).expect("Zenoh takes it");
    let mut set = |key: &str, value: &str| config.insert_json5(key, value).expect("it is a setting");
    set("listen/endpoints", "[]");
    set(&format!("{kind}/endpoints"), &format!("[\"{place}\"]"));
    config
}

/// The boards that such a client sees.
async fn seen(config: Config) -> usize {
    let opening = tokio::time::timeout(Duration::from_secs(10), Fleet::open(config)).await;
    let Ok(Ok(fleet)) = opening else { return 0 };
    soon("an answer", fleet.list(&Query::new()))
        .await
        .map_or(0, |boards| boards.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_whom_the_authority_has_signed_uses_a_board() {
    let place = place();
    let host = place.split(':').next().expect("it has a host");
    let [ours, others] = [(); 2].map(|()| tempfile::tempdir().expect("there is room"));
    certified(ours.path(), host);
    certified(others.path(), host);
    let (_board, address) = board().await;
    let endpoint = format!("tls/{place}");
    let server = Server::open(config(ours.path(), "listen", &endpoint), "lab1");
    let server = soon("a server", server).await.unwrap();
    server.announce("unix", address, [("bench", "3")]).await.unwrap();

    let fleet = Fleet::open(config(ours.path(), "connect", &endpoint));
    let fleet = soon("a fleet", fleet).await.unwrap();
    let lease = soon("a lease", fleet.acquire(&Query::new(), "ours"))
        .await
        .unwrap();
    let device = Box::pin(soon("a device", lease.builder().connect()))
        .await
        .unwrap();
    assert_eq!(device.execute_as::<u32>("6 * 7").await.unwrap(), 42);

    assert_eq!(
        seen(config(others.path(), "connect", &endpoint)).await,
        0,
        "another authority"
    );
    assert_eq!(seen(crate::harness::config("connect", &place)).await, 0, "no TLS");
    assert_eq!(seen(config(ours.path(), "connect", &endpoint)).await, 1, "ours");
    soon("an end", device.close()).await.unwrap();
}
