//! Boards behind a socket: how the bytes of a board travel through a network.

#[cfg(any(feature = "telnet", feature = "webrepl"))]
mod codec;
#[cfg(any(feature = "telnet", feature = "webrepl"))]
mod coded;
#[cfg(feature = "rfc2217")]
mod com_port;
#[cfg(feature = "rfc2217")]
mod rfc2217;
#[cfg(feature = "telnet")]
mod telnet;
#[cfg(feature = "webrepl")]
mod webrepl;
#[cfg(feature = "webrepl")]
mod websocket;

use std::fmt::Display;
use std::io;
use std::time::Duration;

use tokio::net::TcpStream;

use super::TransportError;
use super::host::Host;

#[cfg(any(feature = "telnet", feature = "webrepl"))]
pub use codec::Codec;
#[cfg(feature = "rfc2217")]
pub(super) use rfc2217::open as open_rfc2217;
#[cfg(feature = "telnet")]
pub use telnet::Telnet;
#[cfg(feature = "telnet")]
pub(super) use telnet::open as open_telnet;
#[cfg(feature = "webrepl")]
pub(super) use webrepl::open as open_webrepl;
#[cfg(feature = "webrepl")]
pub use websocket::WebSocket;

/// How long a host may take to answer. Operating systems would try for minutes.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Connects to a host; `to` is the address as messages show it.
pub(super) async fn connect(host: &Host, to: &impl Display) -> Result<TcpStream, TransportError> {
    let connecting = async {
        let stream = TcpStream::connect((&*host.name, host.port)).await?;
        // A request is one small write whose answer is waited for, so it must not be delayed.
        stream.set_nodelay(true)?;
        Ok(stream)
    };
    tokio::time::timeout(CONNECT_TIMEOUT, connecting)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        .map_err(|source| TransportError::Connect {
            to: to.to_string(),
            source,
        })
}
