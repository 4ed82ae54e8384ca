//! The raw serial line to a board, which is reopened when it is lost.

use std::io;
use std::time::Duration;

use belay::transport::{Connector, Transport, TransportError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::bench::Bench;
use crate::failure::Failure;
use crate::progress;

/// How long to wait before trying to open the port again.
const AGAIN: Duration = Duration::from_millis(200);
/// Without flow control: how many bytes are written at once, and the pause after them in which the board can
/// read them.
const SIP: usize = 32;
const SWALLOW: Duration = Duration::from_millis(10);

/// The line to a board.
pub(crate) struct Sitting {
    connector: Connector,
    line: Box<dyn Transport>,
    buffer: Vec<u8>,
    /// The bytes that are still to be written.
    waiting: Vec<u8>,
    /// The end of the pause after the last write.
    pause: Option<tokio::time::Instant>,
}

/// An event on the line.
pub(crate) enum Happened {
    /// The board has sent these bytes.
    Said(Vec<u8>),
    /// The line is lost.
    Lost(TransportError),
}

impl Sitting {
    /// Opens the line to the board. Closes the command's own connection first.
    pub(crate) async fn open(bench: &mut Bench) -> Result<Self, Failure> {
        bench.release().await?;
        let connector = Connector::from(bench.address()?);
        let what = format!("opening {}", connector.name());
        let line = progress::waiting(&what, connector.open()).await?;
        Ok(Self {
            connector,
            line,
            buffer: vec![0; 4096],
            waiting: Vec::new(),
            pause: None,
        })
    }

    /// The board's name in messages.
    pub(crate) fn name(&self) -> &str {
        self.connector.name()
    }

    /// Queues these bytes for writing.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.waiting.extend_from_slice(bytes);
    }

    /// Whether so many bytes are queued that no more should be added.
    pub(crate) fn is_full(&self) -> bool {
        self.waiting.len() > 1 << 16
    }

    /// Writes queued bytes until something is received or the line is lost.
    ///
    /// # Cancel safety
    ///
    /// No received byte is lost, and unwritten ones stay queued.
    pub(crate) async fn next(&mut self) -> Happened {
        match self.turn().await {
            Ok(said) => Happened::Said(said),
            Err(error) => Happened::Lost(error.into()),
        }
    }

    async fn turn(&mut self) -> io::Result<Vec<u8>> {
        loop {
            let most = if self.line.flow_control() { usize::MAX } else { SIP };
            let next = self.waiting.len().min(most);
            let (mut read, mut write) = tokio::io::split(&mut self.line);
            tokio::select! {
                many = read.read(&mut self.buffer) => {
                    let said = self.buffer[..many?].to_vec();
                    return Ok(said);
                }
                many = write.write(&self.waiting[..next]), if next > 0 && self.pause.is_none() => {
                    self.waiting.drain(..many?);
                    if most < usize::MAX {
                        self.pause = Some(tokio::time::Instant::now() + SWALLOW);
                    }
                }
                () = wait(self.pause), if self.pause.is_some() => self.pause = None,
            }
        }
    }

    /// Reopens the line as soon as the port is there.
    ///
    /// # Errors
    ///
    /// When the port is there and cannot be opened for a reason that is not temporary.
    pub(crate) async fn again(&mut self) -> Result<(), Failure> {
        self.waiting.clear();
        loop {
            match self.connector.open().await {
                Ok(line) => {
                    self.line = line;
                    return Ok(());
                }
                Err(error) if error.is_retryable() => tokio::time::sleep(AGAIN).await,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Closes the port once all written bytes have been sent.
    pub(crate) async fn close(self) {
        self.line.close(Duration::from_secs(1)).await;
    }
}

async fn wait(until: Option<tokio::time::Instant>) {
    if let Some(until) = until {
        tokio::time::sleep_until(until).await;
    }
}
