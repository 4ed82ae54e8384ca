//! The port: it moves bytes, and keeps the pauses between writes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::time::{Instant, Sleep, sleep, sleep_until};

use super::line::{Line, ToWrite};
use crate::error::{ErrorKind, Result};
use crate::transport::{ModemLines, StreamTransport, Transport};

/// How many bytes are read at once: as many as a pseudo-terminal holds.
const READ: usize = 4096;
/// How long the modem lines are held to reset a board.
const PULSE: Duration = Duration::from_millis(100);

/// An open port.
pub(super) struct Port {
    transport: Box<dyn Transport>,
    pause: Option<Pin<Box<Sleep>>>,
    buffer: Box<[u8; READ]>,
    /// Whether it has failed.
    gone: bool,
}

impl Port {
    pub(super) fn new(transport: Box<dyn Transport>) -> Self {
        Self {
            transport,
            pause: None,
            buffer: Box::new([0; READ]),
            gone: false,
        }
    }

    pub(super) fn is_gone(&self) -> bool {
        self.gone
    }

    pub(super) fn has_failed(&mut self) {
        self.gone = true;
    }

    /// How many of the bytes that it has taken have not left this machine, as far as that is known.
    pub(super) fn unsent(&mut self) -> usize {
        self.transport.unsent()
    }

    /// Tells the transport that it is going to be closed.
    pub(super) fn closes_soon(&mut self) {
        self.transport.closes_soon();
    }

    /// Writes as many bytes as the transport takes, and reads what has come. It is pending while nothing has come.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, line: &mut Line) -> Poll<io::Result<&[u8]>> {
        self.poll_write(cx, line)?;
        let mut buffer = ReadBuf::new(&mut self.buffer[..]);
        let read = Pin::new(&mut self.transport).poll_read(cx, &mut buffer)?;
        let filled = buffer.filled().len();
        read.map(|()| Ok(&self.buffer[..filled]))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, line: &mut Line) -> io::Result<()> {
        loop {
            let now = Instant::now();
            match line.next_write(now) {
                ToWrite::Nothing => return Ok(()),
                ToWrite::Pause(until) => {
                    let pause = self.pause.get_or_insert_with(|| Box::pin(sleep_until(until)));
                    if pause.deadline() != until {
                        pause.as_mut().reset(until);
                    }
                    if pause.as_mut().poll(cx).is_pending() {
                        return Ok(());
                    }
                }
                ToWrite::Bytes(bytes) => match Pin::new(&mut self.transport).poll_write(cx, bytes)? {
                    Poll::Ready(0) => return Err(io::ErrorKind::WriteZero.into()),
                    Poll::Ready(written) => line.wrote(now, written),
                    Poll::Pending => return Ok(()),
                },
            }
        }
    }

    /// Releases the port. When this returns, it can be opened again at once.
    pub(super) async fn close(&mut self, within: Duration) {
        let nothing = StreamTransport::new(tokio::io::empty(), "a port that was closed");
        let transport = std::mem::replace(&mut self.transport, Box::new(nothing));
        transport.close(within).await;
    }

    /// Resets the board by the modem lines, as auto-reset circuits expect.
    pub(super) async fn pulse(&mut self) -> Result<()> {
        let lines = self.transport.set_lines(false, true)?;
        if lines == ModemLines::Unsupported {
            let feature = "a reset by the modem lines";
            let firmware = self.transport.description().to_owned();
            return Err(ErrorKind::Unsupported {
                feature: feature.into(),
                firmware: firmware.into(),
            }
            .into());
        }
        sleep(PULSE).await;
        self.transport.restore_lines()?;
        Ok(())
    }
}

impl std::fmt::Debug for Port {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Port")
            .field("transport", &self.transport.description())
            .finish_non_exhaustive()
    }
}
