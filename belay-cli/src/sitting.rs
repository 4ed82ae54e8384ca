//! The bare line to a board, which is opened again when it is lost.

use std::io;
use std::time::Duration;

use belay::transport::{Connector, Transport, TransportError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::bench::Bench;
use crate::failure::Failure;
use crate::progress;

/// How long to wait before a port is looked for again.
const AGAIN: Duration = Duration::from_millis(200);
/// What is written at once to a board that cannot hold its sender back, and how long it has for that.
const SIP: usize = 32;
const SWALLOW: Duration = Duration::from_millis(10);

/// The line to a board.
pub(crate) struct Sitting {
    connector: Connector,
    line: Box<dyn Transport>,
    buffer: Vec<u8>,
    /// What is still to be written.
    waiting: Vec<u8>,
    /// When more may be.
    pause: Option<tokio::time::Instant>,
}

/// What happens on a line.
pub(crate) enum Happened {
    /// The board has said this.
    Said(Vec<u8>),
    /// The line is lost.
    Lost(TransportError),
}

impl Sitting {
    /// Opens the line to the board, which nothing else of this command may have open.
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

    /// What the messages call the board.
    pub(crate) fn name(&self) -> &str {
        self.connector.name()
    }

    /// Has these bytes written, behind those that wait.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.waiting.extend_from_slice(bytes);
    }

    /// Whether so much waits to be written that no more should come.
    pub(crate) fn is_full(&self) -> bool {
        self.waiting.len() > 1 << 16
    }

    /// Writes what waits, and gives what comes.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
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

    /// Opens the line again as soon as it is there.
    ///
    /// # Errors
    ///
    /// When it is there, and cannot be opened for a reason that time does not mend.
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

    /// Lets the port go, once what was written has left.
    pub(crate) async fn close(self) {
        self.line.close(Duration::from_secs(1)).await;
    }
}

async fn wait(until: Option<tokio::time::Instant>) {
    if let Some(until) = until {
        tokio::time::sleep_until(until).await;
    }
}
