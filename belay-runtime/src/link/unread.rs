//! What was sent to the board and is not known to have been read. A full input buffer loses what comes, or holds the
//! line up, and then Ctrl-C with it: so there must never be more than the board has room for, whatever it is made of.

use std::collections::VecDeque;

use crate::agent::Number;

/// How much of a busy board's room is kept free of requests and pings: for finding out, after hours, that it was reset
/// meanwhile. That takes some questions for a banner, and one for more where a banner comes.
const KEPT: usize = 96;
/// How many signs of a restart are looked into before the board is known to have read what that takes.
pub(super) const SIGNS: u32 = 8;

/// What a board's input buffer takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    /// How many bytes may be unread when a Ctrl-C comes.
    bytes: usize,
    /// Whether a Ctrl-C that ends something throws away whatever is unread, even what came with it.
    flushed: bool,
}

impl Room {
    /// The smallest of the boards of today have 256 bytes, or 260.
    const TODAY: Self = Self {
        bytes: 255,
        flushed: false,
    };
    /// Boards without raw-paste mode have a quarter of that.
    const OLD: Self = Self {
        bytes: 63,
        flushed: false,
    };
    /// The ring has 256, and no packet is taken with fewer than 64 of them free.
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
    /// An answer to a question, which may be one more than the board waits for.
    Answer,
    /// What the raw REPL answers with its banner.
    BannerWanted,
    Other,
}

#[derive(Debug)]
pub(super) struct Unread {
    room: Room,
    sent: VecDeque<(Sent, usize)>,
    /// How many signs of a restart have been looked into since it is known to have read anything.
    heeded: u32,
    /// Whether a banner has been taken for the answer to what was asked, since then.
    believed: bool,
    /// Whether all of it may as well have been lost.
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

    /// The board has answered this, and so it has read all pieces of it and what came before.
    pub(super) fn answered(&mut self, what: Sent) {
        if let Some(at) = self.sent.iter().position(|(sent, _)| *sent == what) {
            let pieces = self.sent.iter().skip(at);
            let pieces = pieces.take_while(|(sent, _)| *sent == what).count();
            self.sent.drain(..at + pieces);
        }
    }

    /// Whoever has asked the host has ended: whatever was answered is read now, and what came before.
    pub(super) fn answers_are_read(&mut self) {
        if let Some(last) = self.sent.iter().rposition(|(sent, _)| *sent == Sent::Answer) {
            self.sent.drain(..=last);
        }
    }

    /// The board has refused a line, of those that it has not answered the first at least.
    pub(super) fn refused(&mut self) {
        if let Some((what, _)) = self.sent.front().copied() {
            self.answered(what);
        }
    }

    /// The board has answered a ping, though not legibly. It answers them in order.
    pub(super) fn answered_a_ping(&mut self) {
        let is_ping = |(sent, _): &(Sent, usize)| matches!(sent, Sent::Ping(_));
        if let Some(at) = self.sent.iter().position(is_ping) {
            self.sent.drain(..=at);
        }
    }

    /// The board has read everything, or it is gone.
    pub(super) fn clear(&mut self) {
        self.sent.clear();
    }

    /// The same, so that what it says is heeded anew.
    pub(super) fn all_is_read(&mut self) {
        self.clear();
        self.some_is_read();
    }

    /// The board has read something.
    pub(super) fn some_is_read(&mut self) {
        self.heeded = 0;
        self.believed = false;
    }

    /// A banner has come that was asked for: whoever shows it has read what came before. Unless a program has printed it:
    /// so that is believed once, as what the line has lost would else count as unread for ever.
    pub(super) fn answered_with_banner(&mut self) {
        if !std::mem::replace(&mut self.believed, true) {
            self.clear();
        }
    }

    /// A banner has come when none was waited for any more: it may be the answer to what was asked for before.
    pub(super) fn answered_late_with_banner(&mut self) {
        if self.sent.iter().any(|(sent, _)| *sent == Sent::BannerWanted) {
            self.answered_with_banner();
        }
    }

    /// The board has been told to stop in every way, and nothing was heard of it: either it has not read anything, or the
    /// line has lost what counts as unread.
    pub(super) fn is_doubtful(&mut self) {
        self.doubted = true;
    }

    /// Whether a question may be asked although there may be no room for it: once for each such time, so that a line that
    /// has lost everything does not keep the board from being asked for ever.
    pub(super) fn take_doubt(&mut self) -> bool {
        std::mem::take(&mut self.doubted)
    }

    /// Whether what looks like a prompt is looked into, however long the board has been busy. A program that prints
    /// such things for ever must not fill the room.
    pub(super) fn may_heed_sign(&mut self) -> bool {
        self.heeded += 1;
        self.heeded <= SIGNS
    }

    /// Whether a Ctrl-C that ends something throws away whatever is unread.
    pub(super) fn is_flushed(&self) -> bool {
        self.room.flushed
    }

    /// Whether the board is known to have read everything.
    pub(super) fn is_empty(&self) -> bool {
        self.sent.is_empty()
    }

    /// What may be unread. A request that nothing stands before has been read, or is being read, all its pieces.
    fn bytes(&self) -> usize {
        let first = self.sent.front().map(|(sent, _)| *sent);
        let read = first.filter(|sent| matches!(sent, Sent::Request(_)));
        self.sent
            .iter()
            .skip_while(|(sent, _)| Some(*sent) == read)
            .map(|(_, bytes)| bytes)
            .sum()
    }

    /// Whether there is room for a request or a ping: always for what comes first.
    pub(super) fn has_room_for(&self, bytes: usize) -> bool {
        let unread = self.bytes();
        unread == 0 || unread + bytes + KEPT <= self.room.bytes
    }

    /// Whether there is room for this, if need be what was kept for it.
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
