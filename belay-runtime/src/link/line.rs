//! What goes over the line, without the port: frames are taken out of what the board sends, and the rest goes through
//! the raw REPL's state machine; what is to be written waits here until the port takes it.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::aside::Aside;
use super::output::OutputSender;
use super::own_words::{take_out_answers, take_out_marks};
use crate::agent::Flavour;
use crate::agent::source::Secrets;
use crate::protocol::{Deframer, Event, Frame, NONCE, Options, Pacing, Piece, RawRepl};

/// What stands in a frame before its number.
const HEAD: usize = 1 + NONCE;
/// How much of what was received last is kept for messages.
const TAIL: usize = 512;
/// How many marks are remembered that the prompt was asked for. A board has not room for more questions.
const ASKED: usize = 8;

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

/// What the port is to do.
#[derive(Debug)]
pub(super) enum ToWrite<'a> {
    /// Write this, or some of it.
    Bytes(&'a [u8]),
    /// Write nothing until then.
    Pause(Instant),
    Nothing,
}

/// What has come and what is to go.
pub(super) struct Line {
    pub(super) repl: RawRepl,
    deframer: Deframer,
    /// It decides after which frames the board is at its prompt again.
    flavour: Flavour,
    /// What has come and is not handed over yet. What is printed stands here as well, so that an answer never
    /// overtakes it.
    come: VecDeque<Come>,
    /// What came for the conversation while somebody else had the line.
    aside: Aside,
    output: OutputSender,
    outgoing: VecDeque<u8>,
    /// Nothing is written before this, but for the bytes that stand before the pause.
    pause: Option<Instant>,
    before_pause: usize,
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
    /// What a board prints only if it was told to, and what the prompt was asked to print and has not, from the first
    /// of those on.
    mark: Option<Vec<u8>>,
    asked: Vec<Vec<u8>>,
    /// How much has come, and how much had when it was last asked whether anything still comes.
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

    /// Forgets the last bytes that came: what comes now belongs to something else.
    pub(super) fn forget_tail(&mut self) {
        self.tail.clear();
    }

    /// How much has come, ever: two of these tell whether anything has in between.
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

    /// The same of one that whatever runs may read the beginning of, at a prompt that may be another.
    pub(super) fn submit_marked(&mut self, source: &[u8], afresh: bool) {
        let bytes = self.repl.submit_marked(source, afresh);
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

    /// How much has been queued that the port has not taken.
    pub(super) fn waiting(&self) -> usize {
        self.outgoing.len()
    }

    /// How much has been queued, ever: two of these tell how much in between.
    pub(super) fn queued(&self) -> usize {
        self.queued
    }

    /// Some of a request has left only now, though the port took it before.
    pub(super) fn request_leaves(&mut self, now: Instant) {
        self.requested_at = now;
    }

    /// Forgets what has not been handed to the operating system.
    pub(super) fn drop_outgoing(&mut self) {
        if !self.outgoing.is_empty() {
            self.outgoing.clear();
            self.before_pause = 0;
            self.requested = 0;
            self.repl.drop_submitted();
        }
    }

    /// Hands out what has been printed so far, so that whoever is told of something that came after it finds it.
    pub(super) fn hand_out(&mut self) {
        self.output.flush();
    }

    /// The same where the board may be about to say that something has ended, which is not printed by a program.
    pub(super) fn hand_out_but_end(&mut self) {
        self.output.flush_but_end();
    }

    /// Whether the beginning of that is held back.
    pub(super) fn holds_end(&self) -> bool {
        self.output.holds_end()
    }

    /// Hands out nothing that comes from now on: the board says it of its own accord.
    pub(super) fn mute(&mut self) {
        self.output.mute();
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

    /// Watches for a mark that only the raw REPL can print, beside those that were asked for before; gives the source
    /// that makes it do so.
    pub(super) fn ask_for_mark(&mut self, token: u32) -> String {
        if self.asked.len() == ASKED {
            self.asked.remove(0);
        }
        self.asked.push(format!("belay-{token}-here").into_bytes());
        format!("import builtins as _by;_by.print('belay-{token}'+'-here');del _by\x04")
    }

    /// Whether one of the marks has come that were asked for.
    pub(super) fn has_answered_for_mark(&self) -> bool {
        self.asked.iter().any(|mark| is_in(&self.tail, mark))
    }

    /// Takes what a board has said of them out of what is held back, and what it said before that it was left with.
    pub(super) fn take_out_marks(&mut self, left_with: Option<&[u8]>) {
        if let Some(printed) = self.output.held_back() {
            take_out_marks(printed, left_with, &self.asked);
        }
    }

    /// The same of those that come when it is known already where the board is.
    pub(super) fn take_out_late_marks(&mut self) {
        if let Some(printed) = self.output.held_back() {
            take_out_answers(printed, &self.asked);
        }
    }

    /// Nothing that the prompt was asked for can come any more.
    pub(super) fn forget_marks(&mut self) {
        self.asked.clear();
    }

    /// Watches for this, which a board prints only if it was told to.
    pub(super) fn watch_for(&mut self, mark: String) {
        self.mark = Some(mark.into_bytes());
    }

    /// The mark, once it has come.
    pub(super) fn take_mark(&mut self) -> Option<Vec<u8>> {
        let tail = &self.tail;
        self.mark.take_if(|mark| is_in(tail, mark))
    }

    /// The next thing that is no output. What was printed before it is handed out first.
    pub(super) fn next_item(&mut self) -> Option<Item> {
        match self.aside.take() {
            Some(frame) => Some(Item::Frame(frame)),
            None => self.next_come(),
        }
    }

    /// The same for somebody who has the line for a while: what bodies and threads say waits for the conversation.
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

    /// What may be written now, and until when nothing may if there is a pause.
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
                    // The pause counts from when the bytes are queued; a port takes so few at once.
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

    /// Takes what has come.
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
