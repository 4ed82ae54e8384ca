//! The host's end of the line: the transport that the link uses.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use belay_runtime::transport::{ModemLines, Transport, TransportError};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::line::Line;
use crate::trace::Way;

/// How many bytes the operating system buffers before a writer has to wait.
const OUTGOING: usize = 4096;

/// The host's end of a line.
#[derive(Debug)]
pub(crate) struct Port {
    line: Line,
    opened: u64,
    timer: Pin<Box<Sleep>>,
}

impl Port {
    pub(crate) fn new(line: Line, opened: u64) -> Self {
        Self {
            line,
            opened,
            timer: Box::pin(sleep_until(Instant::now())),
        }
    }
}

fn vanished() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "the simulated port has vanished")
}

impl AsyncRead for Port {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let now = Instant::now();
        let this = &mut *self;
        let next = {
            let mut inner = this.line.inner();
            inner.look(now);
            if inner.opened != this.opened {
                return Poll::Ready(Err(vanished()));
            }
            let held = inner.holds();
            let lane = &mut inner.to_host;
            let before = buffer.filled().len();
            while !held
                && buffer.remaining() > 0
                && let Some((at, byte)) = lane.bytes.front().copied()
                && at <= now
            {
                buffer.put_slice(&[byte]);
                lane.bytes.pop_front();
            }
            if buffer.filled().len() > before {
                inner.trace.bytes(now, Way::ToHost, &buffer.filled()[before..]);
                return Poll::Ready(Ok(()));
            }
            inner.to_host.waker = Some(cx.waker().clone());
            inner.to_host.next_arrival().filter(|_| !held)
        };
        if let Some(next) = next {
            this.timer.as_mut().reset(next);
            if this.timer.as_mut().poll(cx).is_ready() {
                cx.waker().wake_by_ref();
            }
        }
        Poll::Pending
    }
}

impl AsyncWrite for Port {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let now = Instant::now();
        let mut inner = self.line.inner();
        if inner.opened != self.opened {
            return Poll::Ready(Err(vanished()));
        }
        let room = OUTGOING.saturating_sub(inner.to_board.bytes.len());
        if room == 0 {
            inner.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let bytes = &bytes[..bytes.len().min(room)];
        if !inner.loses() {
            let nature = inner.nature;
            inner.to_board.send(bytes, now, &nature);
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Transport for Port {
    fn description(&self) -> &'static str {
        "a simulated line"
    }

    fn flow_control(&self) -> bool {
        self.line.inner().nature.flow_control
    }

    fn set_lines(&mut self, _dtr: bool, rts: bool) -> Result<ModemLines, TransportError> {
        if rts {
            self.line.press_reset();
        }
        Ok(ModemLines::Set)
    }

    fn restore_lines(&mut self) -> Result<ModemLines, TransportError> {
        Ok(ModemLines::Set)
    }

    fn unsent(&mut self) -> usize {
        let inner = self.line.inner();
        match inner.nature.speed {
            Some(_) => inner.to_board.bytes.len(),
            None => 0,
        }
    }
}
