//! What was sent to the board and is not known to have been read. A full input buffer loses further bytes, or stops
//! the line, and then a Ctrl-C is stopped, too: so there must never be more unread bytes than the board has room for,
//! whatever they belong to.

use std::collections::VecDeque;

use crate::agent::Number;

/// How many bytes of a busy board's room are kept free of requests and pings. They serve to find out, after hours
/// perhaps, that it was reset meanwhile, which takes some requests for a banner, and a longer question once a banner
/// comes.
const KEPT: usize = 96;
/// How many signs of a restart are followed up before the board is known to have read the bytes that this sends.
pub(super) const SIGNS: u32 = 8;

/// How much a board's input buffer takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    /// How many bytes may be unread when a Ctrl-C comes.
    bytes: usize,
    /// Whether a Ctrl-C that ends something discards all unread input, even bytes that came with it.
    flushed: bool,
}

impl Room {
    /// The smallest input buffers of current boards have 256 or 260 bytes.
    const TODAY: Self = Self {
        bytes: 255,
        flushed: false,
    };
    /// Boards without raw-paste mode have a quarter of that.
    const OLD: Self = Self {
        bytes: 63,
        flushed: false,
    };
    /// The ring buffer has 256 bytes, and no packet is accepted with fewer than 64 of them free.
    const CIRCUITPYTHON: Self = Self {
        bytes: 192,
        flushed: true,
    };

    pub(super) fn of(implementation: &str, has_raw_paste: bool) -> Self {
        match implementation {
            "circuitpython" => Self::CIRCUITPYTHON,
            _ if has_raw_paste => Self::TODAY,
            _ => Self::OLD,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    Request(Number),
    Ping(u32),
    /// An answer to a question, which may be a repeated one that the board does not wait for.
    Answer,
    /// A request for the raw REPL's banner.
    BannerWanted,
    Other,
}

#[derive(Debug)]
pub(super) struct Unread {
    room: Room,
    sent: VecDeque<(Sent, usize)>,
    /// How many signs of a restart have been followed up since the board was last known to have read anything.
    heeded: u32,
    /// Whether a banner has been believed to be an answer since then.
    believed: bool,
    /// Whether all of this may as well have been lost.
    doubted: bool,
}

impl Unread {
    pub(super) fn new(room: Room) -> Self {
        Self {
            room,
            sent: VecDeque::new(),
            heeded: 0,
            believed: false,
            doubted: false,
        }
    }

    pub(super) fn add(&mut self, what: Sent, bytes: usize) {
        self.sent.push_back((what, bytes));
    }

    /// The board has answered this, so it has read all pieces of it and everything before it.
    pub(super) fn answered(&mut self, what: Sent) {
        if let Some(at) = self.sent.iter().position(|(sent, _)| *sent == what) {
            let pieces = self.sent.iter().skip(at);
            let pieces = pieces.take_while(|(sent, _)| *sent == what).count();
            self.sent.drain(..at + pieces);
        }
    }

    /// An asker has ended, so all answers that it was sent, and everything before them, have been read.
    pub(super) fn answers_are_read(&mut self) {
        if let Some(last) = self.sent.iter().rposition(|(sent, _)| *sent == Sent::Answer) {
            self.sent.drain(..=last);
        }
    }

    /// The board has refused a line: it has read at least the first one that it has not answered.
    pub(super) fn refused(&mut self) {
        if let Some((what, _)) = self.sent.front().copied() {
            self.answered(what);
        }
    }

    /// The board has answered a ping, but the answer is not legible. Pings are answered in order, so it was the
    /// first.
    pub(super) fn answered_a_ping(&mut self) {
        let is_ping = |(sent, _): &(Sent, usize)| matches!(sent, Sent::Ping(_));
        if let Some(at) = self.sent.iter().position(is_ping) {
            self.sent.drain(..=at);
        }
    }

    /// The board has read everything, or what was sent is gone.
    pub(super) fn clear(&mut self) {
        self.sent.clear();
    }

    /// The board has read everything, so its signs of a restart are followed up again.
    pub(super) fn all_is_read(&mut self) {
        self.clear();
        self.some_is_read();
    }

    /// The board has read something.
    pub(super) fn some_is_read(&mut self) {
        self.heeded = 0;
        self.believed = false;
    }

    /// A banner has come that was asked for: a prompt that shows it has read everything before it. A program may have
    /// printed the banner, so this is believed only once until the board is known to have read something. It has to
    /// be believed once, or bytes that the line has lost would count as unread for ever.
    pub(super) fn answered_with_banner(&mut self) {
        if !std::mem::replace(&mut self.believed, true) {
            self.clear();
        }
    }

    /// A banner has come when none was awaited any more: it may answer an earlier request for one.
    pub(super) fn answered_late_with_banner(&mut self) {
        if self.sent.iter().any(|(sent, _)| *sent == Sent::BannerWanted) {
            self.answered_with_banner();
        }
    }

    /// The board has been told to stop in every way and is silent: either it has read nothing, or the line has lost
    /// the bytes that count as unread.
    pub(super) fn is_doubtful(&mut self) {
        self.doubted = true;
    }

    /// Whether a question may be sent although there may be no room for it: once after each
    /// [`is_doubtful`](Self::is_doubtful), so that a line that has lost everything does not keep the board from being
    /// asked for ever.
    pub(super) fn take_doubt(&mut self) -> bool {
        std::mem::take(&mut self.doubted)
    }

    /// Whether to follow up what looks like a prompt, however long the board has been busy. The number is limited
    /// because a program that prints such text for ever must not have the input buffer filled.
    pub(super) fn may_heed_sign(&mut self) -> bool {
        self.heeded += 1;
        self.heeded <= SIGNS
    }

    /// Whether a Ctrl-C that ends something discards all unread input.
    pub(super) fn is_flushed(&self) -> bool {
        self.room.flushed
    }

    /// Whether the board is known to have read everything.
    pub(super) fn is_empty(&self) -> bool {
        self.sent.is_empty()
    }

    /// How many bytes may be unread. A request with nothing before it has been read or is being read, with all its
    /// pieces.
    fn bytes(&self) -> usize {
        let first = self.sent.front().map(|(sent, _)| *sent);
        let read = first.filter(|sent| matches!(sent, Sent::Request(_)));
        self.sent
            .iter()
            .skip_while(|(sent, _)| Some(*sent) == read)
            .map(|(_, bytes)| bytes)
            .sum()
    }

    /// Whether there is room for a request or a ping. For what comes first there always is.
    pub(super) fn has_room_for(&self, bytes: usize) -> bool {
        let unread = self.bytes();
        unread == 0 || unread + bytes + KEPT <= self.room.bytes
    }

    /// Whether there is room for this in all of the buffer, with the part that is kept free.
    pub(super) fn has_any_room_for(&self, bytes: usize) -> bool {
        self.bytes() + bytes <= self.room.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_banner_is_taken_once_for_a_sign_that_what_counts_as_unread_has_been_lost() {
        let mut unread = Unread::new(Room::TODAY);
        for _ in 0..2 {
            unread.add(Sent::Ping(1), 200);
            unread.answered_with_banner();
            assert!(unread.has_any_room_for(200));
            unread.add(Sent::Ping(2), 200);
            unread.answered_with_banner();
            assert!(
                !unread.has_any_room_for(200),
                "a program may print banners for ever"
            );
            unread.all_is_read();
        }
    }

    fn number(char: u8) -> Number {
        Number::from_char(char).unwrap()
    }

    #[test]
    fn an_answer_that_nobody_waited_for_any_more_is_read_with_what_came_before_once_the_asker_has_ended() {
        let mut unread = Unread::new(Room::TODAY);
        for what in [Sent::Other, Sent::Answer, Sent::Answer, Sent::Ping(1)] {
            unread.add(what, 100);
        }
        unread.answers_are_read();
        assert_eq!(unread.bytes(), 100);
        unread.answers_are_read();
        assert_eq!(unread.bytes(), 100);
    }

    #[test]
    fn with_its_answer_all_pieces_of_a_request_are_read_and_nothing_behind_them() {
        let mut unread = Unread::new(Room::TODAY);
        for what in [
            number(b'1'),
            number(b'1'),
            number(b'1'),
            number(b'2'),
            number(b'2'),
        ] {
            unread.add(Sent::Request(what), 150);
        }
        unread.answered(Sent::Request(number(b'1')));
        // The second one is being read, as nothing stands before it.
        assert_eq!(unread.bytes(), 0);
        unread.add(Sent::Ping(7), 40);
        assert_eq!(unread.bytes(), 40);
        unread.refused();
        unread.add(Sent::Other, 2);
        assert_eq!(unread.bytes(), 42);
        unread.refused();
        assert_eq!(unread.bytes(), 2);
    }
}
