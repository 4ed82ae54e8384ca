//! The received parts of one answer, and what is missing of it.

use std::collections::BTreeMap;

use super::pieces::Pieces;
use super::streams::CREDIT;
use crate::agent::{Missing, Payload, Piece};
use crate::protocol::Frame;

/// How often the answer to one request is requested again before it is given up.
const ASKING_AGAIN: u32 = 30;
/// The number of bytes that each part counts for at least, however short it is.
const LEAST: usize = 64;

/// The received parts of an answer.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    /// The parts of a value, or the items of a batch that are not delivered yet, by index.
    parts: BTreeMap<usize, Part>,
    /// How many bytes they count for.
    size: usize,
    /// How many items of a batch have been delivered.
    delivered: usize,
    /// How often the answer was requested again since any part of it came.
    asked_again: u32,
    /// The pieces of frames that have come.
    pieces: Pieces,
}

/// A part of an answer, kept until the others have come.
#[derive(Debug)]
enum Part {
    /// Of a value.
    Bytes(Vec<u8>),
    /// Of a batch.
    Item(Payload),
}

/// What became of a received part.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// It was new. The frame is there if this was its last piece.
    New(Option<Frame>),
    /// It has come before.
    Had,
    /// The answer exceeds its limit.
    TooMuch,
}

/// How to request an answer again.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum AskAgain {
    /// Not at all: it is on its way.
    UnderWay,
    /// All of it, or only what is missing.
    For(Option<Missing>),
    /// No longer: it is given up.
    GivenUp,
}

impl Incoming {
    /// Keeps a part of a value.
    pub(super) fn part(&mut self, index: usize, data: Vec<u8>, limit: usize) -> Kept {
        if self.parts.contains_key(&index) {
            return Kept::Had;
        }
        self.keep(index, data.len(), Part::Bytes(data), limit)
    }

    /// Keeps an item of a batch. If an item before it is missing, it waits until that has come again.
    pub(super) fn item(&mut self, index: usize, item: Payload, limit: usize) -> Kept {
        if index < self.delivered || index >= CREDIT {
            return Kept::Had;
        }
        self.keep(index, item.len(), Part::Item(item), limit)
    }

    /// Keeps a piece of a frame.
    pub(super) fn piece(&mut self, piece: Piece, limit: usize) -> Kept {
        let had = piece.frame < self.delivered || self.parts.contains_key(&piece.frame);
        if had || self.pieces.have(&piece) {
            return Kept::Had;
        }
        if !self.has_room_for(piece.text.len(), limit) {
            return Kept::TooMuch;
        }
        Kept::New(self.pieces.take(piece))
    }

    fn keep(&mut self, index: usize, length: usize, part: Part, limit: usize) -> Kept {
        if !self.has_room_for(length, limit) {
            return Kept::TooMuch;
        }
        self.parts.insert(index, part);
        Kept::New(None)
    }

    fn has_room_for(&mut self, length: usize, limit: usize) -> bool {
        self.size += length.max(LEAST);
        let fits = self.size <= limit;
        if fits {
            self.asked_again = 0;
        }
        fits
    }

    /// The next item of a batch, if it has come.
    pub(super) fn next_item(&mut self) -> Option<Payload> {
        let Part::Item(item) = self.parts.remove(&self.delivered)? else {
            return None;
        };
        self.delivered += 1;
        Some(item)
    }

    /// How many items have been delivered.
    pub(super) fn delivered(&self) -> usize {
        self.delivered
    }

    /// The value, if all of its `count` parts have come.
    pub(super) fn whole(&self, count: usize) -> Option<Vec<u8>> {
        let bytes = |index| match self.parts.get(&index)? {
            Part::Bytes(bytes) => Some(bytes.as_slice()),
            Part::Item(_) => None,
        };
        let parts = (0..count).map(bytes).take(self.parts.len() + 1);
        Some(parts.collect::<Option<Vec<_>>>()?.concat())
    }

    /// Drops the parts: nobody wants the answer any more.
    pub(super) fn forget(&mut self) {
        self.parts.clear();
    }

    /// Drops everything: the answer is going to come from the beginning.
    pub(super) fn begin_again(&mut self) {
        self.parts.clear();
        self.pieces = Pieces::default();
    }

    /// Whether this is the end of the pieces that were last requested.
    pub(super) fn pieces_end(&mut self, from: usize) -> bool {
        self.pieces.are_at_their_end(from)
    }

    /// Whatever was requested before has come by now, or never will.
    pub(super) fn nothing_is_coming(&mut self) {
        self.pieces.ended();
    }

    /// The call still runs, since it asks the host something: retries are counted from zero.
    pub(super) fn goes_on(&mut self) {
        self.asked_again = 0;
    }

    /// How to request the answer again: all of it or, `in_pieces`, the first missing range.
    pub(super) fn ask_again(&mut self, in_pieces: bool) -> AskAgain {
        if self.pieces.are_under_way() {
            return AskAgain::UnderWay;
        }
        self.asked_again += 1;
        if self.asked_again > ASKING_AGAIN {
            return AskAgain::GivenUp;
        }
        AskAgain::For(in_pieces.then(|| self.missing()))
    }

    fn missing(&mut self) -> Missing {
        let mut missing = self.delivered..;
        let frame = missing.find(|frame| !self.parts.contains_key(frame)).unwrap_or(0);
        self.pieces.ask(frame, self.parts.contains_key(&(frame + 1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 1000;

    fn item(index: u8) -> Payload {
        Payload::Repr(vec![b'0' + index])
    }

    #[test]
    fn items_are_given_in_their_order_and_each_once() {
        let mut incoming = Incoming::default();
        assert_eq!(incoming.item(1, item(1), LIMIT), Kept::New(None));
        assert_eq!(incoming.next_item(), None, "the one before it has not come");
        assert_eq!(incoming.item(0, item(0), LIMIT), Kept::New(None));
        assert_eq!(
            [incoming.next_item(), incoming.next_item()],
            [Some(item(0)), Some(item(1))]
        );
        assert_eq!(incoming.item(1, item(1), LIMIT), Kept::Had);
        assert_eq!(incoming.delivered(), 2);
        assert_eq!(
            incoming.item(CREDIT, item(2), LIMIT),
            Kept::Had,
            "nobody has asked for so many"
        );
    }

    #[test]
    fn a_value_is_whole_when_all_of_its_parts_have_come() {
        let mut incoming = Incoming::default();
        incoming.part(1, b"cd".to_vec(), LIMIT);
        assert_eq!(incoming.whole(2), None);
        incoming.part(0, b"ab".to_vec(), LIMIT);
        assert_eq!(incoming.part(0, b"xx".to_vec(), LIMIT), Kept::Had);
        assert_eq!(incoming.whole(2), Some(b"abcd".to_vec()));
        assert_eq!(incoming.whole(usize::MAX), None, "whatever the board says");
    }

    #[test]
    fn each_part_counts_however_short_it_is() {
        let mut incoming = Incoming::default();
        let kept = (0..).map(|index| incoming.part(index, Vec::new(), LIMIT));
        let many = kept.take_while(|kept| *kept == Kept::New(None)).count();
        assert_eq!(many, LIMIT / LEAST);
    }

    #[test]
    fn what_is_missing_is_asked_for_until_that_is_given_up_unless_it_comes() {
        let mut incoming = Incoming::default();
        incoming.item(0, item(0), LIMIT);
        incoming.next_item();
        let AskAgain::For(Some(missing)) = incoming.ask_again(true) else {
            panic!("nothing is under way");
        };
        assert_eq!(missing.frame, 1);
        assert_eq!(incoming.ask_again(true), AskAgain::UnderWay);
        incoming.nothing_is_coming();
        for _ in 1..ASKING_AGAIN {
            assert_eq!(incoming.ask_again(false), AskAgain::For(None));
        }
        assert_eq!(incoming.ask_again(false), AskAgain::GivenUp);
        incoming.item(1, item(1), LIMIT);
        assert_eq!(incoming.ask_again(false), AskAgain::For(None));
    }
}
