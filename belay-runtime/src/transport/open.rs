//! From an address to an open transport.

#[cfg(any(feature = "serial", feature = "tcp"))]
use std::io;
use std::time::Duration;

#[cfg(feature = "tcp")]
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::address::{Address, Target};
#[cfg(feature = "serial")]
use super::address::{Port, UsbId};
#[cfg(feature = "tcp")]
use super::options::SocketOptions;
#[cfg(feature = "process")]
use super::process;
use super::{Transport, TransportError};
#[cfg(feature = "serial")]
use super::{
    options::PortOptions,
    ports::{ports, select},
    serial::SerialTransport,
};

/// How long a host may take to answer. Operating systems would try for minutes.
#[cfg(feature = "tcp")]
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a port that this program is about to close is waited for, unless whoever opens it says so.
pub(super) const RELEASE: Duration = Duration::from_secs(10);

impl Address {
    /// Opens it, for this program alone.
    ///
    /// A port that this program itself is about to close, since its device was dropped or is being closed, is waited
    /// for, for ten seconds at most.
    ///
    /// `auto` and `usb:` look for their device each time, so that they find it again under another name.
    ///
    /// # Errors
    ///
    /// When there is no such port, or not exactly one that fits; when it is in use, not permitted, not a serial
    /// port, or fails; when the host cannot be reached; when the command cannot be started.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes what it had opened.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime with I/O and time enabled.
    pub async fn open(&self) -> Result<Box<dyn Transport>, TransportError> {
        self.open_before(Instant::now() + RELEASE).await
    }

    /// The same; what this program is about to close is waited for until `until`.
    #[cfg_attr(
        not(any(feature = "serial", feature = "tcp")),
        expect(clippy::unused_async, reason = "nothing that is left has to be waited for")
    )]
    pub(super) async fn open_before(&self, until: Instant) -> Result<Box<dyn Transport>, TransportError> {
        #[cfg(not(feature = "serial"))]
        let _ = until;
        match &self.target {
            #[cfg(feature = "serial")]
            Target::Port(Port::Path(path), options) => {
                Ok(Box::new(SerialTransport::open(path, options, until).await?))
            }
            #[cfg(feature = "serial")]
            Target::Port(Port::Usb(id), options) => open_usb(Some(id), options, until).await,
            #[cfg(feature = "serial")]
            Target::Port(Port::Auto, options) => open_usb(None, options, until).await,
            #[cfg(not(feature = "serial"))]
            Target::Port(..) => Err(self.not_built("serial")),
            #[cfg(feature = "tcp")]
            Target::Tcp { host, port, options } => self.connect(host, *port, options).await,
            #[cfg(not(feature = "tcp"))]
            Target::Tcp { .. } => Err(self.not_built("tcp")),
            #[cfg(feature = "process")]
            Target::Exec(words) => process::exec(words, self.to_string()),
            #[cfg(feature = "process")]
            Target::Pty(words) => process::pty(words, self.to_string()).await,
            #[cfg(not(feature = "process"))]
            Target::Exec(_) | Target::Pty(_) => Err(self.not_built("process")),
        }
    }

    #[cfg(not(all(feature = "serial", feature = "tcp", feature = "process")))]
    fn not_built(&self, feature: &'static str) -> TransportError {
        TransportError::NotBuilt {
            address: self.to_string(),
            feature,
        }
    }

    #[cfg(feature = "tcp")]
    async fn connect(
        &self,
        host: &str,
        port: u16,
        options: &SocketOptions,
    ) -> Result<Box<dyn Transport>, TransportError> {
        let connecting = async {
            let stream = TcpStream::connect((host, port)).await?;
            // A request is one small write, and its answer is waited for.
            stream.set_nodelay(true)?;
            Ok(stream)
        };
        let stream = tokio::time::timeout(CONNECT_TIMEOUT, connecting)
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
            .map_err(|source| TransportError::Connect {
                to: self.to_string(),
                source,
            })?;
        let flow_control = options.flow.unwrap_or(true);
        Ok(Box::new(
            super::StreamTransport::new(stream, self.to_string()).with_flow_control(flow_control),
        ))
    }
}

#[cfg(feature = "serial")]
async fn open_usb(
    wanted: Option<&UsbId>,
    options: &PortOptions,
    until: Instant,
) -> Result<Box<dyn Transport>, TransportError> {
    let ports = tokio::task::spawn_blocking(ports)
        .await
        .map_err(io::Error::from)??;
    let port = select(wanted, &ports)?;
    Ok(Box::new(SerialTransport::open(&port.path, options, until).await?))
}
