//! What the board prints, on its way to the subscribers.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::{LinkOptions, own_words};
use crate::polled::Polled;
use crate::printable::PrintableLines;

/// The largest piece that is handed out, in bytes.
const PIECE: usize = 4096;
/// The longest backlog, in pieces: the channel allocates a slot for each of them from the beginning.
const LONGEST_BACKLOG: usize = 1 << 16;
/// How many bytes are held back at most.
const MOST_HELD: usize = 64 << 10;
/// How many of the last printed bytes are kept for exceptions.
const TAIL: usize = 2048;

/// A piece of output and its position in all that the board has printed.
#[derive(Debug, Clone)]
struct Chunk {
    position: u64,
    bytes: Arc<[u8]>,
}

/// Distributes what a board prints, over any number of successive links to it. A subscription ends when the last hub
/// and the last link are gone.
#[derive(Debug, Clone)]
pub(crate) struct OutputHub {
    sender: broadcast::Sender<Chunk>,
    /// How many bytes were handed out. It is locked while a piece is sent, so that a new subscriber knows which byte
    /// comes next.
    position: Arc<Mutex<u64>>,
}

/// The link's end of the hub.
#[derive(Debug)]
pub(super) struct OutputSender {
    hub: OutputHub,
    /// What was printed and is not handed out yet.
    pending: Vec<u8>,
    /// Output behind `pending`, until it is known which part of it is protocol text.
    held_back: Option<Vec<u8>>,
    /// The end of the output since the last call.
    tail: Vec<u8>,
    kept: Option<Kept>,
    /// Whether output is discarded because no program prints it.
    muted: bool,
}

/// Output that is kept for a request that wants all of it.
#[derive(Debug)]
struct Kept {
    bytes: Vec<u8>,
    limit: usize,
    lost: usize,
}

/// One subscriber's share of what a board prints: all output of its programs, and nothing of the protocol between
/// host and board. Output is delivered as soon as it arrives, so a piece may begin and end in the middle of a line.
/// The output of one `print` is interrupted only by what another thread of the board prints meanwhile.
#[derive(Debug)]
pub struct OutputSubscription {
    chunks: Polled<broadcast::Receiver<Chunk>, Result<Chunk, RecvError>>,
    /// The position of the next byte.
    position: u64,
    /// The piece behind a gap, delivered once the gap was reported.
    next: Option<Arc<[u8]>>,
}

/// One piece of what a board prints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Bytes as they came.
    Bytes(Arc<[u8]>),
    /// So many bytes were discarded because the subscriber did not keep up.
    Overflow(u64),
}

impl fmt::Display for Output {
    /// The bytes as text, or a note about discarded bytes. Line ends stay; all other invisible characters are
    /// escaped, so that output cannot control a terminal. [`Output::Bytes`] has the bytes as they came.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => PrintableLines(String::from_utf8_lossy(bytes)).fmt(f),
            Self::Overflow(bytes) => writeln!(f, "… {bytes} bytes thrown away …"),
        }
    }
}

/// Makes subscriptions, which have ended already once the hub and the link are gone.
#[derive(Debug, Clone)]
pub(super) struct OutputSource {
    sender: broadcast::WeakSender<Chunk>,
    position: Arc<Mutex<u64>>,
}

impl OutputSource {
    pub(super) fn subscribe(&self) -> OutputSubscription {
        let position = Arc::clone(&self.position);
        match self.sender.upgrade() {
            Some(sender) => OutputHub { sender, position }.subscribe(),
            None => OutputSubscription::ended(),
        }
    }
}

impl OutputHub {
    pub(crate) fn new(options: &LinkOptions) -> Self {
        Self {
            sender: broadcast::Sender::new(options.output_backlog.clamp(1, LONGEST_BACKLOG)),
            position: Arc::default(),
        }
    }

    pub(crate) fn subscribe(&self) -> OutputSubscription {
        let position = self.position.lock().unwrap_or_else(PoisonError::into_inner);
        OutputSubscription::new(self.sender.subscribe(), *position)
    }

    pub(super) fn source(&self) -> OutputSource {
        OutputSource {
            sender: self.sender.downgrade(),
            position: Arc::clone(&self.position),
        }
    }
}

impl Drop for OutputSender {
    fn drop(&mut self) {
        self.let_go();
        self.flush();
    }
}

impl OutputSender {
    pub(super) fn new(hub: OutputHub) -> Self {
        Self {
            hub,
            pending: Vec::new(),
            held_back: None,
            tail: Vec::new(),
            kept: None,
            muted: false,
        }
    }

    /// Holds back all output from now on, and the last output that is not handed out yet, until it is known which
    /// part of it is protocol text.
    pub(super) fn hold_back(&mut self) {
        if self.held_back.is_none() {
            let last = std::mem::take(&mut self.pending);
            if let Some(kept) = &mut self.kept {
                let without = kept.bytes.len().saturating_sub(last.len());
                kept.bytes.truncate(without);
            }
            self.held_back = Some(last);
        }
    }

    /// The output that is held back.
    pub(super) fn held_back(&mut self) -> Option<&mut Vec<u8>> {
        self.held_back.as_mut()
    }

    /// Hands out the output that is held back.
    pub(super) fn let_go(&mut self) {
        if let Some(bytes) = self.held_back.take() {
            self.hand_on(&bytes);
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        if self.muted {
            return;
        }
        match &mut self.held_back {
            Some(held) => {
                held.extend_from_slice(bytes);
                // Protocol text is short, and comes last.
                let excess = held.len().saturating_sub(MOST_HELD);
                let excess: Vec<u8> = held.drain(..excess).collect();
                self.hand_on(&excess);
            }
            None => self.hand_on(bytes),
        }
    }

    fn hand_on(&mut self, mut bytes: &[u8]) {
        if let Some(kept) = &mut self.kept {
            let fits = bytes.len().min(kept.limit - kept.bytes.len());
            kept.bytes.extend_from_slice(&bytes[..fits]);
            kept.lost += bytes.len() - fits;
        }
        while !bytes.is_empty() {
            let take = bytes.len().min(PIECE - self.pending.len());
            self.pending.extend_from_slice(&bytes[..take]);
            bytes = &bytes[take..];
            if self.pending.len() == PIECE {
                self.flush();
            }
        }
    }

    /// Hands out pending output.
    pub(super) fn flush(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        tracing::debug!(target: "belay::board", output = %self.pending.escape_ascii());
        let mut position = self.hub.position.lock().unwrap_or_else(PoisonError::into_inner);
        if self.hub.sender.receiver_count() > 0 {
            let chunk = Chunk {
                position: *position,
                bytes: self.pending.as_slice().into(),
            };
            // An error means that there are no subscribers any more.
            let _ = self.hub.sender.send(chunk);
        }
        *position += self.pending.len() as u64;
        drop(position);
        let excess = (self.tail.len() + self.pending.len()).saturating_sub(TAIL);
        self.tail.drain(..excess.min(self.tail.len()));
        let from = self.pending.len().saturating_sub(TAIL);
        self.tail.extend_from_slice(&self.pending[from..]);
        self.pending.clear();
    }

    /// Hands out pending output up to the first `\x04`: it may begin the end of an execution, whose rest has not
    /// come.
    pub(super) fn flush_but_end(&mut self) {
        let begins = self.pending.iter().position(|byte| *byte == own_words::END);
        let end = begins.map(|at| self.pending.split_off(at));
        self.flush();
        self.pending.extend(end.unwrap_or_default());
    }

    /// Whether all pending output may be such an end.
    pub(super) fn holds_end(&self) -> bool {
        self.pending.first() == Some(&own_words::END)
    }

    /// Discards all output from now on: no program prints it.
    pub(super) fn mute(&mut self) {
        self.let_go();
        self.flush();
        self.muted = true;
    }

    /// Keeps output from now on, but not more than `limit` bytes; `None` keeps nothing.
    pub(super) fn keep(&mut self, limit: Option<usize>) {
        self.kept = limit.map(|limit| Kept {
            bytes: Vec::new(),
            limit,
            lost: 0,
        });
    }

    /// The output that was kept, with a note about what exceeded the limit.
    pub(super) fn take_kept(&mut self) -> Vec<u8> {
        let Some(Kept { mut bytes, lost, .. }) = self.kept.take() else {
            return Vec::new();
        };
        if lost > 0 {
            bytes.extend_from_slice(format!("[{lost} bytes lost]").as_bytes());
        }
        bytes
    }

    /// The output since the last call, or the end of it.
    pub(super) fn take_tail(&mut self) -> Vec<u8> {
        self.flush();
        std::mem::take(&mut self.tail)
    }

    /// Forgets the output so far.
    pub(super) fn forget_tail(&mut self) {
        if !self.pending.is_empty() {
            self.flush();
        }
        self.tail.clear();
    }
}

impl OutputSubscription {
    fn new(receiver: broadcast::Receiver<Chunk>, position: u64) -> Self {
        let chunks = Polled::new(receiver, |mut receiver| {
            Box::pin(async move {
                let chunk = receiver.recv().await;
                (receiver, chunk)
            })
        });
        Self {
            chunks,
            position,
            next: None,
        }
    }

    /// A subscription that has ended already.
    pub(crate) fn ended() -> Self {
        Self::new(broadcast::channel(1).1, 0)
    }

    /// The next piece; `None` when the device is closed, or, where there is no device, when the link has ended.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Output> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl Stream for OutputSubscription {
    type Item = Output;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Output>> {
        loop {
            if let Some(bytes) = self.next.take() {
                return Poll::Ready(Some(Output::Bytes(bytes)));
            }
            match ready!(self.chunks.poll(cx)) {
                Ok(Chunk { position, bytes }) => {
                    let gap = position - self.position;
                    self.position = position + bytes.len() as u64;
                    self.next = Some(bytes);
                    if gap > 0 {
                        return Poll::Ready(Some(Output::Overflow(gap)));
                    }
                }
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return Poll::Ready(None),
            }
        }
    }
}
