use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::{Address, Connector, StreamTransport, Transport as _, TransportError};
use super::{open, text};

#[tokio::test]
async fn an_address_without_its_feature_says_which_one_it_needs() {
    for (address, feature, built) in [
        ("/dev/tty-of-no-board", "serial", cfg!(feature = "serial")),
        ("usb:dead:beef", "serial", cfg!(feature = "serial")),
        ("exec:/no/such/program", "process", cfg!(feature = "process")),
        ("pty:/no/such/program", "process", cfg!(feature = "process")),
        ("tcp://127.0.0.1:1", "tcp", cfg!(feature = "tcp")),
        ("telnet://127.0.0.1:1", "telnet", cfg!(feature = "telnet")),
        ("rfc2217://127.0.0.1:1", "rfc2217", cfg!(feature = "rfc2217")),
        ("ws://127.0.0.1:1", "webrepl", cfg!(feature = "webrepl")),
    ] {
        let error = open(address).await.err().expect(address);
        let missing = matches!(error, TransportError::NotBuilt { .. });
        assert_eq!(missing, !built, "{error}");
        if missing {
            assert!(!error.is_retryable());
            let help = format!("run `cargo add belay-rs --features {feature}`");
            let text = text(&error);
            assert!(text.contains(address) && text.contains(&help), "{text}");
        }
    }
}

#[tokio::test]
async fn a_board_of_another_machine_is_opened_by_what_another_crate_has_provided() {
    const ADDRESS: &str = "zenoh:belay/lab1/pico-E660";
    let error = open(ADDRESS).await.err().unwrap();
    assert!(!error.is_retryable());
    let told = text(&error);
    assert!(told.contains(ADDRESS) && told.contains("belay-fleet"), "{told}");

    let made = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&made);
    super::super::provide_zenoh(move |board| {
        count.fetch_add(1, Ordering::Relaxed);
        let board = board.to_owned();
        Connector::new(board.clone(), move || {
            let (near, far) = tokio::io::duplex(64);
            let board = board.clone();
            async move {
                drop(far);
                Ok::<_, TransportError>(StreamTransport::new(near, board))
            }
        })
    });
    let connector = Connector::from(ADDRESS.parse::<Address>().unwrap());
    for _ in 0..2 {
        let opened = connector.open().await.unwrap();
        assert_eq!(opened.description(), "belay/lab1/pico-E660");
    }
    assert_eq!(
        made.load(Ordering::Relaxed),
        1,
        "what leads there is kept between openings"
    );
    assert!(open(ADDRESS).await.is_ok());
}
