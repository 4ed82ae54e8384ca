//! What is printed belongs to the call that printed it, whichever threads of the host it goes through.

use belay::{CallPath, Output};
use belay_tests::{connected_with, soon};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::JoinSet;

/// How many calls are made: most where the schedule can differ from one to the next.
fn calls() -> u32 {
    match Handle::current().runtime_flavor() {
        RuntimeFlavor::MultiThread => 3_000,
        _ => 300,
    }
}

async fn each_call_gives_what_it_printed(path: CallPath) {
    let (_board, device) = connected_with(|builder| builder.call_path(path)).await;
    for i in 0..calls() {
        let printed = device.execute(&format!("x = {i}\nprint(x + 1)")).await.unwrap();
        assert_eq!(printed.trim_end(), (i + 1).to_string());
    }
    device.close().await.unwrap();
}

async fn calls_at_the_same_time_each_give_what_they_printed(path: CallPath) {
    let (_board, device) = connected_with(|builder| builder.call_path(path)).await;
    let mut callers = JoinSet::new();
    for who in 0..8 {
        let device = device.clone();
        callers.spawn(async move {
            for i in 0..calls() / 24 {
                // Short enough to be sent before the one in front of it is answered.
                let printed = device.execute(&format!("print({who},{i})")).await.unwrap();
                assert_eq!(printed.trim_end(), format!("{who} {i}"));
            }
        });
    }
    soon("the end of all calls", callers.join_all()).await;
    device.close().await.unwrap();
}

async fn what_a_call_printed_is_there_for_a_subscriber_when_the_call_returns(path: CallPath) {
    let (_board, device) = connected_with(|builder| builder.call_path(path)).await;
    let mut output = device.output();
    for i in 0..calls() / 3 {
        device.execute_as::<()>(&format!("print({i})")).await.unwrap();
        let wanted = i.to_string();
        let mut heard = Vec::new();
        // What is there already comes before the sign that nothing more does.
        while let Some(Output::Bytes(piece)) = now(output.next()).await {
            heard.extend_from_slice(&piece);
        }
        assert_eq!(String::from_utf8_lossy(&heard).trim_end(), wanted);
    }
    device.close().await.unwrap();
}

/// What a future gives without waiting.
async fn now<T>(future: impl Future<Output = Option<T>>) -> Option<T> {
    tokio::select! {
        biased;
        value = future => value,
        () = std::future::ready(()) => None,
    }
}

belay_tests::on_both_runtimes! { over both paths:
    each_call_gives_what_it_printed
    calls_at_the_same_time_each_give_what_they_printed
    what_a_call_printed_is_there_for_a_subscriber_when_the_call_returns
}
