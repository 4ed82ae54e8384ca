//! A transport to a board's port that passes through a test.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use belay_runtime::transport::{Address, Connector, ModemLines, Transport, TransportError};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What a test changes about a port. The default of each method forwards to the port.
pub trait Tap: Send + Unpin + 'static {
    /// The host writes this.
    fn write(
        &mut self,
        port: &mut Box<dyn Transport>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(port).poll_write(cx, bytes)
    }

    /// The host reads.
    fn read(
        &mut self,
        port: &mut Box<dyn Transport>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(port).poll_read(cx, buffer)
    }

    /// [`Transport::set_lines`].
    ///
    /// # Errors
    ///
    /// As there.
    fn set_lines(
        &mut self,
        port: &mut Box<dyn Transport>,
        dtr: bool,
        rts: bool,
    ) -> Result<ModemLines, TransportError> {
        port.set_lines(dtr, rts)
    }

    /// [`Transport::restore_lines`].
    ///
    /// # Errors
    ///
    /// As there.
    fn restore_lines(&mut self, port: &mut Box<dyn Transport>) -> Result<ModemLines, TransportError> {
        port.restore_lines()
    }

    /// [`Transport::unsent`].
    fn unsent(&mut self, port: &mut Box<dyn Transport>) -> usize {
        port.unsent()
    }
}

/// A connector to this address, which makes a new tap for each time that the port is opened.
///
/// # Panics
///
/// When this is no address.
pub fn tapped<T: Tap>(address: &str, tap: impl Fn() -> T + Send + Sync + 'static) -> Connector {
    let address: Arc<Address> = Arc::new(address.parse().expect("an address"));
    Connector::new(format!("{address}, tapped"), move || {
        let (address, tap) = (Arc::clone(&address), tap());
        async move {
            let port = address.open().await?;
            Ok::<_, TransportError>(Tapped { port, tap })
        }
    })
}

struct Tapped<T> {
    port: Box<dyn Transport>,
    tap: T,
}

impl<T: Tap> Transport for Tapped<T> {
    fn description(&self) -> &str {
        self.port.description()
    }

    fn flow_control(&self) -> bool {
        self.port.flow_control()
    }

    fn set_lines(&mut self, dtr: bool, rts: bool) -> Result<ModemLines, TransportError> {
        self.tap.set_lines(&mut self.port, dtr, rts)
    }

    fn restore_lines(&mut self) -> Result<ModemLines, TransportError> {
        self.tap.restore_lines(&mut self.port)
    }

    fn unsent(&mut self) -> usize {
        self.tap.unsent(&mut self.port)
    }

    fn closes_soon(&mut self) {
        self.port.closes_soon();
    }
}

impl<T: Tap> AsyncRead for Tapped<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { port, tap } = &mut *self;
        tap.read(port, cx, buffer)
    }
}

impl<T: Tap> AsyncWrite for Tapped<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Self { port, tap } = &mut *self;
        tap.write(port, cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.port).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.port).poll_shutdown(cx)
    }
}
