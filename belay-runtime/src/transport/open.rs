//! From an address to an open transport.

use std::io;
use std::sync::OnceLock;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::address::{Address, Target};
#[cfg(feature = "serial")]
use super::address::{Port, UsbId};
#[cfg(any(feature = "tcp", feature = "telnet", feature = "webrepl"))]
use super::net;
#[cfg(feature = "process")]
use super::process;
use super::{Transport, TransportError, elsewhere};
#[cfg(feature = "serial")]
use super::{
    options::PortOptions,
    ports::{ports, select},
    serial::SerialTransport,
};

/// How long to wait for a port that this program is about to close, unless the caller sets another limit.
pub(super) const RELEASE: Duration = Duration::from_secs(10);
/// How long a server may take to drop its previous client, or to listen again after its board was reset.
const LINGERING: Duration = Duration::from_secs(2);
/// The pause between two attempts.
const AGAIN: Duration = Duration::from_millis(50);

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

    /// The same, but waits until `until` for a port that this program is about to close, and for a moment if a server
    /// still has its previous client, or is the board's own and may be about to start.
    pub(super) async fn open_before(&self, until: Instant) -> Result<Box<dyn Transport>, TransportError> {
        let patience = until.min(Instant::now() + LINGERING);
        loop {
            match self.open_once(until).await {
                Err(error) if Instant::now() < patience && self.may_soon_open(&error) => sleep(AGAIN).await,
                opened => return opened,
            }
        }
    }

    fn may_soon_open(&self, error: &TransportError) -> bool {
        match error {
            TransportError::HungUp(_) => true,
            TransportError::Connect { source, .. } => {
                source.kind() == io::ErrorKind::ConnectionRefused
                    && matches!(self.target, Target::WebRepl(..))
            }
            _ => false,
        }
    }

    async fn open_once(&self, until: Instant) -> Result<Box<dyn Transport>, TransportError> {
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
            Target::Tcp(host, options) => {
                let stream = net::connect(host, self).await?;
                let transport = super::StreamTransport::new(stream, self.to_string());
                Ok(Box::new(
                    transport.with_flow_control(options.flow.unwrap_or(true)),
                ))
            }
            #[cfg(not(feature = "tcp"))]
            Target::Tcp(..) => Err(self.not_built("tcp")),
            #[cfg(feature = "telnet")]
            Target::Telnet(host, options) => net::open_telnet(self, host, options).await,
            #[cfg(not(feature = "telnet"))]
            Target::Telnet(..) => Err(self.not_built("telnet")),
            #[cfg(feature = "rfc2217")]
            Target::Rfc2217(host, options) => net::open_rfc2217(self, host, options).await,
            #[cfg(not(feature = "rfc2217"))]
            Target::Rfc2217(..) => Err(self.not_built("rfc2217")),
            #[cfg(feature = "webrepl")]
            Target::WebRepl(host, password, options) => {
                net::open_webrepl(self, host, password.as_ref(), options).await
            }
            #[cfg(not(feature = "webrepl"))]
            Target::WebRepl(..) => Err(self.not_built("webrepl")),
            Target::Zenoh(board) => {
                let open = elsewhere::opener(board, &OnceLock::new())?;
                open(until).await
            }
            #[cfg(feature = "process")]
            Target::Exec(words) => process::exec(words, self.to_string()),
            #[cfg(feature = "process")]
            Target::Pty(words) => process::pty(words, self.to_string()).await,
            #[cfg(not(feature = "process"))]
            Target::Exec(_) | Target::Pty(_) => Err(self.not_built("process")),
        }
    }

    #[cfg(not(all(
        feature = "serial",
        feature = "tcp",
        feature = "process",
        feature = "rfc2217",
        feature = "webrepl"
    )))]
    fn not_built(&self, feature: &'static str) -> TransportError {
        TransportError::NotBuilt {
            address: self.to_string(),
            feature,
        }
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
