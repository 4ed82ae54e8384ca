//! Boards that endlessly send what no real board sends: deadlines still hold, and closing still ends.

use std::time::{Duration, Instant};

use belay_runtime::ErrorKind;
use belay_runtime::link::{CallPath, Deadlines, Link, LinkOptions, Request};
use belay_tests::{Asked, Puppet, Secrets, soon, unix};
use futures_util::StreamExt as _;

const BRIEF: Duration = Duration::from_millis(300);

fn options() -> LinkOptions {
    let mut deadlines = Deadlines::default();
    deadlines.interrupt = BRIEF;
    deadlines.resync = BRIEF;
    deadlines.close = BRIEF;
    LinkOptions::default()
        .with_call_path(CallPath::Agent)
        .with_deadlines(deadlines)
}

/// A board that sends this for ever, whatever the host sends.
async fn flooding(flood: impl Fn(&Secrets) -> Vec<u8> + Send + 'static) -> (belay_sim::Board, Link) {
    let board = unix().await;
    let (puppet, connector) = Puppet::of(board.port());
    let link = Link::connect(&connector, options()).await.unwrap();
    puppet.act(move |secrets, written| {
        written.clear();
        flood(secrets)
    });
    (board, link)
}

fn evaluate(expression: &str) -> Request {
    Request::Evaluate(expression.to_owned())
}

async fn a_deadline_and_the_end_come_in_time(flood: impl Fn(&Secrets) -> Vec<u8> + Send + 'static) {
    let (_board, link) = flooding(flood).await;
    let request = link.request(evaluate("1"), BRIEF);
    let error = soon("the deadline", request).await.unwrap_err();
    let ended = matches!(
        error.kind(),
        ErrorKind::Unresponsive { .. } | ErrorKind::Timeout { .. }
    );
    assert!(ended, "{error}");
    // Closing cannot succeed with such a board, but it ends in time.
    soon("the end", link.close()).await.unwrap_err();
}

belay_tests::on_both_runtimes! {
    output_without_end_starves_nobody
    frames_without_end_starve_nobody
    signs_of_a_restart_without_end_starve_nobody
    answers_to_what_was_never_asked_starve_nobody
    a_stream_whose_batches_are_all_empty_ends_at_its_deadline
}

async fn output_without_end_starves_nobody() {
    a_deadline_and_the_end_come_in_time(|_| vec![b'x'; 4096]).await;
}

async fn frames_without_end_starve_nobody() {
    a_deadline_and_the_end_come_in_time(|secrets| secrets.frame(b'-', b's', b"1").repeat(64)).await;
}

async fn signs_of_a_restart_without_end_starve_nobody() {
    a_deadline_and_the_end_come_in_time(|_| b"MPY: soft reboot\r\n>>> ".repeat(64)).await;
}

async fn answers_to_what_was_never_asked_starve_nobody() {
    a_deadline_and_the_end_come_in_time(|secrets| secrets.frame(b'z', b'v', b"1").repeat(64)).await;
}

async fn a_stream_whose_batches_are_all_empty_ends_at_its_deadline() {
    let board = unix().await;
    let (puppet, connector) = Puppet::of(board.port());
    let link = Link::connect(&connector, options()).await.unwrap();
    puppet.act(|secrets, written| {
        let mut answer = Vec::new();
        while let Some(Asked { number, kind, body }) = Asked::next(written) {
            answer.extend(match kind {
                b's' | b'n' => secrets.frame(number, b'p', b"0"),
                b'p' => secrets.frame(number, b'o', body.as_bytes()),
                _ => secrets.frame(number, b'v', b"None"),
            });
        }
        answer
    });
    let begun = Instant::now();
    let mut items = link.stream(evaluate("range(3)"), BRIEF);
    let item = soon("the deadline", items.next()).await.unwrap();
    let error = item.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Timeout { .. }), "{error}");
    assert!(begun.elapsed() >= BRIEF);
    assert!(items.next().await.is_none());
    // The next call works.
    link.request(evaluate("1"), BRIEF).await.unwrap();
}
