//! Boards behind servers that others wrote: Debian's ser2net, pyserial's RFC 2217 and a WebREPL, each before a
//! simulated board; and a board with MicroPython's own WebREPL.

use std::time::Duration;

use belay::transport::{Address, TransportError};
use belay::{Device, DeviceBuilder, ErrorKind, Output, ReconnectPolicy, ResetPolicy};
use belay_tests::{Server, on_both_runtimes, soon, unix, webrepl_board};

fn builder(address: &str) -> DeviceBuilder {
    let address: Address = address.parse().expect("an address");
    Device::builder(address)
}

async fn connected(address: &str) -> Device {
    let connecting = builder(address).connect();
    Box::pin(soon("a connection", connecting))
        .await
        .expect("the board answers")
}

/// Everything that works at a board's own port works through this address.
async fn all_works(address: &str) {
    let device = connected(address).await;
    assert_eq!(device.execute_as::<u32>("6 * 7").await.unwrap(), 42);
    every_byte_is_heard(&device).await;

    // More than the buffers on the way hold, in both directions.
    let contents: Vec<u8> = (0..30_000u32).map(|at| (at * at).to_le_bytes()[1]).collect();
    let files = device.files();
    files.write("/long.bin", &*contents).await.unwrap();
    assert_eq!(files.read("/long.bin").await.unwrap(), contents);

    // A call without end is stopped, and the next call works.
    let endless = tokio::time::timeout(Duration::from_millis(300), device.execute("while True: pass"));
    if let Ok(ended) = endless.await {
        panic!("{ended:?}");
    }
    assert_eq!(device.execute_as::<u32>("6 * 7").await.unwrap(), 42);

    soon("a reset", device.reset()).await.unwrap();
    assert_eq!(device.execute_as::<u32>("6 * 7").await.unwrap(), 42);
    soon("an end", device.close()).await.unwrap();

    let again = connected(address).await;
    assert_eq!(again.execute("print('again')").await.unwrap().trim(), "again");
    soon("an end", again.close()).await.unwrap();
}

/// All bytes arrive, also those with a meaning in Telnet and those that are no text.
async fn every_byte_is_heard(device: &Device) {
    let mut output = device.output();
    device
        .execute("import sys\nfor _ in range(3): sys.stdout.buffer.write(bytes(range(256)))")
        .await
        .unwrap();
    let wanted: Vec<u8> = (0..3).flat_map(|_| 0..=255).collect();
    let mut heard = Vec::new();
    while heard.len() < wanted.len() {
        match soon("output", output.next()).await {
            Some(Output::Bytes(bytes)) => heard.extend_from_slice(&bytes),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(heard, wanted);
}

async fn a_board_behind_ser2net_and_rfc_2217_works() {
    let board = unix().await;
    let server = Server::ser2net(&board, "telnet(rfc2217)").await;
    all_works(&format!("rfc2217://127.0.0.1:{}?baud=230400", server.port)).await;
}

async fn a_board_behind_ser2net_and_telnet_works() {
    let board = unix().await;
    let server = Server::ser2net(&board, "telnet").await;
    all_works(&format!("telnet://127.0.0.1:{}", server.port)).await;
}

async fn a_board_behind_pyserials_server_works() {
    let board = unix().await;
    let server = Server::pyserial(&board).await;
    all_works(&format!("rfc2217://127.0.0.1:{}", server.port)).await;
}

async fn a_board_behind_webrepl_works() {
    let board = unix().await;
    let server = Server::webrepl(&board, "hunter2").await;
    all_works(&format!("ws://:hunter2@127.0.0.1:{}", server.port)).await;
}

async fn a_board_with_micropythons_own_webrepl_works() {
    let (_board, port) = webrepl_board("hunter2").await;
    all_works(&format!("ws://:hunter2@127.0.0.1:{port}")).await;
}

on_both_runtimes! {
    a_board_with_micropythons_own_webrepl_works
    a_board_behind_ser2net_and_rfc_2217_works
    a_board_behind_ser2net_and_telnet_works
    a_board_behind_pyserials_server_works
    a_board_behind_webrepl_works
}

#[tokio::test]
async fn the_lines_of_a_port_behind_rfc_2217_are_set_pulsed_and_released_in_the_order_that_resets_no_board() {
    let board = unix().await;
    let mut server = Server::pyserial(&board).await;
    let device = connected(&format!("rfc2217://127.0.0.1:{}?baud=9600&flow=off", server.port)).await;
    let mut tells = async |lines: &[&str]| {
        for line in lines {
            assert_eq!(server.line().await, *line, "of {lines:?}");
        }
    };
    tells(&["dtr on", "rts on"]).await;
    soon("a reset", device.reset_with(ResetPolicy::Lines))
        .await
        .unwrap();
    tells(&["dtr off", "rts on", "dtr on", "rts on"]).await;
    // The reset was a connection of its own, which is closed like every connection.
    tells(&["rts off", "dtr off", "speed 9600"]).await;
    soon("an end", device.close()).await.unwrap();
    // The simulated board has no modem lines, and so was not reset; what the host then does instead comes first.
    let before = server.lines_until("speed").await;
    assert_eq!(before[before.len() - 3..], ["rts off", "dtr off", "speed 9600"]);
}

#[tokio::test]
async fn a_board_of_another_machine_works_by_ssh() {
    let board = unix().await;
    let server = Server::sshd().await;
    let port = board.port();
    let line = format!("stty -F {port} raw -echo && cat <{port} & exec cat >{port}");
    let address = format!("exec:{} '{line}'", server.ssh());
    let device = connected(&address).await;
    assert_eq!(device.execute_as::<u32>("6 * 7").await.unwrap(), 42);
    every_byte_is_heard(&device).await;
    let endless = tokio::time::timeout(Duration::from_millis(300), device.execute("while True: pass"));
    assert!(endless.await.is_err());
    assert_eq!(device.execute_as::<u32>("6 * 7").await.unwrap(), 42);
    soon("an end", device.close()).await.unwrap();
}

/// The error when this address is opened; it has to have a hint.
async fn refusal(address: &str) -> TransportError {
    let address: Address = address.parse().expect("an address");
    soon("a refusal", address.open())
        .await
        .err()
        .expect("it is refused")
}

#[tokio::test]
async fn a_server_that_speaks_otherwise_is_told_from_one_that_does_not_answer() {
    let board = unix().await;
    let telnet = Server::ser2net(&board, "telnet").await;
    let error = refusal(&format!("rfc2217://127.0.0.1:{}", telnet.port)).await;
    assert!(
        error
            .to_string()
            .ends_with("does not speak RFC 2217: it says that it has no serial port to set up"),
        "{error}"
    );
    assert!(error.hint().unwrap().contains("telnet://"));
    // A server that never answers.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    for scheme in ["telnet", "rfc2217"] {
        let error = refusal(&format!("{scheme}://{}", silent.local_addr().unwrap())).await;
        assert!(
            error.to_string().contains("it has not answered within 5 s"),
            "{error}"
        );
    }
    let error = refusal(&format!("ws://:x@127.0.0.1:{}", telnet.port)).await;
    assert!(
        matches!(error, TransportError::NotSpoken { what: "WebREPL", .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_password_that_is_wrong_or_missing_is_said_to_be_and_shown_nowhere() {
    let board = unix().await;
    let server = Server::webrepl(&board, "hunter2").await;
    let port = server.port;
    let wrong = refusal(&format!("ws://:swordfish@127.0.0.1:{port}")).await;
    assert_eq!(
        wrong.to_string(),
        format!("`ws://127.0.0.1:{port}` rejects the password")
    );
    let missing = refusal(&format!("ws://127.0.0.1:{port}")).await;
    assert_eq!(
        missing.to_string(),
        format!("`ws://127.0.0.1:{port}` needs a password, and none is given")
    );
    assert!(missing.hint().unwrap().contains("BELAY_WEBREPL_PASSWORD"));

    let connecting = builder(&format!("ws://:swordfish@127.0.0.1:{port}")).connect();
    let error = Box::pin(soon("a refusal", connecting)).await.err().unwrap();
    assert!(!format!("{error} {error:?}").contains("swordfish"), "{error:?}");
    assert!(!error.is_retryable());

    // Only one can be logged in: a second client is disconnected, and its error says why.
    let device = connected(&format!("ws://:hunter2@127.0.0.1:{port}")).await;
    assert!(!format!("{device:?}").contains("hunter2"), "{device:?}");
    let second = refusal(&format!("ws://:hunter2@127.0.0.1:{port}")).await;
    assert!(matches!(second, TransportError::HungUp(_)), "{second}");
    assert!(
        second
            .hint()
            .unwrap()
            .contains("is nobody else connected to the board?")
    );
    assert!(second.is_retryable());
    soon("an end", device.close()).await.unwrap();
}

#[tokio::test]
async fn micropythons_own_webrepl_takes_no_wrong_password_and_no_second_user_and_is_left_by_a_reset() {
    let (_board, port) = webrepl_board("hunter2").await;
    let wrong = refusal(&format!("ws://:swordfish@127.0.0.1:{port}")).await;
    assert!(
        matches!(wrong, TransportError::Password { given: true, .. }),
        "{wrong}"
    );
    let device = connected(&format!("ws://:hunter2@127.0.0.1:{port}")).await;
    let second = refusal(&format!("ws://:hunter2@127.0.0.1:{port}")).await;
    assert!(matches!(second, TransportError::HungUp(_)), "{second}");
    // Nobody resets it but itself, and its sockets go with that.
    let error = soon("an error", device.execute("import machine\nmachine.reset()"))
        .await
        .unwrap_err();
    assert!(
        matches!(
            error.kind(),
            ErrorKind::FateUnknown(_) | ErrorKind::Reset | ErrorKind::Disconnected(_)
        ),
        "{error:?}"
    );
    drop(device);
    let again = connected(&format!("ws://:hunter2@127.0.0.1:{port}")).await;
    assert_eq!(again.execute_as::<u32>("6 * 7").await.unwrap(), 42);
    soon("an end", again.close()).await.unwrap();
}

#[tokio::test]
async fn a_server_that_goes_is_told_of_and_the_board_is_found_again_when_it_is_back() {
    let board = unix().await;
    let server = Server::ser2net(&board, "telnet(rfc2217)").await;
    let port = server.port;
    let building = builder(&format!("rfc2217://127.0.0.1:{port}")).reconnect(ReconnectPolicy::attempts(20));
    let device = Box::pin(soon("a connection", building.connect())).await.unwrap();
    let mut output = device.output();
    let calling = device.execute("import time\nprint('x')\ntime.sleep(60)");
    let (called, ()) = tokio::join!(soon("an error", calling), async {
        soon("output", output.next()).await;
        drop(server);
    });
    let error = called.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::FateUnknown(_)), "{error:?}");
    let _back = Server::ser2net_at(port, &board, "telnet(rfc2217)").await;
    assert_eq!(
        soon("an answer", device.execute_as::<u32>("6 * 7"))
            .await
            .unwrap(),
        42
    );
    soon("an end", device.close()).await.unwrap();
}
