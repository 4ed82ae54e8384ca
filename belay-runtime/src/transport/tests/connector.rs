use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::AsyncWriteExt as _;

use super::super::{Connector, ModemLines, StreamTransport, Transport as _, TransportError};
use super::{read, read_to_the_error};

#[tokio::test]
async fn a_stream_of_the_users_is_a_transport_that_can_be_opened_again() {
    let opened = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&opened);
    let connector = Connector::new("the board", move || {
        let count = counter.fetch_add(1, Ordering::Relaxed);
        async move {
            let (near, mut far) = tokio::io::duplex(64);
            far.write_all(format!("{count}").as_bytes()).await?;
            Ok::<_, io::Error>(StreamTransport::new(near, "a pipe"))
        }
    });
    for expected in [b"0", b"1"] {
        let mut transport = connector.open().await.unwrap();
        assert_eq!(transport.description(), "a pipe");
        assert_eq!(transport.set_lines(true, true).unwrap(), ModemLines::Unsupported);
        assert_eq!(read(&mut transport, 1).await.unwrap(), expected);
        // The far end was dropped: that is an error and not a read of nothing.
        let error = read_to_the_error(&mut transport).await;
        assert!(matches!(error, TransportError::HungUp(_)), "{error}");
    }
    assert_eq!(opened.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn an_async_closure_is_a_connector_and_its_failure_is_the_errors_source() {
    let connector = Connector::new("nowhere", async || {
        Err::<StreamTransport<tokio::io::DuplexStream>, _>(io::Error::other("no such luck"))
    });
    let error = connector.open().await.err().unwrap();
    assert!(
        matches!(&error, TransportError::Io(source) if source.to_string() == "no such luck"),
        "{error}"
    );
    assert_eq!(connector.name(), "nowhere");
}
