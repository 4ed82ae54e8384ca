//! WebREPL: the raw REPL through a WebSocket, behind a password.

use std::io;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest as _, Sha1};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::codec::Codec as _;
use super::coded::Coded;
use super::websocket::WebSocket;
use crate::random::random;
use crate::transport::address::Address;
use crate::transport::host::{Host, Password};
use crate::transport::options::SocketOptions;
use crate::transport::{Transport, TransportError};

/// The environment variable that has the password if the address does not.
const PASSWORD: &str = "BELAY_WEBREPL_PASSWORD";
/// How long a board may take for the handshake and for the password.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);
/// How long the answer to the handshake may be.
const MOST_ANSWERED: usize = 4096;
/// What a server appends to the key, before hashing both, to prove that it has read the key (RFC 6455).
const PROOF: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// What WebREPL prints.
const ASKS: &[u8] = b"Password: ";
const TAKES: &[u8] = b"WebREPL connected";
const DENIES: &[u8] = b"Access denied";

/// Connects to a board's WebREPL, and logs in.
pub(in crate::transport) async fn open(
    address: &Address,
    host: &Host,
    password: Option<&Password>,
    options: &SocketOptions,
) -> Result<Box<dyn Transport>, TransportError> {
    let to = || address.to_string();
    let not_spoken = |why: &'static str| TransportError::NotSpoken {
        to: to(),
        what: "WebREPL",
        why: why.into(),
    };
    let from_environment = || std::env::var(PASSWORD).ok().and_then(Password::new);
    let password = password.cloned().or_else(from_environment);
    let password = password.ok_or_else(|| TransportError::Password {
        to: to(),
        given: false,
    })?;

    let deadline = Instant::now() + ANSWERS_WITHIN;
    let too_late = || not_spoken("it does not answer in time");
    // MicroPython moves what it receives into a buffer of some hundred bytes, and drops what that cannot hold.
    let flow_control = options.flow.unwrap_or(false);
    let mut stream = super::connect(host, address).await?;
    let early = timeout_at(deadline, shake_hands(&mut stream, host))
        .await
        .map_err(|_| too_late())?
        .map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => not_spoken("its answer is not that of a WebSocket"),
            _ => TransportError::from(error),
        })?;
    let mut coded = Coded::new(stream, WebSocket::new(random()), to(), flow_control);
    coded.begin_with(&early);
    // A second user is let in, and then disconnected.
    let asked = coded.until(deadline, |_, came| found(came, ASKS)).await?;
    asked.ok_or_else(too_late)?;
    coded.say(|codec, out| codec.encode(password.line().as_bytes(), out));
    let taken = coded
        .until(deadline, |_, came| {
            let taken = found(came, TAKES).map(|()| true);
            taken.or_else(|| found(came, DENIES).map(|()| false))
        })
        .await;
    match taken {
        Ok(Some(true)) => Ok(Box::new(coded)),
        Ok(Some(false)) | Err(TransportError::HungUp(_)) => Err(TransportError::Password {
            to: to(),
            given: true,
        }),
        Ok(None) => Err(too_late()),
        Err(error) => Err(error),
    }
}

fn found(came: &[u8], words: &[u8]) -> Option<()> {
    came.windows(words.len())
        .any(|window| window == words)
        .then_some(())
}

/// Does the handshake of a WebSocket. Returns the bytes that came after the answer.
async fn shake_hands(stream: &mut TcpStream, host: &Host) -> io::Result<Vec<u8>> {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&random().to_le_bytes());
    key[8..].copy_from_slice(&random().to_le_bytes());
    let key = STANDARD.encode(key);
    let request = format!(
        "GET / HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    loop {
        if let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") {
            let rest = answer.split_off(end + 4);
            return if agrees(&answer, &key) {
                Ok(rest)
            } else {
                Err(io::ErrorKind::InvalidData.into())
            };
        }
        if answer.len() > MOST_ANSWERED {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut chunk = [0; 512];
        match stream.read(&mut chunk).await? {
            0 => return Err(io::ErrorKind::InvalidData.into()),
            count => answer.extend(&chunk[..count]),
        }
    }
}

/// Whether this is the answer of a WebSocket server that has read the key.
fn agrees(answer: &[u8], key: &str) -> bool {
    let proof = STANDARD.encode(Sha1::digest(format!("{key}{PROOF}")));
    let answer = String::from_utf8_lossy(answer);
    let mut lines = answer.lines();
    let mut status = lines.next().unwrap_or_default().split_ascii_whitespace();
    let accepted = lines
        .filter_map(|line| line.split_once(':'))
        .any(|(name, value)| {
            name.trim().eq_ignore_ascii_case("sec-websocket-accept") && value.trim() == proof
        });
    status.next().is_some_and(|version| version.starts_with("HTTP/1"))
        && status.next() == Some("101")
        && accepted
}

#[cfg(test)]
mod tests;
