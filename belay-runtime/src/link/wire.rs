//! The port with what reads and writes it: frames are taken out of what the board sends, and the rest goes
//! through the raw REPL's state machine.

use std::collections::VecDeque;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::time::Instant;

use super::output::OutputSender;
use crate::agent::Flavour;
use crate::agent::source::Secrets;
use crate::protocol::{Deframer, Event, Frame, NONCE, Options, Pacing, Piece, RawRepl};
use crate::transport::{StreamTransport, Transport};

/// How much is read at once: the most that a pseudo-terminal holds.
const READ: usize = 4096;
/// How many reads may give nothing but output before others get their turn: a board that never stops printing
/// must not keep the task from its commands and deadlines.
const READS: usize = 32;
/// What stands in a frame before its number.
const HEAD: usize = 1 + NONCE;
/// How much of what was received last is kept for messages.
const TAIL: usize = 512;

/// What has come from the board.
#[derive(Debug)]
pub(super) enum Item {
    /// An answer.
    Frame(Frame),
    /// What the raw REPL's state machine says.
    Repl(Event),
    /// The answer to the request of this number is longer than it may be.
    TooLong(u8),
    /// An answer to the request of this number, which is damaged, perhaps there as well.
    Damaged { number: u8, kind: u8 },
}

/// How long a frame may be that nobody asked for.
pub(super) const UNASKED: usize = 64 << 10;

/// What has come, in the order in which it came.
enum Come {
    Output(Vec<u8>),
    Item(Item),
}

/// An open port.
pub(super) struct Wire {
    transport: Box<dyn Transport>,
    pub(super) repl: RawRepl,
    deframer: Deframer,
    /// It decides after which frames the board is at its prompt again.
    flavour: Flavour,
    /// What has come and is not handed over yet. What is printed stands here as well, so that an answer never
    /// overtakes it.
    come: VecDeque<Come>,
    output: OutputSender,
    outgoing: VecDeque<u8>,
    /// Nothing is written before this.
    pause: Option<Pin<Box<tokio::time::Sleep>>>,
    /// How many bytes may go before a pause, on a line without flow control.
    burst: Option<(usize, Duration)>,
    written: usize,
    /// How much has been queued, ever.
    queued: usize,
    /// When the port last took any.
    written_at: Instant,
    /// How much of what is queued is requests or stands before them, and when the port last took some of that.
    requested: usize,
    requested_at: Instant,
    /// The last bytes that came, for messages.
    tail: Vec<u8>,
    mark: Option<Vec<u8>>,
    /// How much has come, and how much had when it was last asked whether anything still comes.
    received: usize,
    looked_at: usize,
    /// Whether the port has failed.
    pub(super) gone: bool,
}

impl Wire {
    pub(super) fn new(
        transport: Box<dyn Transport>,
        flavour: Flavour,
        secrets: Secrets,
        output: OutputSender,
    ) -> Self {
        let Secrets { nonce, seed, .. } = secrets;
        let options = Options {
            nonce: seed,
            ..Options::default()
        };
        let mut deframer = Deframer::new(nonce, seed);
        deframer.set_limit(UNASKED);
        let pacing = Pacing::default();
        let burst = (!transport.flow_control()).then_some((pacing.bytes, pacing.pause));
        Self {
            transport,
            repl: RawRepl::new(options),
            deframer,
            flavour,
            come: VecDeque::new(),
            output,
            outgoing: VecDeque::new(),
            pause: None,
            burst,
            written: 0,
            queued: 0,
            written_at: Instant::now(),
            requested: 0,
            requested_at: Instant::now(),
            tail: Vec::new(),
            mark: None,
            received: 0,
            looked_at: 0,
            gone: false,
        }
    }

    /// The board has, or is to get, this agent.
    pub(super) fn set_flavour(&mut self, flavour: Flavour) {
        self.deframer.set_checksum(flavour.checksum());
        self.flavour = flavour;
    }

    /// Sets how long a frame may be that comes from now on.
    pub(super) fn limit_frames(&mut self, limit: usize) {
        self.deframer.set_limit(limit);
    }

    /// Whether the sender is held back while the board cannot take more.
    pub(super) fn flow_control(&self) -> bool {
        self.burst.is_none()
    }

    /// The last bytes that came.
    pub(super) fn tail(&self) -> Vec<u8> {
        self.tail.clone()
    }

    /// When the port last took anything.
    pub(super) fn written_at(&self) -> Instant {
        self.written_at
    }

    /// What is queued by now is a request: the board cannot answer it before it has got it.
    pub(super) fn mark_request(&mut self) {
        self.requested = self.outgoing.len();
    }

    /// When the port last took some of a request.
    pub(super) fn requested_at(&self) -> Instant {
        self.requested_at
    }

    pub(super) fn is_gone(&self) -> bool {
        self.gone
    }

    /// Forgets the last bytes that came: what comes now belongs to something else.
    pub(super) fn forget_tail(&mut self) {
        self.tail.clear();
    }

    /// Queues bytes behind all that is queued already.
    pub(super) fn send(&mut self, bytes: &[u8]) {
        self.queued = self.queued.wrapping_add(bytes.len());
        self.outgoing.extend(bytes);
    }

    /// How much has been queued, ever: two of these tell how much in between.
    pub(super) fn queued(&self) -> usize {
        self.queued
    }

    /// Types a source behind all that is queued already.
    pub(super) fn submit(&mut self, source: &[u8], afresh: bool) {
        let bytes = self.repl.submit(source, afresh);
        self.send(&bytes);
    }

    /// From now on sources are typed one behind the other.
    pub(super) fn serve(&mut self) {
        self.repl.serve();
        if self.repl.has_raw_paste() == Some(false) {
            // An old board, whose receive buffer is small.
            let pacing = Options::default().pacing;
            self.burst = Some((pacing.bytes, pacing.pause));
        }
    }

    /// Whether the operating system has taken all that was queued.
    pub(super) fn has_sent_all(&self) -> bool {
        self.outgoing.is_empty()
    }

    /// How much has been queued that has not left this machine, as far as that is known.
    pub(super) fn unsent(&mut self) -> usize {
        self.outgoing.len().saturating_add(self.transport.unsent())
    }

    /// Some of a request has left only now, though the port took it before.
    pub(super) fn request_leaves(&mut self, now: Instant) {
        self.requested_at = now;
    }

    /// Forgets what has not been handed to the operating system.
    pub(super) fn drop_outgoing(&mut self) {
        if !self.outgoing.is_empty() {
            self.outgoing.clear();
            self.requested = 0;
            self.repl.settle(0);
        }
    }

    /// Hands out what has been printed so far, so that whoever is told of something that came after it finds it.
    pub(super) fn hand_out(&mut self) {
        self.output.flush();
    }

    /// Hands out nothing that comes from now on: the board says it of its own accord.
    pub(super) fn mute(&mut self) {
        self.output.mute();
    }

    /// Hands out all that has come.
    pub(super) fn hand_out_rest(&mut self) {
        while self.next_item().is_some() {}
        self.output.let_go();
        self.hand_out();
    }

    /// Hands out nothing from the last pause on, until it is known what of it is ours.
    pub(super) fn hold_back_output(&mut self) {
        self.output.hold_back();
    }

    /// What is held back, so that what is ours can be taken out.
    pub(super) fn output_held_back(&mut self) -> Option<&mut Vec<u8>> {
        self.output.held_back()
    }

    /// Hands out what is held back.
    pub(super) fn let_output_go(&mut self) {
        self.output.let_go();
    }

    /// What was printed since it was last forgotten, or the last of it.
    pub(super) fn take_output(&mut self) -> Vec<u8> {
        self.output.take_tail()
    }

    pub(super) fn forget_output(&mut self) {
        self.output.forget_tail();
    }

    /// Keeps what is printed from now on for somebody who wants all of it, but not more than so many bytes; or
    /// for nobody.
    pub(super) fn keep_printed(&mut self, limit: Option<usize>) {
        self.output.keep(limit);
    }

    /// What was kept.
    pub(super) fn take_printed(&mut self) -> Vec<u8> {
        self.output.take_kept()
    }

    /// Watches for a mark that only the raw REPL can print; gives the source that makes it do so.
    pub(super) fn expect_mark(&mut self, token: u32) -> String {
        let mark = format!("belay-{token}-here");
        self.mark = Some(mark.into_bytes());
        format!("import builtins as _by;_by.print('belay-{token}'+'-here');del _by\x04")
    }

    /// Watches for this, which a board prints only if it was told to.
    pub(super) fn watch_for(&mut self, mark: String) {
        self.mark = Some(mark.into_bytes());
    }

    /// The mark, once it has come.
    pub(super) fn take_mark(&mut self) -> Option<Vec<u8>> {
        let tail = &self.tail;
        self.mark
            .take_if(|mark| tail.windows(mark.len()).any(|window| window == *mark))
    }

    pub(super) fn transport(&mut self) -> &mut dyn Transport {
        &mut *self.transport
    }

    /// Releases the port. Whoever is told of the end after this may open it again at once.
    pub(super) async fn close(&mut self, within: Duration) {
        let nothing = StreamTransport::new(tokio::io::empty(), "a port that was closed");
        let transport = std::mem::replace(&mut self.transport, Box::new(nothing));
        transport.close(within).await;
    }

    /// Waits for the next thing that comes from the board, and writes meanwhile.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub(super) async fn next(&mut self) -> io::Result<Item> {
        std::future::poll_fn(|cx| self.poll(cx)).await
    }

    /// The next thing that has come from the board. Reads and writes as much as can be without waiting.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Item>> {
        for _ in 0..READS {
            if let Some(item) = self.next_item() {
                return Poll::Ready(Ok(item));
            }
            self.poll_write(cx)?;
            let mut room = [MaybeUninit::uninit(); READ];
            let mut buffer = ReadBuf::uninit(&mut room);
            match Pin::new(&mut self.transport).poll_read(cx, &mut buffer)? {
                Poll::Ready(()) => self.take(buffer.filled()),
                Poll::Pending => {
                    self.output.flush();
                    return Poll::Pending;
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// The next thing that is no output. What was printed before it is handed out first.
    fn next_item(&mut self) -> Option<Item> {
        while let Some(come) = self.come.pop_front() {
            match come {
                Come::Output(bytes) => self.output.push(&bytes),
                Come::Item(item) => {
                    if matches!(item, Item::Frame(_)) {
                        self.hand_out();
                    }
                    return Some(item);
                }
            }
        }
        None
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        loop {
            let over = self.repl.pause_is_over();
            if let Some(pause) = &mut self.pause {
                if !over && pause.as_mut().poll(cx).is_pending() {
                    return Ok(());
                }
                self.pause = None;
                self.written = 0;
            }
            if self.outgoing.is_empty() {
                let Some(write) = self.repl.poll_write() else {
                    return Ok(());
                };
                self.send(&write.bytes);
                if let Some(pause) = write.pause {
                    // The pause counts from when the bytes are queued; a port takes so few at once.
                    self.flush_now(cx)?;
                    self.pause_for(pause);
                }
                continue;
            }
            if !self.flush_now(cx)? {
                return Ok(());
            }
        }
    }

    fn pause_for(&mut self, pause: Duration) {
        self.pause = Some(Box::pin(tokio::time::sleep_until(Instant::now() + pause)));
    }

    /// Writes what the port takes; false if it takes no more for now.
    fn flush_now(&mut self, cx: &mut Context<'_>) -> io::Result<bool> {
        while !self.outgoing.is_empty() {
            let (front, _) = self.outgoing.as_slices();
            let allowed = match self.burst {
                Some((bytes, pause)) if self.written >= bytes => {
                    self.pause_for(pause);
                    return Ok(true);
                }
                Some((bytes, _)) => front.len().min(bytes - self.written),
                None => front.len(),
            };
            match Pin::new(&mut self.transport).poll_write(cx, &front[..allowed])? {
                Poll::Ready(0) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(written) => {
                    tracing::trace!(target: "belay::wire", sent = %front[..written].escape_ascii());
                    self.outgoing.drain(..written);
                    self.written += written;
                    self.written_at = Instant::now();
                    if self.requested > 0 {
                        self.requested = self.requested.saturating_sub(written);
                        self.requested_at = self.written_at;
                    }
                }
                Poll::Pending => return Ok(false),
            }
        }
        if self.burst.is_none() {
            self.written = 0;
        }
        Ok(true)
    }

    fn take(&mut self, bytes: &[u8]) {
        tracing::trace!(target: "belay::wire", received = %bytes.escape_ascii());
        remember(&mut self.tail, bytes);
        self.received = self.received.wrapping_add(bytes.len());
        let Self {
            deframer,
            repl,
            come,
            flavour,
            ..
        } = self;
        deframer.feed(bytes, |piece| match piece {
            Piece::Output(bytes) => {
                repl.receive(bytes);
                drain(repl, come);
            }
            Piece::Damaged(bytes) => {
                repl.receive(bytes);
                drain(repl, come);
                if let Some(&[number, kind]) = bytes.get(HEAD..HEAD + 2) {
                    come.push_back(Come::Item(Item::Damaged { number, kind }));
                }
            }
            Piece::Frame(frame) => {
                if flavour.ends_execution(frame.kind) {
                    repl.reply_seen();
                }
                come.push_back(Come::Item(Item::Frame(frame)));
            }
            Piece::TooLong { number, kind } => {
                if flavour.ends_execution(kind) {
                    repl.reply_seen();
                }
                come.push_back(Come::Item(Item::TooLong(number)));
            }
            Piece::Cut => {}
        });
    }

    /// What may have been the beginning of a frame is output after all, if nothing has come since the last time.
    pub(super) fn give_up_frame(&mut self) {
        if std::mem::replace(&mut self.looked_at, self.received) != self.received {
            return;
        }
        let Self {
            deframer, repl, come, ..
        } = self;
        deframer.give_up(|piece| {
            if let Piece::Damaged(bytes) = piece {
                repl.receive(bytes);
                drain(repl, come);
            }
        });
    }
}

fn drain(repl: &mut RawRepl, come: &mut VecDeque<Come>) {
    while let Some(event) = repl.poll_event() {
        come.push_back(match event {
            Event::Output(bytes) => Come::Output(bytes),
            event => Come::Item(Item::Repl(event)),
        });
    }
}

fn remember(tail: &mut Vec<u8>, bytes: &[u8]) {
    let bytes = &bytes[bytes.len().saturating_sub(TAIL)..];
    let excess = (tail.len() + bytes.len()).saturating_sub(TAIL);
    if excess > 0 {
        tail.drain(..excess);
    }
    tail.extend_from_slice(bytes);
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wire")
            .field("transport", &self.transport.description())
            .finish_non_exhaustive()
    }
}
