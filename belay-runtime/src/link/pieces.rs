//! Frames that come in pieces, because they did not get through whole: as where a thread prints in between.

use std::collections::BTreeMap;

use crate::agent::{Missing, Piece};
use crate::protocol::Frame;

/// The largest pieces that are asked for, in bytes. Each time one does not come they are half as large, which
/// leaves the places where they begin the same.
const LARGEST: usize = 768;
/// The smallest: with all that belongs to it, about as much as a USB packet holds.
const SMALLEST: usize = 12;
/// How many gaps are asked for one by one.
const GAPS: usize = 4;
/// The end of a frame, when only that one is wanted.
const TO_ITS_END: usize = 999_999;

/// What has come of an answer in pieces, and what was asked for.
#[derive(Debug)]
pub(super) struct Pieces {
    frames: BTreeMap<usize, Pieced>,
    /// The frame and the place in it from which on it was asked for last.
    asked: Option<(usize, usize)>,
    size: usize,
    /// From where in the frame on that may still be coming.
    coming: Option<usize>,
}

/// The pieces of a frame, by their places.
#[derive(Debug, Default)]
struct Pieced {
    total: usize,
    /// How many bytes have come, some of them perhaps twice.
    come: usize,
    pieces: BTreeMap<usize, Vec<u8>>,
}

impl Default for Pieces {
    fn default() -> Self {
        Self {
            frames: BTreeMap::new(),
            asked: None,
            size: LARGEST,
            coming: None,
        }
    }
}

impl Pieces {
    /// The question for what is missing from this frame on, of which the next one may have come.
    pub(super) fn ask(&mut self, frame: usize, next_is_there: bool) -> Missing {
        let gap = self.frames.get(&frame).and_then(Pieced::gap);
        let (from, to) = gap.unwrap_or_default();
        if self.asked == Some((frame, from)) {
            self.size = (self.size / 2).max(SMALLEST);
        }
        self.asked = Some((frame, from));
        let to = match to {
            0 if next_is_there => TO_ITS_END,
            to => to,
        };
        self.coming = Some(from);
        let missing = Missing {
            frame,
            from,
            to,
            size: self.size,
        };
        missing.within_room()
    }

    /// Whether what was asked for may still be coming.
    pub(super) fn are_under_way(&self) -> bool {
        self.coming.is_some()
    }

    /// Nothing is coming any more.
    pub(super) fn ended(&mut self) {
        self.coming = None;
    }

    /// Whether this is the end of what was asked for.
    pub(super) fn are_at_their_end(&mut self, from: usize) -> bool {
        self.coming.take_if(|coming| *coming == from).is_some()
    }

    /// Whether this has come already.
    pub(super) fn have(&self, piece: &Piece) -> bool {
        { self.frames.get(&piece.frame) }
            .and_then(|pieced| pieced.pieces.get(&piece.at))
            .is_some_and(|text| text.len() >= piece.text.len())
    }

    /// Keeps a piece, and gives the frame that is whole by now.
    pub(super) fn take(&mut self, piece: Piece) -> Option<Frame> {
        let pieced = self.frames.entry(piece.frame).or_default();
        pieced.total = piece.total;
        pieced.come += piece.text.len();
        pieced.pieces.insert(piece.at, piece.text);
        if pieced.come < pieced.total || pieced.gap().is_some() {
            return None;
        }
        let text = self.frames.remove(&piece.frame)?.text();
        let [number, kind, payload @ ..] = text.as_slice() else {
            return None;
        };
        Some(Frame {
            number: *number,
            kind: *kind,
            payload: payload.to_vec(),
        })
    }
}

impl Pieced {
    /// The first place of which nothing has come, and the next one of which something has; nothing if all is there.
    /// Where much is missing here and there all from that place on is one gap, as each takes its turn of the line.
    fn gap(&self) -> Option<(usize, usize)> {
        let mut end = 0;
        let mut first = None;
        let mut gaps = 0;
        let places = self.pieces.iter().map(|(at, text)| (*at, text.len()));
        for (at, length) in places.chain([(self.total, 0)]) {
            if at > end {
                first = first.or(Some((end, at)));
                gaps += 1;
            }
            end = end.max(at + length);
        }
        let (from, to) = first?;
        Some((from, if gaps > GAPS { self.total } else { to }))
    }

    /// All of it. Pieces that were asked for twice overlap.
    fn text(&self) -> Vec<u8> {
        let mut text = Vec::new();
        let mut end = 0;
        for (at, piece) in &self.pieces {
            if *at == end {
                text.extend_from_slice(piece);
                end += piece.len();
            }
        }
        text
    }
}
