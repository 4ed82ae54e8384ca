//! The bytes that go over the line, without the port. Frames are extracted from what the board sends, and the rest
//! goes through the raw REPL's state machine; outgoing bytes wait here until the port takes them.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::aside::Aside;
use super::output::OutputSender;
use super::own_words::{take_out_answers, take_out_marks};
use crate::agent::Flavour;
use crate::agent::source::Secrets;
use crate::protocol::{Deframer, Event, Frame, NONCE, Options, Pacing, Piece, RawRepl};

/// How many bytes of a frame stand before its request number: the start byte and the nonce.
const HEAD: usize = 1 + NONCE;
/// How many of the last received bytes are kept for error messages.
const TAIL: usize = 512;
/// How many marks that the prompt was asked for are remembered. A board has no room for more of these questions.
const ASKED: usize = 8;

/// Something that was received from the board and is not output.
#[derive(Debug)]
pub(super) enum Item {
    /// An intact frame.
    Frame(Frame),
    /// An event of the raw REPL's state machine.
    Repl(Event),
    /// The answer to the request with this number exceeds the limit.
    TooLong(u8),
    /// A damaged frame, apparently an answer to the request with this number; the number itself may be damaged.
    Damaged { number: u8, kind: u8 },
}

/// The longest frame, in bytes, that the board may send unasked.
pub(super) const UNASKED: usize = 64 << 10;

/// Received output and items, in the order in which they came.
enum Come {
    Output(Vec<u8>),
    Item(Item),
}

/// What the port should do next.
#[derive(Debug)]
pub(super) enum ToWrite<'a> {
    /// Write this, or some of it.
    Bytes(&'a [u8]),
    /// Write nothing until then.
    Pause(Instant),
    Nothing,
}

/// The received data that is not handled yet, and the outgoing data that is not written yet.
pub(super) struct Line {
    pub(super) repl: RawRepl,
    deframer: Deframer,
    /// Decides after which frames the board is at its prompt again.
    flavour: Flavour,
    /// Received and not handed over yet. Output is queued here as well, so that an answer never overtakes what was
    /// printed before it.
    come: VecDeque<Come>,
    /// Frames for the conversation that came while other code had the line.
    aside: Aside,
    output: OutputSender,
    outgoing: VecDeque<u8>,
    /// Nothing is written before this instant, except for the first `before_pause` bytes.
    pause: Option<Instant>,
    before_pause: usize,
    /// On a line without flow control: how many bytes may be written before a pause, and its length.
    burst: Option<(usize, Duration)>,
    written: usize,
    /// How many bytes have been queued, ever.
    queued: usize,
    /// When the port last took any bytes.
    written_at: Instant,
    /// How many of the queued bytes belong to requests or stand before them, and when the port last took some of
    /// those.
    requested: usize,
    requested_at: Instant,
    /// The last received bytes, for error messages.
    tail: Vec<u8>,
    /// A text that the board prints only if it was told to, and marks that the prompt was asked to print. The marks
    /// are kept until none of them can arrive any more.
    mark: Option<Vec<u8>>,
    asked: Vec<Vec<u8>>,
    /// How many bytes have been received, ever, and how many had been at the last `give_up_frame`.
    received: usize,
    looked_at: usize,
}

impl Line {
    pub(super) fn new(
        flow_control: bool,
        flavour: Flavour,
        secrets: Secrets,
        output: OutputSender,
        now: Instant,
    ) -> Self {
        let Secrets { nonce, seed, .. } = secrets;
        let options = Options {
            nonce: seed,
            ..Options::default()
        };
        let mut deframer = Deframer::new(nonce, seed);
        deframer.set_limit(UNASKED);
        let pacing = Pacing::default();
        let burst = (!flow_control).then_some((pacing.bytes, pacing.pause));
        Self {
            repl: RawRepl::new(options),
            deframer,
            flavour,
            come: VecDeque::new(),
            aside: Aside::default(),
            output,
            outgoing: VecDeque::new(),
            pause: None,
            before_pause: 0,
            burst,
            written: 0,
            queued: 0,
            written_at: now,
            requested: 0,
            requested_at: now,
            tail: Vec::new(),
            mark: None,
            asked: Vec::new(),
            received: 0,
            looked_at: 0,
        }
    }

    /// Sets which agent the board has, or is to get.
    pub(super) fn set_flavour(&mut self, flavour: Flavour) {
        self.deframer.set_checksum(flavour.checksum());
        self.flavour = flavour;
    }

    /// Sets the longest frame that is accepted from now on.
    pub(super) fn limit_frames(&mut self, limit: usize) {
        self.deframer.set_limit(limit);
    }

    /// Whether the line has flow control, which stops the sender while the board cannot take more.
    pub(super) fn flow_control(&self) -> bool {
        self.burst.is_none()
    }

    /// The last received bytes.
    pub(super) fn tail(&self) -> Vec<u8> {
        self.tail.clone()
    }

    /// When the port last took any bytes.
    pub(super) fn written_at(&self) -> Instant {
        self.written_at
    }

    /// Marks all that is queued by now as a request: the board cannot answer it before it has received it.
    pub(super) fn mark_request(&mut self) {
        self.requested = self.outgoing.len();
    }

    /// When the port last took some bytes of a request.
    pub(super) fn requested_at(&self) -> Instant {
        self.requested_at
    }

    /// Forgets the last received bytes: what comes now belongs to something else.
    pub(super) fn forget_tail(&mut self) {
        self.tail.clear();
    }

    /// How many bytes have been received, ever: two readings tell whether any came in between.
    pub(super) fn received(&self) -> usize {
        self.received
    }

    /// Queues bytes behind all that is queued already.
    pub(super) fn send(&mut self, bytes: &[u8]) {
        self.queued = self.queued.wrapping_add(bytes.len());
        self.outgoing.extend(bytes);
    }

    /// Types a source behind all that is queued already.
    pub(super) fn submit(&mut self, source: &[u8]) {
        let bytes = self.repl.submit(source);
        self.send(&bytes);
    }

    /// Like `submit`, for a source whose beginning a program may read; `afresh` if the prompt may be another one.
    pub(super) fn submit_marked(&mut self, source: &[u8], afresh: bool) {
        let bytes = self.repl.submit_marked(source, afresh);
        self.send(&bytes);
    }

    /// From now on sources are typed one behind the other, without waiting for the prompt.
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

    /// How many queued bytes the port has not taken.
    pub(super) fn waiting(&self) -> usize {
        self.outgoing.len()
    }

    /// How many bytes have been queued, ever: two readings tell how many in between.
    pub(super) fn queued(&self) -> usize {
        self.queued
    }

    /// Records that part of a request has left this machine only now, though the port took it earlier.
    pub(super) fn request_leaves(&mut self, now: Instant) {
        self.requested_at = now;
    }

    /// Drops the queued bytes that the operating system has not taken.
    pub(super) fn drop_outgoing(&mut self) {
        if !self.outgoing.is_empty() {
            self.outgoing.clear();
            self.before_pause = 0;
            self.requested = 0;
            self.repl.drop_submitted();
        }
    }

    /// Publishes the output so far, so that whoever is told of a later event finds it.
    pub(super) fn hand_out(&mut self) {
        self.output.flush();
    }

    /// The same, but keeps back what may be the beginning of an execution's end, which is not output.
    pub(super) fn hand_out_but_end(&mut self) {
        self.output.flush_but_end();
    }

    /// Whether the beginning of such an end is kept back.
    pub(super) fn holds_end(&self) -> bool {
        self.output.holds_end()
    }

    /// Discards all output from now on: the prompt prints it, not a program.
    pub(super) fn mute(&mut self) {
        self.output.mute();
    }

    /// Holds back output, from the last pause on, until it is known which part of it is protocol text.
    pub(super) fn hold_back_output(&mut self) {
        self.output.hold_back();
    }

    /// The output that is held back, so that protocol text can be removed from it.
    pub(super) fn output_held_back(&mut self) -> Option<&mut Vec<u8>> {
        self.output.held_back()
    }

    /// Publishes what is held back.
    pub(super) fn let_output_go(&mut self) {
        self.output.let_go();
    }

    /// The output since it was last forgotten, or the end of it.
    pub(super) fn take_output(&mut self) -> Vec<u8> {
        self.output.take_tail()
    }

    pub(super) fn forget_output(&mut self) {
        self.output.forget_tail();
    }

    /// Keeps output from now on for a request that wants it, but not more than `limit` bytes; `None` keeps nothing.
    pub(super) fn keep_printed(&mut self, limit: Option<usize>) {
        self.output.keep(limit);
    }

    /// The output that was kept.
    pub(super) fn take_printed(&mut self) -> Vec<u8> {
        self.output.take_kept()
    }

    /// Adds a mark to watch for, which only the raw REPL can print. Returns the source that makes it do so.
    pub(super) fn ask_for_mark(&mut self, token: u32) -> String {
        if self.asked.len() == ASKED {
            self.asked.remove(0);
        }
        self.asked.push(format!("belay-{token}-here").into_bytes());
        format!("import builtins as _by;_by.print('belay-{token}'+'-here');del _by\x04")
    }

    /// Whether one of the marks has come.
    pub(super) fn has_answered_for_mark(&self) -> bool {
        self.asked.iter().any(|mark| is_in(&self.tail, mark))
    }

    /// Removes the board's answers with these marks from the held-back output, and the traceback that its agent ended
    /// with.
    pub(super) fn take_out_marks(&mut self, left_with: Option<&[u8]>) {
        if let Some(printed) = self.output.held_back() {
            take_out_marks(printed, left_with, &self.asked);
        }
    }

    /// The same for marks that come when it is known already where the board is.
    pub(super) fn take_out_late_marks(&mut self) {
        if let Some(printed) = self.output.held_back() {
            take_out_answers(printed, &self.asked);
        }
    }

    /// Forgets the marks: none of them can come any more.
    pub(super) fn forget_marks(&mut self) {
        self.asked.clear();
    }

    /// Watches for this text, which a board prints only if it was told to.
    pub(super) fn watch_for(&mut self, mark: String) {
        self.mark = Some(mark.into_bytes());
    }

    /// The watched text, once it has come.
    pub(super) fn take_mark(&mut self) -> Option<Vec<u8>> {
        let tail = &self.tail;
        self.mark.take_if(|mark| is_in(tail, mark))
    }

    /// The next item that is not output. Output before it is published first.
    pub(super) fn next_item(&mut self) -> Option<Item> {
        match self.aside.take() {
            Some(frame) => Some(Item::Frame(frame)),
            None => self.next_come(),
        }
    }

    /// The same for code that has the line for a while: unasked frames are kept for the conversation.
    pub(super) fn next_of_ours(&mut self) -> Option<Item> {
        while let Some(item) = self.next_come() {
            match item {
                Item::Frame(frame) => {
                    if let Some(frame) = self.aside.keep(frame) {
                        return Some(Item::Frame(frame));
                    }
                }
                item => return Some(item),
            }
        }
        None
    }

    fn next_come(&mut self) -> Option<Item> {
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

    /// What may be written now, or until when nothing may be.
    pub(super) fn next_write(&mut self, now: Instant) -> ToWrite<'_> {
        loop {
            if let Some(until) = self.pause {
                if self.before_pause == 0 && now < until && !self.repl.pause_is_over() {
                    return ToWrite::Pause(until);
                }
                if self.before_pause == 0 || now >= until {
                    self.repl.pause_was_late(now.saturating_duration_since(until));
                    self.pause = None;
                    self.before_pause = 0;
                    self.written = 0;
                }
            }
            if self.outgoing.is_empty() {
                if self.burst.is_none() {
                    self.written = 0;
                }
                let Some(write) = self.repl.poll_write() else {
                    return ToWrite::Nothing;
                };
                self.send(&write.bytes);
                if let Some(pause) = write.pause {
                    // The pause counts from when the bytes are queued: the port takes so few of them at once.
                    self.pause = Some(now + pause);
                    self.before_pause = self.outgoing.len();
                }
                continue;
            }
            match self.burst {
                Some((bytes, pause)) if self.written >= bytes => {
                    self.pause = Some(now + pause);
                    self.before_pause = 0;
                }
                _ => return ToWrite::Bytes(self.writable()),
            }
        }
    }

    fn writable(&self) -> &[u8] {
        let (front, _) = self.outgoing.as_slices();
        let mut most = front.len();
        if let Some((bytes, _)) = self.burst {
            most = most.min(bytes - self.written);
        }
        if self.pause.is_some() {
            most = most.min(self.before_pause);
        }
        &front[..most]
    }

    /// The port has taken so many bytes.
    pub(super) fn wrote(&mut self, now: Instant, bytes: usize) {
        let (front, _) = self.outgoing.as_slices();
        tracing::trace!(target: "belay::wire", sent = %front[..bytes].escape_ascii());
        self.outgoing.drain(..bytes);
        self.before_pause = self.before_pause.saturating_sub(bytes);
        self.written += bytes;
        self.written_at = now;
        if self.requested > 0 {
            self.requested = self.requested.saturating_sub(bytes);
            self.requested_at = now;
        }
    }

    /// Takes received bytes.
    pub(super) fn take(&mut self, bytes: &[u8]) {
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

    /// If nothing has come since the last call, the beginning of an unfinished frame becomes output.
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

fn is_in(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window == word)
}

fn remember(tail: &mut Vec<u8>, bytes: &[u8]) {
    let bytes = &bytes[bytes.len().saturating_sub(TAIL)..];
    let excess = (tail.len() + bytes.len()).saturating_sub(TAIL);
    if excess > 0 {
        tail.drain(..excess);
    }
    tail.extend_from_slice(bytes);
}
