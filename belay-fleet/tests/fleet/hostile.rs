//! Somebody on the network who says whatever comes to his mind, by seeds, while somebody else uses a board.

use std::time::Duration;

use belay_fleet::Query;
use zenoh::Session;
use zenoh::liveliness::LivelinessToken;
use zenoh::query::Queryable;

use crate::harness::{board, config, fleet, place, server, soon, variable};

/// How much is said, unless this variable says it, and the first seed.
const SAID: u64 = 3_000;

/// What is nearly right: what the two sides say to each other.
const SAYINGS: [&str; 8] = [
    r#""info""#,
    r#"{"lease":{"token":1,"name":"stranger","deadline":5000}}"#,
    r#"{"open":{"token":1,"stream":1}}"#,
    r#"{"release":{"token":1}}"#,
    r#"{"info":{"tags":{"serial":"unix"},"held":null}}"#,
    r#"{"yes":{"flow_control":true}}"#,
    r#"{"held":{"by":"nobody"}}"#,
    r#"{"failed":{"why":"because"}}"#,
];

/// Bytes that have no meaning, or nearly one.
fn nonsense(random: &mut fastrand::Rng) -> Vec<u8> {
    if random.u8(..20) == 0 {
        return vec![random.u8(..); random.usize(..200_000)];
    }
    let mut bytes = match random.u8(..3) {
        0 => (0..random.usize(..64)).map(|_| random.u8(..)).collect(),
        1 => {
            // A piece of a stream, of whatever place in it.
            let mut piece = vec![random.u8(..4)];
            piece.extend([0, 1, u64::MAX, random.u64(..)][random.usize(..4)].to_be_bytes());
            piece.extend((0..random.usize(..9)).map(|_| random.u8(..)));
            piece
        }
        _ => SAYINGS[random.usize(..SAYINGS.len())].as_bytes().to_vec(),
    };
    for _ in 0..random.usize(..3) {
        if !bytes.is_empty() {
            let at = random.usize(..bytes.len());
            bytes[at] = random.u8(..);
        }
    }
    bytes
}

/// Where something can be said: of the board, of others, of none.
fn somewhere(random: &mut fastrand::Rng) -> String {
    let board = ["belay/lab1/unix", "belay/lab1/other", "belay/lab2/unix"][random.usize(..3)];
    let stream = random.u64(..);
    match random.u8(..8) {
        0 | 1 => format!("{board}/ask"),
        2 => format!("{board}/beat"),
        3 => format!("{board}/freed"),
        4 => format!("{board}/s/{stream:016x}/in"),
        5 => format!("{board}/s/{stream:016x}/out"),
        6 => format!("belay/{stream:x}"),
        _ => format!("belay/lab1/{stream:x}/{board}"),
    }
}

/// Says one thing. What is announced stays for as long as the stranger does.
async fn say(
    stranger: &Session,
    random: &mut fastrand::Rng,
    tokens: &mut Vec<LivelinessToken>,
) -> zenoh::Result<()> {
    let (to, what) = (somewhere(random), nonsense(random));
    match random.u8(..12) {
        0 if tokens.len() < 50 => {
            let names = [
                "belay/lab2/unix",
                "belay/lab1/a b",
                "belay/lab3/né",
                "belay/lab4",
                "belay/a/b/c",
            ];
            let name = names[random.usize(..names.len())];
            tokens.push(stranger.liveliness().declare_token(name).await?);
        }
        1 => drop(tokens.pop()),
        2..6 => {
            let asked = stranger
                .get(to)
                .payload(what)
                .timeout(Duration::from_secs(1))
                .await?;
            while asked.recv_async().await.is_ok() {}
        }
        6 => stranger.delete(to).await?,
        _ => stranger.put(to, what).await?,
    }
    Ok(())
}

/// Answers whatever anybody asks, in the place of all servers, with what makes no sense.
async fn answer(stranger: &Session, seed: u64) -> Queryable<()> {
    let random = std::sync::Mutex::new(fastrand::Rng::with_seed(seed));
    let answers = stranger.declare_queryable("belay/**").callback(move |query| {
        let what = nonsense(&mut random.lock().unwrap());
        let replying = query.reply(query.key_expr().clone(), what);
        // A pattern has no answer; whoever asks hears from the others.
        let _ = zenoh::Wait::wait(replying);
    });
    answers.await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_stranger_says_who_has_a_board_keeps_it_and_is_answered() {
    let (said, seed) = (variable("BELAY_SAID", SAID), variable("BELAY_SEED", 1));
    let place = place();
    let server = server(&place, "lab1").await;
    let (_board, address) = board().await;
    server
        .announce("unix", address, [("serial", "unix")])
        .await
        .unwrap();
    let fleet = fleet(&place).await;
    let lease = soon("a lease", fleet.try_acquire("belay/lab1/unix", "user"))
        .await
        .unwrap();
    let device = Box::pin(soon("a device", lease.builder().connect()))
        .await
        .unwrap();
    // Follows what is announced all the while.
    let _follows = fleet.boards(&Query::new()).await.unwrap();

    let stranger = soon("a stranger", zenoh::open(config("connect", &place)).into_future())
        .await
        .unwrap();
    let saying = tokio::spawn(async move {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut tokens = Vec::new();
        let answers = answer(&stranger, seed).await;
        for _ in 0..said {
            say(&stranger, &mut random, &mut tokens).await.unwrap();
        }
        drop((answers, tokens));
        stranger.close().await.unwrap();
    });
    let mut calls = 0_u32;
    while !saying.is_finished() {
        let answer = soon("an answer", device.execute_as::<u32>(&format!("{calls} + 1"))).await;
        assert_eq!(answer.unwrap(), calls + 1);
        // Whoever asks all of them hears of this one, whatever others say.
        let listed = soon("a list", fleet.list(&Query::new())).await.unwrap();
        let ours = listed.iter().find(|info| info.board == "belay/lab1/unix");
        assert_eq!(ours.unwrap().held_by.as_deref(), Some("user"), "{listed:?}");
        calls += 1;
    }
    saying.await.unwrap();
    println!("{said} things said from seed {seed}, {calls} calls answered meanwhile");
    soon("an end", device.close()).await.unwrap();
    drop((device, lease));
    let next = soon("a lease", fleet.acquire(&Query::new(), "next"))
        .await
        .unwrap();
    assert_eq!(next.board(), "belay/lab1/unix");
}
