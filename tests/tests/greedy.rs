//! Peers that endlessly send data that the host has to keep: a setting limits how much it keeps.

use std::time::Duration;

use belay_runtime::ErrorKind;
use belay_runtime::link::{CallPath, Deadlines, Link, LinkOptions, Payload, Request};
use belay_runtime::transport::{Address, Connector};
use belay_sim::Board;
use belay_tests::{Asked, Puppet, Secrets, soon, unix};
use futures_util::StreamExt as _;
use tokio::sync::Mutex;

const BRIEF: Duration = Duration::from_millis(500);
/// The limit for an answer, in bytes.
const LIMIT: usize = 1 << 20;
/// How much a peer sends, in bytes.
const MUCH: usize = 64 << 20;
/// By how much the host's memory may grow, in bytes: the data that it keeps, and its working memory.
const BOUND: u64 = 24 << 20;

fn options(path: CallPath) -> LinkOptions {
    let mut deadlines = Deadlines::default();
    deadlines.execute = BRIEF;
    deadlines.interrupt = BRIEF;
    deadlines.resync = BRIEF;
    deadlines.close = BRIEF;
    LinkOptions::default()
        .with_call_path(path)
        .with_answer_limit(LIMIT)
        .with_deadlines(deadlines)
}

fn evaluate(expression: &str) -> Request {
    Request::Evaluate(expression.to_owned())
}

/// The memory of this process in bytes: `VmRSS` now, `VmHWM` at its maximum.
fn memory(what: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(what)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// Runs some work and checks that the host's memory stays within the bound. Only one test at a time, since the memory
/// is that of the whole process.
async fn within_bound<T>(work: impl Future<Output = T>) -> T {
    static ALONE: Mutex<()> = Mutex::const_new(());
    let _alone = ALONE.lock().await;
    // Resets the maximum to the current value.
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = memory("VmRSS:");
    let done = work.await;
    let grown = memory("VmHWM:").saturating_sub(before);
    assert!(grown < BOUND, "the host took {grown} bytes");
    done
}

/// Pieces to be sent one after the other; each is allocated only when its turn comes.
type Pieces = Box<dyn Iterator<Item = Vec<u8>> + Send>;

/// The pieces of an almost endless answer.
fn filling() -> impl Iterator<Item = Vec<u8>> {
    (0..MUCH / 4096).map(|_| vec![b'x'; 4096])
}

/// A board that answers each request, and anything else that the host sends, in this way.
async fn answering(mut answer: impl FnMut(&Secrets, Asked) -> Pieces + Send + 'static) -> (Board, Link) {
    let board = unix().await;
    let (puppet, connector) = Puppet::of(board.port());
    let link = Link::connect(&connector, options(CallPath::Agent)).await.unwrap();
    let mut pieces: Pieces = Box::new(std::iter::empty());
    puppet.act(move |secrets, written| {
        if let Some(piece) = pieces.next() {
            return piece;
        }
        match Asked::next(written) {
            Some(asked) if asked.kind == b'p' => secrets.frame(asked.number, b'o', asked.body.as_bytes()),
            Some(asked) => {
                pieces = answer(secrets, asked);
                pieces.next().unwrap()
            }
            None => Vec::new(),
        }
    });
    (board, link)
}

async fn is_too_long(link: &Link) {
    let request = link.request(evaluate("1"), BRIEF * 20);
    let error = soon("the end", request).await.unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::TooLong { limit: LIMIT }),
        "{error}"
    );
    assert!(error.hint().is_some());
}

#[tokio::test]
async fn a_frame_that_never_ends() {
    let (_board, link) = answering(|secrets, asked| {
        let start = [secrets.start().as_slice(), &[asked.number, b'v']].concat();
        Box::new(std::iter::once(start).chain(filling()))
    })
    .await;
    within_bound(is_too_long(&link)).await;
}

#[tokio::test]
async fn a_frame_that_nobody_asked_for() {
    let board = unix().await;
    let (puppet, connector) = Puppet::of(board.port());
    let link = Link::connect(&connector, options(CallPath::Agent)).await.unwrap();
    let mut events = link.events();
    within_bound(async {
        let mut pieces: Option<Pieces> = None;
        puppet.act(move |secrets, _| {
            let pieces = pieces.get_or_insert_with(|| {
                let start = [secrets.start().as_slice(), b"-s"].concat();
                // The end of the event, and one that is short enough.
                let end = [b"\x03".as_slice(), &secrets.frame(b'-', b's', b"1")].concat();
                Box::new(std::iter::once(start).chain(filling()).chain([end]))
            });
            pieces.next().unwrap_or_default()
        });
        soon("an event", events.next()).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn parts_without_end() {
    let (_board, link) = answering(|secrets, asked| {
        let (secrets, part) = (secrets.clone(), "eHh4".repeat(512));
        Box::new((0..MUCH / part.len()).map(move |index| {
            let payload = format!("{index}:{part}");
            secrets.frame(asked.number, b'+', payload.as_bytes())
        }))
    })
    .await;
    within_bound(is_too_long(&link)).await;
}

#[tokio::test]
async fn parts_with_nothing_in_them() {
    let (_board, link) = answering(|secrets, asked| {
        let secrets = secrets.clone();
        Box::new((0..1_000_000_usize).map(move |index| {
            let payload = format!("{}:", index * 1_000_003);
            secrets.frame(asked.number, b'+', payload.as_bytes())
        }))
    })
    .await;
    within_bound(is_too_long(&link)).await;
}

#[tokio::test]
async fn items_that_nobody_takes() {
    let (_board, link) = answering(|secrets, asked| {
        let item = ["0:", &"x".repeat(LIMIT / 2)].concat();
        let end = secrets.frame(asked.number, b'p', b"1");
        Box::new([secrets.frame(asked.number, b'y', item.as_bytes()), end].into_iter())
    })
    .await;
    within_bound(async {
        let mut items = link.stream(evaluate("range(3)"), BRIEF * 20);
        soon("an item", items.next()).await.unwrap().unwrap();
        // While these calls fail, the peer has the time to send everything that it was asked for.
        for _ in 0..10 {
            link.request(evaluate("1"), BRIEF * 20).await.unwrap_err();
        }
        // The other items come when they are asked for.
        for _ in 0..20 {
            soon("an item", items.next()).await.unwrap().unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn a_hello_that_never_ends() {
    let board = unix().await;
    let (puppet, connector) = Puppet::of(board.port());
    let mut pieces: Option<Pieces> = None;
    puppet.act_from_the_hello(move |secrets, _| {
        let pieces = pieces.get_or_insert_with(|| {
            let start = [secrets.start().as_slice(), b"-h"].concat();
            Box::new(std::iter::once(start).chain(filling()))
        });
        pieces.next().unwrap_or_default()
    });
    let mut options = options(CallPath::Agent);
    // Long enough for everything that the peer sends.
    options.deadlines.execute = BRIEF * 10;
    let connecting = Link::connect(&connector, options);
    within_bound(soon("the end", connecting)).await.unwrap_err();
}

#[tokio::test]
async fn output_of_a_call_that_is_to_give_it() {
    for path in [CallPath::Agent, CallPath::RawRepl] {
        let board = unix().await;
        let connector = Connector::from(board.port().parse::<Address>().unwrap());
        let link = Link::connect(&connector, options(path)).await.unwrap();
        let code = format!(
            "[print('x'*1024,end='')for i in range({})]and None",
            (MUCH >> 2) / 1024
        );
        let run = link.run(evaluate(&code), BRIEF * 100);
        let answer = within_bound(soon("the answer", run)).await.unwrap();
        let note = format!("[{} bytes lost]", (MUCH >> 2) - LIMIT);
        assert_eq!(answer.printed.len(), LIMIT + note.len());
        assert!(answer.printed.ends_with(note.as_bytes()));
        link.close().await.unwrap();
    }
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_told_and_the_next_call_works() {
    within_bound(async {
        for path in [CallPath::Agent, CallPath::RawRepl] {
            let board = Board::unix().heap_kb(32 << 10).start().await.unwrap();
            let connector = Connector::from(board.port().parse::<Address>().unwrap());
            let mut options = options(path);
            // Even on a slow machine the board has to send everything before it takes the next call.
            options.deadlines.interrupt = BRIEF * 20;
            options.deadlines.resync = BRIEF * 20;
            let link = Link::connect(&connector, options).await.unwrap();
            let second = || link.request(evaluate("1"), BRIEF * 20);
            for long in ["'x'*2000000", "bytes(2000000)"] {
                let request = link.request(evaluate(long), BRIEF * 20);
                let error = soon("the end", request).await.unwrap_err();
                assert!(
                    matches!(error.kind(), ErrorKind::TooLong { .. }),
                    "{path:?}: {error}"
                );
                assert_eq!(second().await.unwrap(), Payload::Repr(b"1".to_vec()), "{path:?}");
                let mut items = link.stream(evaluate(&format!("[1,{long}]")), BRIEF * 20);
                soon("an item", items.next()).await.unwrap().unwrap();
                let error = soon("the end", items.next()).await.unwrap().unwrap_err();
                assert!(
                    matches!(error.kind(), ErrorKind::TooLong { .. }),
                    "{path:?}: {error}"
                );
                assert_eq!(second().await.unwrap(), Payload::Repr(b"1".to_vec()), "{path:?}");
            }
            link.close().await.unwrap();
        }
    })
    .await;
}
