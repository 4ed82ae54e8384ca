//! The serial transport on the port of a real board.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use belay_runtime::transport::{Address, Connector, ModemLines, Transport, TransportError};
use belay_sim::Board;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

/// Longer than anything here takes on a slow machine; a test that reaches it has failed.
const LIMIT: Duration = Duration::from_secs(30);

/// Sends something and reads up to and including the answer.
async fn exchange(port: &mut dyn Transport, request: &[u8], answer: &str) -> String {
    timeout(LIMIT, port.write_all(request))
        .await
        .expect("writing ends")
        .unwrap();
    let mut received = Vec::new();
    while !received.ends_with(answer.as_bytes()) {
        let byte = timeout(LIMIT, port.read_u8()).await;
        let byte = byte.unwrap_or_else(|_| panic!("only this came: {}", received.escape_ascii()));
        received.push(byte.unwrap());
    }
    String::from_utf8_lossy(&received).into_owned()
}

async fn six_times_seven(port: &mut dyn Transport) {
    exchange(port, b"\r\x03\x03\r\x01", "raw REPL; CTRL-B to exit\r\n>").await;
    let answer = exchange(port, b"print(6 * 7)\x04", "\x04>").await;
    assert!(answer.starts_with("OK42"), "{answer:?}");
}

#[tokio::test]
async fn a_real_board_answers_on_its_port_which_is_then_nobody_elses() {
    let board = Board::unix().start().await.unwrap();
    let address: Address = board.port().parse().unwrap();
    let mut port = address.open().await.unwrap();
    assert!(port.flow_control());
    assert_eq!(port.set_lines(false, false).unwrap(), ModemLines::Unsupported);
    six_times_seven(&mut *port).await;
    assert!(matches!(address.open().await, Err(TransportError::Busy { .. })));
    six_times_seven(&mut *port).await;
    timeout(LIMIT, port.close(Duration::from_secs(1)))
        .await
        .expect("closing ends");
    six_times_seven(&mut *address.open().await.unwrap()).await;
}

#[tokio::test]
async fn the_inside_of_a_simulated_board_is_nobodys_port() {
    let board = Board::unix().start().await.unwrap();
    // The kernel may reuse the name of a port that another program is still using.
    let inside = std::fs::read_link(format!("/proc/{}/fd/0", board.process_id())).unwrap();
    let address: Address = inside.to_str().unwrap().parse().unwrap();
    assert!(matches!(address.open().await, Err(TransportError::Busy { .. })));
    let mut port = board.port().parse::<Address>().unwrap().open().await.unwrap();
    six_times_seven(&mut *port).await;
}

#[tokio::test]
async fn a_board_that_is_unplugged_is_an_error_at_once_and_is_found_again_under_another_name() {
    let mut board = Board::unix().start().await.unwrap();
    let name = Arc::new(Mutex::new(board.port().to_owned()));
    let looked_up = Arc::clone(&name);
    let connector = Connector::new("the board", move || {
        let address = Address::serial(looked_up.lock().unwrap().as_str());
        async move { address.open().await }
    });
    let mut port = connector.open().await.unwrap();
    six_times_seven(&mut *port).await;

    board.vanish().unwrap();
    let error = timeout(LIMIT, port.read_u8())
        .await
        .expect("the error comes at once")
        .unwrap_err();
    let error = TransportError::from(error);
    assert!(matches!(error, TransportError::Vanished(_)), "{error}");
    drop(port);
    assert!(matches!(
        connector.open().await,
        Err(TransportError::NotFound { .. })
    ));

    board.appear().unwrap().clone_into(&mut name.lock().unwrap());
    six_times_seven(&mut *connector.open().await.unwrap()).await;
}
