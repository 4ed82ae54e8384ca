//! A port that this program itself is about to close: opening it again waits for that.

use std::time::Duration;

use belay_runtime::link::{CallPath, Deadlines, Link, LinkOptions, Request};
use belay_runtime::transport::{Address, Connector};
use belay_runtime::{Output, Phase};
use belay_sim::Board;
use belay_tests::{PATIENCE, soon, unix};

/// A program that takes long to end after an interrupt: longer than a port's lock outlives the program that held it,
/// and shorter than the time that the link gives a board on closing.
const SLOW_TO_END: &str = "\
def slow():
 import time
 try:
  print('it runs')
  while True:time.sleep_ms(1)
 finally:time.sleep_ms(1500)
slow()";

async fn connect(board: &Board, path: CallPath, open: Duration) -> belay_runtime::Result<Link> {
    let address: Address = board.port().parse().expect("an address");
    let options = LinkOptions::default()
        .with_call_path(path)
        .with_deadlines(Deadlines::default().with(Phase::Open, open));
    soon("a link", Link::connect(&Connector::from(address), options)).await
}

/// A board whose link was dropped during a call that is slow to end.
async fn dropped_while_it_runs(path: CallPath) -> Board {
    let board = unix().await;
    let link = connect(&board, path, PATIENCE).await.expect("a link");
    let mut output = link.output();
    let expression = format!("exec({SLOW_TO_END:?})");
    {
        let call = link.request(Request::Evaluate(expression), PATIENCE);
        let runs = async {
            let mut heard = String::new();
            while !heard.contains("it runs") {
                if let Some(Output::Bytes(bytes)) = output.next().await {
                    heard.push_str(&String::from_utf8_lossy(&bytes));
                }
            }
        };
        tokio::select! {
            ended = call => panic!("the call has ended: {ended:?}"),
            () = soon("output", runs) => {}
        }
    }
    board
}

async fn connecting_waits_for_the_link_before_to_leave_the_board(path: CallPath) {
    let board = dropped_while_it_runs(path).await;
    let link = connect(&board, path, PATIENCE).await.expect("a link");
    link.close().await.expect("a clean end");
}

async fn a_port_that_is_not_released_in_time_is_said_to_be_held_by_this_program_itself(path: CallPath) {
    let board = dropped_while_it_runs(path).await;
    let error = connect(&board, path, Duration::from_millis(50))
        .await
        .expect_err("no link");
    assert_eq!(error.phase(), Some(Phase::Open));
    assert!(
        error.to_string().contains("in use by this program itself"),
        "{error}"
    );
}

async fn dropping_and_connecting_again_at_once_works_each_time(path: CallPath) {
    let board = unix().await;
    for _ in 0..20 {
        let link = connect(&board, path, PATIENCE).await.expect("a link");
        let sum = link.request(Request::Evaluate("1+1".into()), PATIENCE);
        sum.await.expect("a sum");
    }
}

belay_tests::on_both_runtimes! {
    over both paths:
    connecting_waits_for_the_link_before_to_leave_the_board
    a_port_that_is_not_released_in_time_is_said_to_be_held_by_this_program_itself
    dropping_and_connecting_again_at_once_works_each_time
}
