//! From an address to an open transport.

use std::io;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::address::{Address, Target, UsbId};
use super::options::{Flow, PortOptions};
use super::ports::{ports, select};
use super::serial::SerialTransport;
use super::{StreamTransport, Transport, TransportError, process};

/// How long a host may take to answer. Operating systems would try for minutes.
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
    pub(super) async fn open_before(&self, until: Instant) -> Result<Box<dyn Transport>, TransportError> {
        let options = &self.options;
        match &self.target {
            Target::Serial(path) => Ok(Box::new(SerialTransport::open(path, options, until).await?)),
            Target::Usb(id) => open_usb(Some(id), options, until).await,
            Target::Auto => open_usb(None, options, until).await,
            Target::Tcp { host, port } => self.connect(host, *port).await,
            Target::Exec(words) => process::exec(words, self.to_string()),
            Target::Pty(words) => process::pty(words, self.to_string()),
        }
    }

    async fn connect(&self, host: &str, port: u16) -> Result<Box<dyn Transport>, TransportError> {
        let connecting = async {
            let stream = TcpStream::connect((host, port)).await?;
            // A request is one small write, and its answer is waited for.
            stream.set_nodelay(true)?;
            Ok(stream)
        };
        let stream = timeout(CONNECT_TIMEOUT, connecting)
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
            .map_err(|source| TransportError::Connect {
                to: self.to_string(),
                source,
            })?;
        let flow_control = self.options.flow != Some(Flow::Off);
        Ok(Box::new(
            StreamTransport::new(stream, self.to_string()).with_flow_control(flow_control),
        ))
    }
}

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
