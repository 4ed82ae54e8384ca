use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::super::{Address, Connector, Transport as _, TransportError};
use super::{LIMIT, open, read, read_to_the_error, text, write};

#[tokio::test]
async fn a_connector_may_give_what_an_address_opens() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: Address = format!("tcp://{}", listener.local_addr().unwrap())
        .parse()
        .unwrap();
    let connector = Connector::new("rack 3", move || {
        let address = address.clone();
        async move { address.open().await }
    });
    assert!(connector.open().await.unwrap().flow_control());
}

#[tokio::test]
async fn tcp_carries_every_byte_both_ways_and_its_end_is_an_error_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("tcp://{}?flow=off", listener.local_addr().unwrap());
    let (transport, accepted) = tokio::join!(open(&address), listener.accept());
    let (mut near, mut far) = (transport.unwrap(), accepted.unwrap().0);
    assert_eq!(near.description(), address);
    assert!(!near.flow_control());

    let every_byte: Vec<u8> = (0..=255).collect();
    write(&mut *near, &every_byte).await.unwrap();
    let mut received = [0; 256];
    far.read_exact(&mut received).await.unwrap();
    assert_eq!(received[..], every_byte);
    far.write_all(&every_byte).await.unwrap();
    drop(far);
    assert_eq!(read(&mut *near, 256).await.unwrap(), every_byte);
    let error = read_to_the_error(&mut *near).await;
    assert!(matches!(error, TransportError::HungUp(_)), "{error}");
}

#[tokio::test]
async fn closing_tcp_tells_the_other_side() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap());
    let (transport, accepted) = tokio::join!(open(&address), listener.accept());
    let (mut near, mut far) = (transport.unwrap(), accepted.unwrap().0);
    write(&mut *near, b"bye").await.unwrap();
    near.close(LIMIT).await;
    let mut received = Vec::new();
    far.read_to_end(&mut received).await.unwrap();
    assert_eq!(received, b"bye");
}

#[tokio::test]
async fn a_refused_connection_says_that_nothing_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = open(&address).await.err().unwrap();
    assert_eq!(
        text(&error),
        format!(
            "cannot connect to `{address}`\nthe host answers, but nothing listens on that port: is the serial \
             server running?"
        )
    );
    assert!(error.is_retryable());
}
