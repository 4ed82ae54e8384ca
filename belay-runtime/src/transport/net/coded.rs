//! A transport over a connection with a codec.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::codec::Codec;
use crate::transport::{Closing, ModemLines, Transport, TransportError};

/// How many bytes are taken from the connection, or from the writer, at once.
const CHUNK: usize = 2048;
/// How many bytes may wait to be sent before the connection is given up: then the other side asks and does not read
/// the answers.
const MOST_UNSENT: usize = 64 * 1024;
/// How many bytes are kept of what comes while a connection is being set up: they are older than any question.
const MOST_EARLY: usize = 16 * 1024;

/// How long the other side may take to close what this side has closed.
const MOST_CLOSING: Duration = Duration::from_secs(1);

/// A connection with a codec on it.
pub(super) struct Coded<C: Codec> {
    stream: TcpStream,
    codec: C,
    description: String,
    flow_control: bool,
    /// The bytes that have come from the board, and how many of them have been read.
    received: Vec<u8>,
    read: usize,
    /// Why the connection has ended. It is reported once what came before that has been read.
    failed: Option<String>,
    /// The bytes that are to be sent, and how many of them the operating system has.
    outgoing: Vec<u8>,
    sent: usize,
    /// The writer that waits until something can be written.
    writer: Option<Waker>,
    said_farewell: bool,
}

impl<C: Codec> Coded<C> {
    pub(super) fn new(stream: TcpStream, codec: C, description: String, flow_control: bool) -> Self {
        Self {
            stream,
            codec,
            description,
            flow_control,
            received: Vec::new(),
            read: 0,
            failed: None,
            outgoing: Vec::new(),
            sent: 0,
            writer: None,
            said_farewell: false,
        }
    }

    #[cfg(feature = "rfc2217")]
    pub(super) fn codec(&mut self) -> &mut C {
        &mut self.codec
    }

    /// Sends what the codec appends.
    pub(super) fn say<T>(&mut self, what: impl FnOnce(&mut C, &mut Vec<u8>) -> T) -> T {
        let said = what(&mut self.codec, &mut self.outgoing);
        self.try_send();
        said
    }

    /// Takes bytes that were received before this value had the connection.
    #[cfg(feature = "webrepl")]
    pub(super) fn begin_with(&mut self, came: &[u8]) {
        self.decode(came);
    }

    /// Reads until `look` finds what it looks for, in the codec or in the bytes from the board.
    ///
    /// # Errors
    ///
    /// When the connection ends first. `None` when the deadline has passed.
    pub(super) async fn until<T>(
        &mut self,
        deadline: Instant,
        mut look: impl FnMut(&mut C, &[u8]) -> Option<T>,
    ) -> Result<Option<T>, TransportError> {
        let looking = async {
            loop {
                if let Some(found) = look(&mut self.codec, &self.received[self.read..]) {
                    return Ok(found);
                }
                if let Some(why) = &self.failed {
                    return Err(TransportError::HungUp(why.clone().into()));
                }
                std::future::poll_fn(|cx| self.poll_receive(cx)).await?;
                let surplus = self.received.len().saturating_sub(MOST_EARLY);
                self.received.drain(..surplus);
            }
        };
        match tokio::time::timeout_at(deadline, looking).await {
            Ok(found) => found.map(Some),
            Err(_) => Ok(None),
        }
    }

    /// Takes received bytes from the connection, and sends what is to be sent.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Poll::Ready(sent) = self.poll_send(cx) {
            sent?;
        }
        let mut chunk = [0; CHUNK];
        let mut buffer = ReadBuf::new(&mut chunk);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
        let came = buffer.filled();
        if came.is_empty() {
            self.failed = Some("the other side closed it".to_owned());
        } else {
            self.decode(came);
        }
        if let Poll::Ready(sent) = self.poll_send(cx) {
            sent?;
        }
        if self.unsent() > MOST_UNSENT {
            self.failed =
                Some("the other side goes on sending requests without reading the replies".to_owned());
        }
        Poll::Ready(Ok(()))
    }

    fn decode(&mut self, came: &[u8]) {
        if self.read == self.received.len() {
            self.received.clear();
            self.read = 0;
        }
        let decoded = self.codec.decode(came, &mut self.received, &mut self.outgoing);
        if let Err(why) = decoded {
            self.failed = Some(why.into_owned());
        }
        if !self.codec.is_held() {
            self.wake_writer();
        }
    }

    fn unsent(&self) -> usize {
        self.outgoing.len() - self.sent
    }

    fn wake_writer(&mut self) {
        if let Some(writer) = self.writer.take() {
            writer.wake();
        }
    }

    fn has_sent(&mut self, count: usize) {
        self.sent += count;
        if self.unsent() == 0 {
            self.outgoing.clear();
            self.sent = 0;
            self.wake_writer();
        }
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.unsent() > 0 {
            let rest = &self.outgoing[self.sent..];
            match ready!(Pin::new(&mut self.stream).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.has_sent(count),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Sends what can be sent without waiting. An error here comes again where sending is waited for.
    fn try_send(&mut self) {
        while self.unsent() > 0 {
            match self.stream.try_write(&self.outgoing[self.sent..]) {
                Ok(count) if count > 0 => self.has_sent(count),
                _ => return,
            }
        }
    }

    fn say_farewell(&mut self) {
        if !std::mem::replace(&mut self.said_farewell, true) {
            self.say(Codec::farewell);
        }
    }
}

impl<C: Codec> Transport for Coded<C> {
    fn description(&self) -> &str {
        &self.description
    }

    fn flow_control(&self) -> bool {
        self.flow_control
    }

    fn set_lines(&mut self, dtr: bool, rts: bool) -> Result<ModemLines, TransportError> {
        Ok(self.say(|codec, out| codec.set_lines(dtr, rts, out)))
    }

    fn restore_lines(&mut self) -> Result<ModemLines, TransportError> {
        Ok(self.say(Codec::restore_lines))
    }

    fn unsent(&mut self) -> usize {
        Self::unsent(self)
    }

    fn close(mut self: Box<Self>, within: Duration) -> Closing {
        Box::pin(async move {
            let closing = async {
                self.say_farewell();
                std::future::poll_fn(|cx| self.poll_send(cx)).await?;
                self.stream.shutdown().await?;
                // The other side closes once it has done all that it was told, and then the board is free.
                let mut rest = [0; CHUNK];
                while self.stream.read(&mut rest).await? > 0 {}
                Ok::<_, io::Error>(())
            };
            // The connection is dropped next, whether this succeeds or not.
            let _ = tokio::time::timeout(within.min(MOST_CLOSING), closing).await;
        })
    }
}

impl<C: Codec> Drop for Coded<C> {
    fn drop(&mut self) {
        self.say_farewell();
    }
}

impl<C: Codec> AsyncRead for Coded<C> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        loop {
            let waiting = &self.received[self.read..];
            if !waiting.is_empty() {
                let count = waiting.len().min(buf.remaining());
                buf.put_slice(&waiting[..count]);
                self.read += count;
                return Poll::Ready(Ok(()));
            }
            if let Some(why) = &self.failed {
                return Poll::Ready(Err(TransportError::HungUp(why.clone().into()).into_io()));
            }
            ready!(self.poll_receive(cx))?;
        }
    }
}

impl<C: Codec> AsyncWrite for Coded<C> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.codec.is_held() || self.poll_send(cx)?.is_pending() {
            self.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let count = buf.len().min(CHUNK);
        self.say(|codec, out| codec.encode(&buf[..count], out));
        // Bytes that the operating system has not taken are sent by the next operation.
        if let Poll::Ready(sent) = self.poll_send(cx) {
            sent?;
        }
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_send(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.say_farewell();
        ready!(self.poll_send(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
