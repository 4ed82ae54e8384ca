//! What the transports do, on real pseudo-terminals, sockets and processes.

mod address;
mod connector;
mod features;
#[cfg(feature = "serial")]
mod ports;
#[cfg(all(feature = "process", unix))]
mod process;
#[cfg(all(feature = "serial", unix))]
mod serial;
#[cfg(feature = "tcp")]
mod tcp;
#[cfg(all(feature = "serial", unix))]
mod terminal;

use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::time::timeout;

use super::{Address, Transport, TransportError};

/// Longer than anything here takes on a slow machine; a test that meets it has failed.
const LIMIT: Duration = Duration::from_secs(20);

async fn open(address: &str) -> Result<Box<dyn Transport>, TransportError> {
    let address: Address = address.parse()?;
    timeout(LIMIT, address.open()).await.expect("opening ends")
}

#[cfg(any(feature = "serial", feature = "process", feature = "tcp"))]
async fn write(transport: &mut (impl Transport + ?Sized), bytes: &[u8]) -> Result<(), TransportError> {
    timeout(LIMIT, tokio::io::AsyncWriteExt::write_all(transport, bytes))
        .await
        .expect("writing ends")
        .map_err(TransportError::from)
}

async fn read(transport: &mut (impl Transport + ?Sized), count: usize) -> Result<Vec<u8>, TransportError> {
    let mut bytes = vec![0; count];
    timeout(LIMIT, transport.read_exact(&mut bytes))
        .await
        .expect("reading ends")?;
    Ok(bytes)
}

/// The error that reading gives once everything that was still on the line has been read.
async fn read_to_the_error(transport: &mut (impl Transport + ?Sized)) -> TransportError {
    let mut buffer = [0; 256];
    loop {
        let read = timeout(LIMIT, transport.read(&mut buffer))
            .await
            .expect("reading ends");
        match read {
            Ok(count) => assert_ne!(count, 0, "a transport never reads nothing"),
            Err(error) => return error.into(),
        }
    }
}

/// The error and its hint, as a person reads them.
fn text(error: &TransportError) -> String {
    match error.hint() {
        Some(hint) => format!("{error}\n{hint}"),
        None => error.to_string(),
    }
}
