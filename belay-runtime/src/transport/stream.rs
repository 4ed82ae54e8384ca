//! Any stream of bytes as a transport.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};

use super::{Closing, Transport, TransportError};

/// Makes a transport of anything that is `AsyncRead + AsyncWrite`.
#[derive(Debug)]
pub struct StreamTransport<S> {
    stream: S,
    description: String,
    flow_control: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> StreamTransport<S> {
    /// A transport over `stream`; `description` is what messages call it.
    pub fn new(stream: S, description: impl Into<String>) -> Self {
        Self {
            stream,
            description: description.into(),
            flow_control: true,
        }
    }

    /// Sets whether the sender is held back while the board cannot take more, as it is by default.
    #[must_use]
    pub fn with_flow_control(mut self, flow_control: bool) -> Self {
        self.flow_control = flow_control;
        self
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Transport for StreamTransport<S> {
    fn description(&self) -> &str {
        &self.description
    }

    fn flow_control(&self) -> bool {
        self.flow_control
    }

    fn close(mut self: Box<Self>, within: Duration) -> Closing {
        Box::pin(async move {
            // The stream is dropped next, whether this succeeds or not.
            let _ = tokio::time::timeout(within, self.stream.shutdown()).await;
        })
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for StreamTransport<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        if buf.filled().len() == before && buf.remaining() > 0 {
            let gone = TransportError::HungUp("the other side closed it".into());
            return Poll::Ready(Err(gone.into_io()));
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for StreamTransport<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
