//! Frames that are transferred in pieces because they do not get through whole, for example where a thread prints in
//! between.

use std::collections::BTreeMap;

use crate::agent::{Missing, Piece};
use crate::protocol::Frame;

/// The size in bytes of the pieces that are requested first. Each time one does not arrive the size is halved, so
/// that the boundaries of earlier pieces stay boundaries.
const LARGEST: usize = 768;
/// The smallest pieces: with the framing around it, such a piece is about as long as a USB packet.
const SMALLEST: usize = 12;
/// How many gaps are requested one by one.
const GAPS: usize = 4;
/// Stands for the end of the frame, in a request for this frame alone.
const TO_ITS_END: usize = 999_999;

/// The pieces of an answer that have come, and what was last requested.
#[derive(Debug)]
pub(super) struct Pieces {
    frames: BTreeMap<usize, Pieced>,
    /// The frame and the offset in it from which on pieces were last requested.
    asked: Option<(usize, usize)>,
    size: usize,
    /// If requested pieces may still be coming: the offset in the frame from which on they were requested.
    coming: Option<usize>,
}

/// The pieces of one frame, by offset.
#[derive(Debug, Default)]
struct Pieced {
    total: usize,
    /// How many bytes have come; repeated ones count twice.
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
    /// The request for what is missing from this frame on. `next_is_there`: the frame after it has come already.
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

    /// Whether requested pieces may still be coming.
    pub(super) fn are_under_way(&self) -> bool {
        self.coming.is_some()
    }

    /// No requested piece is coming any more.
    pub(super) fn ended(&mut self) {
        self.coming = None;
    }

    /// Whether this is the end of the pieces that were last requested.
    pub(super) fn are_at_their_end(&mut self, from: usize) -> bool {
        self.coming.take_if(|coming| *coming == from).is_some()
    }

    /// Whether this piece has come already.
    pub(super) fn have(&self, piece: &Piece) -> bool {
        { self.frames.get(&piece.frame) }
            .and_then(|pieced| pieced.pieces.get(&piece.at))
            .is_some_and(|text| text.len() >= piece.text.len())
    }

    /// Keeps a piece. Returns the frame once it is complete.
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
    /// The first missing range, as its start and end; `None` if nothing is missing. If there are more than [`GAPS`]
    /// gaps the range extends to the end of the frame, since each gap that is requested on its own costs a round
    /// trip.
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

    /// The whole text. Pieces that were requested twice overlap.
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
