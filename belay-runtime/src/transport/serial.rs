//! Serial ports. This is the one file that knows `tokio_serial`.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, sleep};
use tokio_serial::{ClearBuffer, SerialPort as _, SerialStream};

use super::{Closing, ModemLines, Transport, TransportError};

/// How often a closing port is asked whether everything has left. The serial drivers cannot be waited for.
const DRAIN_STEP: Duration = Duration::from_millis(1);

/// An open serial port.
#[derive(Debug)]
pub(super) struct SerialTransport {
    port: SerialStream,
    path: String,
}

impl SerialTransport {
    pub(super) async fn open(path: &str) -> Result<Self, TransportError> {
        let builder = tokio_serial::new(path, 115_200);
        // Opening and setting up a USB port takes round trips on the bus, and a broken one can take seconds.
        let port = tokio::task::spawn_blocking(move || SerialStream::open(&builder))
            .await
            .map_err(io::Error::from)?
            .map_err(io::Error::from)?;
        let mut transport = Self {
            port,
            path: path.to_owned(),
        };
        transport.restore_lines()?;
        Ok(transport)
    }
}

impl Transport for SerialTransport {
    fn description(&self) -> &str {
        &self.path
    }

    fn set_lines(&mut self, dtr: bool, rts: bool) -> Result<ModemLines, TransportError> {
        let set = |port: &mut SerialStream| {
            if rts {
                port.write_data_terminal_ready(dtr)?;
                port.write_request_to_send(rts)
            } else {
                port.write_request_to_send(rts)?;
                port.write_data_terminal_ready(dtr)
            }
        };
        match set(&mut self.port) {
            Ok(()) => Ok(ModemLines::Set),
            Err(_) => Ok(ModemLines::Unsupported),
        }
    }

    fn restore_lines(&mut self) -> Result<ModemLines, TransportError> {
        self.set_lines(true, true)
    }

    fn close(self: Box<Self>, within: Duration) -> Closing {
        Box::pin(async move {
            let deadline = Instant::now() + within;
            while Instant::now() < deadline && self.port.bytes_to_write().is_ok_and(|waiting| waiting > 0) {
                sleep(DRAIN_STEP).await;
            }
        })
    }
}

impl Drop for SerialTransport {
    fn drop(&mut self) {
        // A port with bytes that its board does not take would hold up `close` for half a minute.
        let _ = self.port.clear(ClearBuffer::Output);
        let _ = self.set_lines(false, false);
    }
}

impl AsyncRead for SerialTransport {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.port).poll_read(cx, buf))?;
        if buf.filled().len() == before && buf.remaining() > 0 {
            return Poll::Ready(Err(TransportError::vanished("it was unplugged")));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for SerialTransport {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.port).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The bytes are with the operating system already. What it offers for "have they left?" blocks the
        // thread, for ever if the board does not take them.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
