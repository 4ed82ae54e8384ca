//! Boards behind servers, over Zenoh on this machine: announced, leased, used, and free again whatever becomes of who has
//! them.

mod group;
mod harness;
mod hostile;
mod networks;
mod races;
mod tls;

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use belay::Device;
use belay::transport::Address;
use belay_fleet::{BoardEvent, FleetError, Query};
use futures_util::StreamExt as _;

use harness::{board, fleet, place, server, soon};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_board_elsewhere_is_seen_leased_and_used_as_if_it_were_here() {
    let place = place();
    let server = server(&place, "lab1").await;
    let (_board, address) = board().await;
    let fleet = fleet(&place).await;
    let query = Query::new().tag("bench", "3");
    let mut boards = fleet.boards(&query).await.unwrap();
    // One that is not meant is not told of.
    let nowhere: Address = "/dev/no-board".parse().unwrap();
    server.announce("other", nowhere, [("bench", "4")]).await.unwrap();
    server.announce("unix", address, [("bench", "3")]).await.unwrap();
    let arrived = soon("an arrival", boards.next()).await;
    assert!(matches!(arrived, Some(BoardEvent::Arrived(info)) if info.board == "belay/lab1/unix"));
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
    let listed = fleet.list(&query).await.unwrap();
    assert_eq!((listed.len(), listed[0].held_by.as_deref()), (1, Some("first")));
    assert!(listed[0].held_for.unwrap() > Duration::ZERO);
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

/// Where the server of the test is that has started this one.
const SERVER: &str = "BELAY_FLEET_TEST_SERVER";

/// Another program, which takes a board and is killed while it has it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "another test runs it as a program of its own"]
async fn holds_a_board_until_it_is_killed() {
    let Ok(place) = std::env::var(SERVER) else { return };
    let fleet = fleet(&place).await;
    let lease = soon("a lease", fleet.acquire(&Query::new(), "killed")).await;
    let connecting = lease.unwrap().builder().connect();
    let device = Box::pin(soon("a device", connecting)).await.unwrap();
    println!("\nheld");
    let _ = device.execute("while True: pass").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_board_whose_holder_is_killed_is_free_within_its_deadline() {
    let place = place();
    let server = server(&place, "lab1").await;
    let (_board, address) = board().await;
    server.announce("unix", address, [("", "")]).await.unwrap();
    let fleet = fleet(&place).await;
    let mut holder = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "--ignored",
            "--nocapture",
            "holds_a_board_until_it_is_killed",
        ])
        .env(SERVER, &place)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(holder.stdout.take().unwrap()).lines();
    let held = tokio::task::spawn_blocking(move || lines.any(|line| line.unwrap() == "held"));
    assert!(soon("the other program", held).await.unwrap());
    let listed = fleet.list(&Query::new()).await.unwrap();
    assert_eq!(listed[0].held_by.as_deref(), Some("killed"));
    // SIGKILL: nothing in it can say anything any more.
    holder.kill().unwrap();
    let killed = Instant::now();
    holder.wait().unwrap();
    let lease = soon("a lease", fleet.acquire(&Query::new(), "next"))
        .await
        .unwrap();
    let free_after = killed.elapsed();
    println!("free after {free_after:?}");
    // The deadline is five seconds; the rest is for a machine that has much to do.
    assert!(free_after < Duration::from_secs(20), "{free_after:?}");
    let device = Box::pin(soon("a device", lease.builder().connect()))
        .await
        .unwrap();
    assert_eq!(device.execute_as::<u32>("6 * 7").await.unwrap(), 42);
    soon("an end", device.close()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_leads_to_a_board_and_keeps_it_for_as_long_as_the_device() {
    let place = place();
    let server = server(&place, "lab1").await;
    let (_board, address) = board().await;
    server.announce("unix", address, [("", "")]).await.unwrap();
    let (ours, others) = (fleet(&place).await, fleet(&place).await);
    ours.provide("by its address");
    let connecting = Device::connect("zenoh:belay/lab1/unix");
    let device = Box::pin(soon("a device", connecting)).await.unwrap();
    assert_eq!(device.execute_as::<u32>("6 * 7").await.unwrap(), 42);
    soon("a reset", device.reset()).await.unwrap();
    assert_eq!(device.execute_as::<u32>("6 * 7").await.unwrap(), 42);
    let held = others.try_acquire("belay/lab1/unix", "others").await;
    assert!(matches!(held, Err(FleetError::Held { by, .. }) if by == "by its address"));
    // Who asks for what is held is told by whom.
    let second = Box::pin(soon("an error", Device::connect("zenoh:belay/lab1/unix"))).await;
    let said = belay_error(&second.unwrap_err());
    assert!(said.contains("by its address"), "{said}");
    soon("an end", device.close()).await.unwrap();
    drop(device);
    let lease = soon("a lease", others.acquire(&Query::new(), "others")).await;
    assert_eq!(lease.unwrap().board(), "belay/lab1/unix");
}

/// An error with all its causes.
fn belay_error(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_the_network_gives_his_boards_back_at_once() {
    let place = place();
    let server = server(&place, "lab1").await;
    let (_board, address) = board().await;
    server.announce("unix", address, [("", "")]).await.unwrap();
    let (ours, others) = (fleet(&place).await, fleet(&place).await);
    let lease = soon("a lease", ours.acquire(&Query::new(), "ours"))
        .await
        .unwrap();
    soon("an end", ours.close()).await.unwrap();
    let taken = others.try_acquire("belay/lab1/unix", "others").await;
    assert!(taken.is_ok(), "{taken:?}");
    drop(lease);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_board_is_said_to_be_none() {
    let place = place();
    let server = server(&place, "lab1").await;
    let fleet = fleet(&place).await;
    let nowhere: Address = "/dev/no-board".parse().unwrap();
    server
        .announce("gone", nowhere.clone(), [("", "")])
        .await
        .unwrap();
    let twice = server.announce("gone", nowhere.clone(), [("", "")]).await;
    assert!(matches!(twice, Err(FleetError::Twice(_))), "{twice:?}");
    let long = [("tag", "x".repeat(3000))];
    let long = server.announce("long", nowhere, long).await;
    assert!(matches!(long, Err(FleetError::Tags(_))), "{long:?}");
    for (board, wanted) in [
        ("belay/lab1/none", "no server answers"),
        ("lab1/gone", "is no name"),
        ("belay/*/*", "is no name"),
    ] {
        let error = fleet
            .try_acquire(board, "somebody")
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains(wanted), "{error}");
    }
    let lease = fleet.try_acquire("belay/lab1/gone", "somebody").await.unwrap();
    let error = Box::pin(soon("an error", lease.builder().connect()))
        .await
        .unwrap_err();
    let said = belay_error(&error);
    assert!(
        said.contains("there is no port `/dev/no-board`") && said.contains("zenoh:belay/lab1/gone"),
        "{said}"
    );
}
